// Package logging makes the loggers of a program: its own, and those of the libraries, which have a level
// of their own.
package logging
