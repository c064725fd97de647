package jsonvalue

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Text is one JSON value that was checked: it is valid JSON in UTF-8, and each escaped surrogate has its
// other half. Make it with [Parse]. The zero Text is no value.
type Text struct {
	bytes []byte
	depth int // of nesting, at most
}

// SyntaxError says why bytes are not one JSON value.
type SyntaxError struct {
	// Found is the reason, Allowed says what may be there instead.
	Found, Allowed string
	// Line and Column count from 1, Column in characters. Both are 0 if the reason is about all of it.
	Line, Column int
}

// Error gives the reason and the place.
func (e *SyntaxError) Error() string {
	if e.Line == 0 {
		return e.Found
	}
	return fmt.Sprintf("%s at line %d, column %d", e.Found, e.Line, e.Column)
}

// Parse checks that data, of at most limit bytes, is one JSON value. It keeps data, which must not be
// changed any more. The error is a *[SyntaxError].
func Parse(data []byte, limit int) (Text, error) {
	if len(data) > limit {
		return Text{}, &SyntaxError{
			Found: fmt.Sprintf("%d bytes", len(data)), Allowed: fmt.Sprintf("at most %d bytes", limit),
		}
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return Text{}, &SyntaxError{Found: "nothing", Allowed: "one JSON object"}
	}
	if at := invalidUTF8(data); at >= 0 {
		return Text{}, syntaxError(data, at, fmt.Sprintf("the byte %#02x", data[at]), "UTF-8")
	}
	if !json.Valid(data) {
		return Text{}, whyInvalid(data)
	}
	depth, half := survey(data)
	if half >= 0 {
		return Text{}, syntaxError(data, half, "half a surrogate pair", `both halves, as in "\ud83d\ude00"`)
	}
	return Text{bytes: data, depth: depth}, nil
}

func whyInvalid(data []byte) *SyntaxError {
	var whole json.RawMessage
	err := json.Unmarshal(data, &whole)
	at := len(data)
	syntax, is := errors.AsType[*json.SyntaxError](err)
	if is && !strings.HasPrefix(err.Error(), "unexpected end") {
		at = int(syntax.Offset) - 1 // Offset is that of the byte after the offending one
	}
	return syntaxError(data, at, fmt.Sprint(err), "valid JSON, one value and nothing after it")
}

// syntaxError counts lines and columns as an editor does.
func syntaxError(data []byte, at int, found, allowed string) *SyntaxError {
	at = max(0, min(at, len(data)))
	before := data[:at]
	return &SyntaxError{
		Found: found, Allowed: allowed,
		Line:   1 + bytes.Count(before, []byte("\n")),
		Column: 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]),
	}
}

func invalidUTF8(data []byte) int {
	if utf8.Valid(data) {
		return -1
	}
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// survey returns how deeply valid JSON is nested, and where an escape is half a surrogate pair, which is
// no character; -1 if none is.
func survey(data []byte) (depth, half int) {
	open := 0
	for at := 0; at < len(data); at++ {
		switch data[at] {
		case '[', '{':
			open++
			depth = max(depth, open)
		case ']', '}':
			open--
		case '"':
			end := endOfString(data, at)
			if half := halfSurrogate(data[at:end]); half >= 0 {
				return depth, at + half
			}
			at = end - 1
		}
	}
	return depth, -1
}

// endOfString returns the index behind the string that begins at from.
func endOfString(data []byte, from int) int {
	for at := from + 1; ; at++ {
		switch data[at] {
		case '\\':
			at++
		case '"':
			return at + 1
		}
	}
}

func halfSurrogate(text []byte) int {
	for at := 0; ; {
		next := bytes.IndexByte(text[at:], '\\')
		if next < 0 {
			return -1
		}
		at += next
		r := escapedRune(text[at:])
		switch {
		case !utf16.IsSurrogate(r):
			at += 2
		case utf16.DecodeRune(r, escapedRune(text[at+len(`\ud83d`):])) == utf8.RuneError:
			return at
		default:
			at += len(`\ud83d\ude00`)
		}
	}
}

// escapedRune returns the number of the escape at the beginning of data; 0 if it has none.
func escapedRune(data []byte) rune {
	const length = len(`\ud83d`)
	if len(data) < length || data[0] != '\\' || data[1] != 'u' {
		return 0
	}
	r, err := strconv.ParseUint(string(data[2:length]), 16, 16)
	if err != nil {
		return 0
	}
	return rune(r)
}

// Bytes returns the text, which must not be changed.
func (t Text) Bytes() []byte { return t.bytes }

// CheckDepth returns a *[SyntaxError] if arrays and objects are nested deeper than limit.
func (t Text) CheckDepth(limit int) error {
	if t.depth <= limit {
		return nil
	}
	open := 0
	for at := 0; at < len(t.bytes); at++ {
		switch t.bytes[at] {
		case '[', '{':
			open++
			if open > limit {
				return syntaxError(t.bytes, at, fmt.Sprintf("nesting deeper than %d", limit),
					fmt.Sprintf("at most %d levels", limit))
			}
		case ']', '}':
			open--
		case '"':
			at = endOfString(t.bytes, at) - 1
		}
	}
	return nil
}

// Kind returns the first byte of the value: one of `{["tfn`, or that of a number; 0 for no value.
func (t Text) Kind() byte {
	if len(t.bytes) == 0 {
		return 0
	}
	c := t.Cursor()
	return c.Peek()
}

// Members returns the members of an object, in their order; none of another value.
func (t Text) Members() iter.Seq2[string, Text] {
	return func(yield func(string, Text) bool) {
		if t.Kind() != '{' {
			return
		}
		c := t.Cursor()
		for c.Enter(); c.More(); {
			name := string(c.Name())
			c.Peek()
			from := c.at
			c.Skip()
			if !yield(name, Text{bytes: t.bytes[from:c.at:c.at], depth: t.depth}) {
				return
			}
		}
	}
}

// Unquoted returns the content of a string; false of another value.
func (t Text) Unquoted() (string, bool) {
	if t.Kind() != '"' {
		return "", false
	}
	c := t.Cursor()
	return string(Unquote(c.Token())), true
}
