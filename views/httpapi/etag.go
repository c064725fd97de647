package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"refold/views/httpapi/problem"
)

// A state's entity tag is its sequence and a digest of the answer's body, "7-0dJk3…": a refold may mend
// the state at a sequence, and another program may show it in another way, without an event. As an
// expectation, in If-Match, a sequence may also stand alone: "7".

// digestBytes of a SHA-256 are in a tag: some 2^48 bodies of one sequence make two that share one.
const digestBytes = 12

// stateTag is an entity tag of ours, read.
type stateTag struct {
	sequence int64
	digest   string // empty: any state at the sequence
}

// tagOf returns the tag of an answer's body that shows the state at a sequence.
func tagOf(sequence int64, body json.RawMessage) stateTag {
	sum := sha256.Sum256(body)
	return stateTag{sequence, base64.RawURLEncoding.EncodeToString(sum[:digestBytes])}
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
	if !ok || both && base64.RawURLEncoding.DecodedLen(len(digest)) != digestBytes {
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

// entityTag is one of a list in a header.
type entityTag struct {
	weak   bool
	opaque string // without its quotes
}

// entityTags reads the value of If-Match or If-None-Match (RFC 9110, 13.1.1 and 13.1.2): "*" or a list of
// tags. ok is false of anything else.
func entityTags(header string) (tags []entityTag, star, ok bool) {
	if strings.Trim(header, " \t") == "*" {
		return nil, true, true
	}
	for rest := header; ; {
		if rest = strings.TrimLeft(rest, " \t,"); rest == "" { // a list may have empty elements
			return tags, false, true
		}
		var t entityTag
		rest, t.weak = strings.CutPrefix(rest, "W/")
		if rest, ok = strings.CutPrefix(rest, `"`); !ok {
			return nil, false, false
		}
		if t.opaque, rest, ok = strings.Cut(rest, `"`); !ok || strings.ContainsFunc(t.opaque, notInTag) {
			return nil, false, false
		}
		tags = append(tags, t)
		if behind := strings.TrimLeft(rest, " \t"); behind != "" && behind[0] != ',' {
			return nil, false, false
		}
	}
}

// notInTag reports whether a character can't be in an entity tag: a space, or a control character.
func notInTag(r rune) bool { return r <= ' ' || r == 0x7f }

// noneMatch reports whether an If-None-Match header lets the answer with the tag be sent. Tags are
// compared weakly, as RFC 9110 asks for here; foreign tags match nothing, nor does a header that is no
// list of tags, nor a sequence alone, which names no body.
func noneMatch(header string, tag stateTag) bool {
	tags, star, ok := entityTags(header)
	if !ok {
		return true
	}
	for _, t := range tags {
		if t.opaque == tag.opaque() {
			return false
		}
	}
	return !star
}

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
	tags, star, ok := entityTags(ifMatch)
	if !ok || len(tags) == 0 && !star {
		return e, errors.New(`the ETag of the aggregate, or a sequence in double quotes, such as "3" ` +
			`("0" if it must be new); several with commas between them; or * if it must be there`)
	}
	e.given, e.exist = true, star
	for _, t := range tags {
		if tag, ours := parseTag(t.opaque); ours && !t.weak {
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
