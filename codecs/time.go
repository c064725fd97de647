package codecs

import (
	"errors"
	"time"
)

var errNoTime = errors.New("not a time of RFC 3339, in the years 1 to 9999")

// ParseTime reads a time of RFC 3339, in UTC: also with a small t or z, as its section 5.6 has it, and
// with the second 60 where a leap second may be, at 23:59 UTC on the last day of a month. Like Unix
// time it has no place for that second, which becomes the first one of the next day. The year is from 1 to
// 9999, in UTC, too, so that every time that was read can be written.
func ParseTime(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t, err = parseUnusual(text)
	}
	t = t.UTC()
	if year := t.Year(); err != nil || year < 1 || year > 9999 {
		return time.Time{}, errNoTime
	}
	return t, nil
}

// parseUnusual reads what time.Parse doesn't know of RFC 3339.
func parseUnusual(text string) (time.Time, error) {
	const atT, atSecond, least = len("2006-01-02"), len("2006-01-02T15:04:"), len("2006-01-02T15:04:05Z")
	if len(text) < least || len(text) > 2*least {
		return time.Time{}, errNoTime
	}
	b := []byte(text)
	if b[atT] == 't' {
		b[atT] = 'T'
	}
	if last := len(b) - 1; b[last] == 'z' {
		b[last] = 'Z'
	}
	leap := string(b[atSecond:atSecond+2]) == "60"
	if leap {
		copy(b[atSecond:], "59")
	}
	t, err := time.Parse(time.RFC3339Nano, string(b))
	if err != nil || !leap {
		return t, err //nolint:wrapcheck // ParseTime has an error of its own
	}
	t = t.UTC()
	next := t.Add(time.Second)
	if t.Hour() != 23 || t.Minute() != 59 || next.Day() != 1 {
		return t, errNoTime
	}
	return next, nil
}
