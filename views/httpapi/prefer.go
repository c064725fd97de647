package httpapi

import (
	"strconv"
	"strings"
	"time"
)

// preferredWait returns how long the client would like to wait by its Prefer header (RFC 7240),
// at most limit. A preference that isn't understood is none: that is what the RFC asks for. The
// first of several waits counts.
func preferredWait(header string, limit time.Duration) (time.Duration, bool) {
	for preference := range elements(header, ',') {
		name, value, _ := strings.Cut(firstElement(preference, ';'), "=")
		if !strings.EqualFold(strings.TrimSpace(name), "wait") {
			continue
		}
		value = strings.Trim(strings.TrimSpace(value), `"`)
		seconds, err := strconv.ParseUint(value, 10, 32)
		if err != nil {
			return 0, false
		}
		return min(time.Duration(seconds)*time.Second, limit), true
	}
	return 0, false
}

// firstElement returns the text before the first separator outside of quotes.
func firstElement(s string, separator byte) string {
	for element := range elements(s, separator) {
		return element
	}
	return ""
}

// elements yields the parts of a header's value between separators. A separator inside of a quoted
// string doesn't separate. Parts are trimmed, empty ones left out.
func elements(s string, separator byte) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		start, quoted := 0, false
		for i := 0; i <= len(s); i++ {
			switch {
			case i == len(s), s[i] == separator && !quoted:
				part := strings.TrimSpace(s[start:i])
				start = i + 1
				if part != "" && !yield(part) {
					return
				}
			case s[i] == '\\' && quoted:
				i++ // the next byte stands for itself
			case s[i] == '"':
				quoted = !quoted
			}
		}
	}
}
