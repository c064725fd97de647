package endpoint

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// DigestBytes of a SHA-256 are in a tag: some 2^48 bodies make two that share one.
const DigestBytes = 12

// Digest returns a text that tells a body from others, for an entity tag.
func Digest(body []byte) string {
	sum := sha256.Sum256(body)
	return base64.RawURLEncoding.EncodeToString(sum[:DigestBytes])
}

// EntityTag is one of a list in a header.
type EntityTag struct {
	Weak   bool
	Opaque string // without its quotes
}

// EntityTags reads the value of If-Match or If-None-Match (RFC 9110, 13.1.1 and 13.1.2): "*" or a list of
// tags. ok is false of anything else.
func EntityTags(header string) (tags []EntityTag, star, ok bool) {
	if strings.Trim(header, " \t") == "*" {
		return nil, true, true
	}
	for rest := header; ; {
		if rest = strings.TrimLeft(rest, " \t,"); rest == "" { // a list may have empty elements
			return tags, false, true
		}
		var t EntityTag
		rest, t.Weak = strings.CutPrefix(rest, "W/")
		if rest, ok = strings.CutPrefix(rest, `"`); !ok {
			return nil, false, false
		}
		if t.Opaque, rest, ok = strings.Cut(rest, `"`); !ok || strings.ContainsFunc(t.Opaque, notInTag) {
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

// NoneMatch reports whether an If-None-Match header lets the answer with the tag be sent. Tags are
// compared weakly, as RFC 9110 asks for here; foreign tags match nothing, nor does a header that is no
// list of tags.
func NoneMatch(header, opaque string) bool {
	tags, star, ok := EntityTags(header)
	if !ok {
		return true
	}
	for _, t := range tags {
		if t.Opaque == opaque {
			return false
		}
	}
	return !star
}
