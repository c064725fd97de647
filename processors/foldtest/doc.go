// Package foldtest holds the fold of an aggregate to what handling its commands does. It is for the tests of
// aggregates.
package foldtest
