// Package search is the part of the console that finds something by one field: by any ID, by the beginning of
// an aggregate's, by the place of a dead letter, and by text where the program has a search projection.
package search
