// Package records keeps whole records, and keys made of texts, in local stores.
package records
