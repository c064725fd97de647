// Package consoletest tests parts of the console: it serves them, parses their pages, and holds each page to
// what all pages promise: no script, style or address of others in it, one heading, a label for each field.
package consoletest
