package httpapi

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"refold/views/httpapi/endpoint"
	"refold/views/httpapi/problem"
)

// A state's entity tag is its sequence and a digest of the answer's body, "7-0dJk3…": a refold may mend
// the state at a sequence, and another program may show it in another way, without an event. As an
// expectation, in If-Match, a sequence may also stand alone: "7".

// stateTag is an entity tag of ours, read.
type stateTag struct {
	sequence int64
	digest   string // empty: any state at the sequence
}

// tagOf returns the tag of an answer's body that shows the state at a sequence.
func tagOf(sequence int64, body json.RawMessage) stateTag {
	return stateTag{sequence, endpoint.Digest(body)}
}

// opaque returns the tag without its quotes.
func (t stateTag) opaque() string {
	if t.digest == "" {
		return formatSequence(t.sequence)
	}
	return formatSequence(t.sequence) + "-" + t.digest
}

// String returns the tag as ETag and If-Match have it.
func (t stateTag) String() string { return `"` + t.opaque() + `"` }

// parseTag reads what opaque could have written.
func parseTag(opaque string) (stateTag, bool) {
	number, digest, both := strings.Cut(opaque, "-")
	sequence, ok := parseSequence(number)
	if !ok || both && base64.RawURLEncoding.DecodedLen(len(digest)) != endpoint.DigestBytes {
		return stateTag{}, false
	}
	return stateTag{sequence, digest}, true
}

// encoded returns a body as it goes out.
func encoded(body any) json.RawMessage {
	var b bytes.Buffer
	_ = problem.Encode(&b, body) // always nil
	return b.Bytes()
}

// tagExample and ifMatchPattern are for the API's description.
const (
	tagExample     = `"3-Uo8FJ2vq8hpcWf0a"`
	ifMatchPattern = `^[ \t]*(\*|[ \t,]*(W/)?"[^" ]*"([ \t]*,[ \t,]*(W/)?"[^" ]*")*[ \t,]*)$`
)

// noneMatch reports whether an If-None-Match header lets the answer with the tag be sent. A sequence alone,
// which names no body, matches nothing.
func noneMatch(header string, tag stateTag) bool { return endpoint.NoneMatch(header, tag.opaque()) }

// expectation is what an If-Match header asks of the aggregate.
type expectation struct {
	given bool
	exist bool // "*": it must be there
	// tags are those that can match: strong ones of ours. None: nothing can.
	tags []stateTag
}

// expected reads an If-Match header. Weak and foreign tags are no mistakes, and never match.
func expected(ifMatch string) (e expectation, err error) {
	if strings.TrimSpace(ifMatch) == "" {
		return e, nil
	}
	tags, star, ok := endpoint.EntityTags(ifMatch)
	if !ok || len(tags) == 0 && !star {
		return e, errors.New(`the ETag of the aggregate, or a sequence in double quotes, such as "3" ` +
			`("0" if it must be new); several with commas between them; or * if it must be there`)
	}
	e.given, e.exist = true, star
	for _, t := range tags {
		if tag, ours := parseTag(t.Opaque); ours && !t.Weak {
			e.tags = append(e.tags, tag)
		}
	}
	return e, nil
}

// alone returns the sequence that is expected whatever else is: the aggregate itself compares it.
func (e expectation) alone() (sequence int64, is bool) {
	if len(e.tags) != 1 || e.tags[0].digest != "" {
		return 0, false
	}
	return e.tags[0].sequence, true
}

// span returns the least and the greatest sequence that are expected.
func (e expectation) span() (least, greatest int64) {
	if e.exist {
		return 1, 1
	}
	least, greatest = e.tags[0].sequence, e.tags[0].sequence
	for _, t := range e.tags[1:] {
		least, greatest = min(least, t.sequence), max(greatest, t.sequence)
	}
	return least, greatest
}

// parseSequence reads a sequence in the one way in which we write it: digits, no leading zeros.
func parseSequence(s string) (int64, bool) {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil || s != strconv.FormatUint(n, 10) {
		return 0, false
	}
	return int64(n), true
}
