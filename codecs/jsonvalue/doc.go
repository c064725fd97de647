// Package jsonvalue reads and writes JSON where encoding/json loses something or refuses too much.
//
// Reading: a [Text] is checked once, and keeps the place of everything: the order of members, members
// that come twice, numbers as they were written. A [Cursor] reads it without building anything.
// encoding/json would replace what is not UTF-8 and take the last of two members.
//
// Writing: [Marshal] writes a Go value as encoding/json does, with a limit, and with the numbers that
// JSON lacks as the strings "NaN", "Infinity" and "-Infinity".
package jsonvalue
