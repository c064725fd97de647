package eventsourcing

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Codes of [CheckText].
const (
	// CodeTextTooLong: a text has more characters than allowed.
	CodeTextTooLong = "text-too-long"
	// CodeTextInvalid: a text is no UTF-8, or has a control character.
	CodeTextInvalid = "text-invalid"
)

// CheckText rejects a text of a command that can't be kept, shown on one line, and encoded. most is
// its limit in characters (Unicode code points), missing the code of a text that is empty or blank.
// A text is kept as it came, blanks at its ends included, so that IDs compare byte by byte.
func CheckText(field, text string, most int, missing string) error {
	if strings.TrimSpace(text) == "" {
		return Reject(missing, "%s is empty; it must have 1 to %d characters", field, most)
	}
	if n := utf8.RuneCountInString(text); n > most {
		return Reject(CodeTextTooLong, "%s has %d characters; at most %d are allowed", field, n, most)
	}
	if !utf8.ValidString(text) {
		return Reject(CodeTextInvalid, "%s is no valid UTF-8", field)
	}
	if i := strings.IndexFunc(text, unicode.IsControl); i >= 0 {
		r, _ := utf8.DecodeRuneInString(text[i:])
		return Reject(CodeTextInvalid,
			"%s has the control character %U at byte %d; none is allowed", field, r, i)
	}
	return nil
}
