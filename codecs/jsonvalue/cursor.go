package jsonvalue

import (
	"bytes"
	"encoding/json"
)

// Cursor reads a [Text] from its beginning. It can be copied, to come back to a place. Its methods are
// called in the order of the text:
//
//	for c.Enter(); c.More(); { // an array
//		item := c.Token() // or Skip, or Enter
//	}
//
// For an object, [Cursor.Name] comes before each value.
type Cursor struct {
	text []byte
	at   int
}

// Cursor returns a cursor at the beginning of the text.
func (t Text) Cursor() Cursor { return Cursor{text: t.bytes} }

// Peek returns the first byte of the next value without reading it.
func (c *Cursor) Peek() byte {
	for isSpace(c.text[c.at]) {
		c.at++
	}
	return c.text[c.at]
}

// Enter reads the bracket that opens an array or an object.
func (c *Cursor) Enter() {
	c.Peek()
	c.at++
}

// More reports whether the array or object goes on, and reads the comma or the closing bracket.
func (c *Cursor) More() bool {
	switch c.Peek() {
	case ',':
		c.at++
	case ']', '}':
		c.at++
		return false
	}
	return true
}

// Name reads a member's name.
func (c *Cursor) Name() []byte {
	name := Unquote(c.Token())
	c.Peek() // the colon
	c.at++
	return name
}

// Token reads a value that is neither array nor object, and returns it as it is written.
func (c *Cursor) Token() []byte {
	isString := c.Peek() == '"'
	from := c.at
	if isString {
		c.at = endOfString(c.text, from)
	}
	for !isString && c.at < len(c.text) && !endsToken(c.text[c.at]) {
		c.at++
	}
	return c.text[from:c.at]
}

// Skip reads any value.
func (c *Cursor) Skip() {
	open := 0
	for {
		switch c.Peek() {
		case '[', '{':
			open++
			c.at++
		case ']', '}':
			open--
			c.at++
		case ',', ':':
			c.at++
		default:
			c.Token()
		}
		if open == 0 {
			return
		}
	}
}

// Unquote returns the content of a string token. It shares memory with the token unless that has escapes.
func Unquote(token []byte) []byte {
	inner := token[1 : len(token)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner
	}
	var text string
	_ = json.Unmarshal(token, &text) // the text was checked
	return []byte(text)
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

func endsToken(c byte) bool { return isSpace(c) || c == ',' || c == ']' || c == '}' }
