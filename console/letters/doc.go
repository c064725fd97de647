// Package letters is the part of the console about dead letters: groups of them, one with the error at its
// place in the bytes, what became of it, and the way to put it back or discard it.
package letters
