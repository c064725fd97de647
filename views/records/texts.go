package records

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
)

// AppendText appends a text and, before it, its length.
func AppendText[T ~string | ~[]byte](b []byte, text T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// CutText takes off what AppendText has appended.
func CutText(b []byte) (text, rest []byte, ok bool) {
	length, n := binary.Uvarint(b)
	if n <= 0 || length > uint64(len(b)-n) {
		return nil, nil, false
	}
	return b[n : n+int(length)], b[n+int(length):], true
}

// The bytes that follow a zero byte in an ordered text.
const (
	endOfText  = 1    // the text ends before the zero byte
	uuidFollow = 2    // only at the beginning: a UUID's bits, see AppendID
	zeroByte   = 0xff // the zero byte is in the text
)

// AppendOrdered appends a text of any bytes such that keys with something behind it are in the
// order of the texts, and none that begins with another one gets among that one's: a zero byte
// becomes 0 255, and 0 1 is the end.
func AppendOrdered[T ~string | ~[]byte](b []byte, text T) []byte {
	for i := range len(text) {
		b = append(b, text[i])
		if text[i] == 0 {
			b = append(b, zeroByte)
		}
	}
	return append(b, 0, endOfText)
}

// CutOrdered takes off what AppendOrdered has appended.
func CutOrdered(b []byte) (text string, rest []byte, ok bool) {
	var own []byte
	for {
		zero := bytes.IndexByte(b, 0)
		if zero < 0 || zero+1 == len(b) {
			return "", nil, false
		}
		own = append(own, b[:zero]...)
		follows := b[zero+1]
		b = b[zero+2:]
		switch follows {
		case endOfText:
			return string(own), b, true
		case zeroByte:
			own = append(own, 0)
		default:
			return "", nil, false
		}
	}
}

// AppendID is AppendOrdered of a text that often is a UUID: of one in its usual spelling, 36 characters in
// lower case, it appends 18 bytes. Keys are in the order of their UUIDs, before those of all other texts.
func AppendID(b []byte, id string) []byte {
	if packed, is := appendUUID(append(b, 0, uuidFollow), id); is {
		return packed
	}
	return AppendOrdered(b, id)
}

// CutID takes off what AppendID has appended.
func CutID(b []byte) (id string, rest []byte, ok bool) {
	if len(b) > 1 && b[0] == 0 && b[1] == uuidFollow {
		text, rest, ok := cutUUID(b[2:])
		return string(text), rest, ok
	}
	return CutOrdered(b)
}

const (
	uuidBytes = 16
	uuidText  = 36
)

// uuidParts are the parts of a UUID as text, between its hyphens.
var uuidParts = [...]struct{ from, to int }{{0, 8}, {9, 13}, {14, 18}, {19, 23}, {24, 36}}

// appendUUID appends the bits of a UUID in its usual spelling. It reports false of any other text.
func appendUUID[T ~string | ~[]byte](b []byte, text T) (packed []byte, is bool) {
	if len(text) != uuidText || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return nil, false
	}
	for _, part := range uuidParts {
		for i := part.from; i < part.to; i += 2 {
			high, low := digitOf(text[i]), digitOf(text[i+1])
			if high|low > 0xf {
				return nil, false
			}
			b = append(b, high<<4|low)
		}
	}
	return b, true
}

// digitOf is the value of a digit in lower case, 255 of what is none.
func digitOf(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return 0xff
}

// cutUUID takes off what appendUUID has appended, as text.
func cutUUID(b []byte) (text, rest []byte, ok bool) {
	if len(b) < uuidBytes {
		return nil, nil, false
	}
	text = make([]byte, 0, uuidText)
	bits := b
	for i, part := range uuidParts {
		if i > 0 {
			text = append(text, '-')
		}
		n := (part.to - part.from) / 2
		text, bits = hex.AppendEncode(text, bits[:n]), bits[n:]
	}
	return text, b[uuidBytes:], true
}

// Behind returns the first key behind all that begin with a prefix; nil: there is none.
func Behind(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < 0xff {
			next := bytes.Clone(prefix[:i+1])
			next[i]++
			return next
		}
	}
	return nil
}
