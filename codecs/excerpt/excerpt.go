package excerpt

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// cutMark stands where something was left out.
const cutMark = "…"

// Of returns the beginning of a text: at most limit bytes, cut between two characters, with "…" where
// something is left out. It escapes bytes that are not UTF-8, as in \xff, since readers of the message
// would replace or refuse them.
func Of(text string, limit int) string {
	if len(text) <= limit && utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	end := 0 // of the part that leaves room for the mark
	for b.Len() <= limit && text != "" {
		r, size := utf8.DecodeRuneInString(text)
		if r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, `\x%02x`, text[0])
		} else {
			b.WriteString(text[:size])
		}
		if b.Len() <= limit-len(cutMark) {
			end = b.Len()
		}
		text = text[size:]
	}
	if b.Len() <= limit {
		return b.String()
	}
	return b.String()[:end] + cutMark
}

// Quoted returns the beginning of a text, at most limit bytes, as a Go string. The mark for what is left
// out follows the closing quote, so that it can't be taken for a part of the text.
func Quoted(text string, limit int) string {
	if len(text) <= limit {
		return strconv.Quote(text)
	}
	end := limit
	for back := range min(utf8.UTFMax, limit+1) { // to the start of the character that is cut
		if utf8.RuneStart(text[limit-back]) {
			end = limit - back
			break
		}
	}
	return strconv.Quote(text[:end]) + cutMark
}
