package codecs

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// cutMark stands where something was left out.
const cutMark = "…"

// Excerpt returns the beginning of a text that is somebody else's, for messages and logs: at most limit
// bytes, cut between two characters, with "…" where something is left out. Bytes that are no UTF-8 are
// escaped, as in \xff: what takes the message further would replace them, or refuse it.
func Excerpt(text string, limit int) string {
	if len(text) <= limit && utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	end := 0 // of what there is room for beside the mark
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

// quoted is Excerpt as a Go string, the mark behind it: nobody takes it for a part of the text. The limit is
// that of what is quoted.
func quoted(text string, limit int) string {
	if len(text) <= limit {
		return strconv.Quote(text)
	}
	end := limit
	for back := range min(utf8.UTFMax, limit+1) { // to where the character begins that is cut
		if utf8.RuneStart(text[limit-back]) {
			end = limit - back
			break
		}
	}
	return strconv.Quote(text[:end]) + cutMark
}
