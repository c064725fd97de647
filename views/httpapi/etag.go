package httpapi

import (
	"errors"
	"strconv"
	"strings"
)

// etag returns the entity tag of the state at a sequence.
func etag(sequence int64) string { return `"` + strconv.FormatInt(sequence, 10) + `"` }

// expectedSequence reads an If-Match header: the sequence that the aggregate must be at, 0 if it
// must not exist yet, nil without a header. Only one strong tag makes sense here.
func expectedSequence(ifMatch string) (*int64, error) {
	ifMatch = strings.TrimSpace(ifMatch)
	if ifMatch == "" {
		return nil, nil //nolint:nilnil // no header, no expectation: that is no error
	}
	sequence, ok := parseTag(ifMatch)
	if !ok {
		return nil, errors.New(`one sequence in double quotes, such as "3"; "0" if it must be new`)
	}
	return &sequence, nil
}

// noneMatch tells whether an If-None-Match header lets the state at the sequence be sent. Tags are
// compared weakly, as RFC 9110 asks for here; foreign tags match nothing.
func noneMatch(header string, sequence int64) bool {
	for tag := range elements(header, ',') {
		if tag == "*" {
			return false
		}
		if s, ok := parseTag(strings.TrimPrefix(tag, "W/")); ok && s == sequence {
			return false
		}
	}
	return true
}

// parseTag reads a strong tag that we could have written.
func parseTag(tag string) (int64, bool) {
	if len(tag) < 3 || tag[0] != '"' || tag[len(tag)-1] != '"' {
		return 0, false
	}
	return parseSequence(tag[1 : len(tag)-1])
}

// parseSequence reads a sequence in the one way in which we write it: digits, no leading zeros.
func parseSequence(s string) (int64, bool) {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil || s != strconv.FormatUint(n, 10) {
		return 0, false
	}
	return int64(n), true
}
