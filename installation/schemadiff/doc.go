// Package schemadiff compares two versions of a schema, of any format: what changed, field by field and rule
// by rule, and what breaks.
package schemadiff
