package httpapi

import (
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"refold/views/httpapi/endpoint"
)

func TestExpected(t *testing.T) {
	const digest = "Uo8FJ2vq8hpcWf0a"
	tags := func(tags ...stateTag) expectation { return expectation{given: true, tags: tags} }
	for header, want := range map[string]expectation{
		"": {}, "*": {given: true, exist: true}, " * ": {given: true, exist: true},
		`"3"`: tags(stateTag{sequence: 3}), ` "0" `: tags(stateTag{}),
		`"9223372036854775807"`:     tags(stateTag{sequence: 1<<63 - 1}),
		`"3-` + digest + `"`:        tags(stateTag{3, digest}),
		`"3", ,"4-` + digest + `",`: tags(stateTag{sequence: 3}, stateTag{4, digest}),
		// Weak tags and those of others are no mistakes, and match nothing.
		`W/"3"`: tags(), `"03"`: tags(), `"-1"`: tags(), `"+1"`: tags(), `""`: tags(), `"3-"`: tags(),
		`"9223372036854775808"`: tags(), `"a\"`: tags(), `"1_0"`: tags(), `"3-short"`: tags(),
		`W/"3", "4"`: tags(stateTag{sequence: 4}),
	} {
		got, err := expected(header)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("If-Match: %s gives %+v, %v, want %+v", header, got, err, want)
		}
	}
	for _, header := range []string{
		"3", `"`, `"3`, `w/"3"`, `"3" "4"`, `"3", *`, `*, "3"`, `"a b"`, ",", `"3"x`,
	} {
		if got, err := expected(header); err == nil {
			t.Errorf("If-Match: %s gives %+v", header, got)
		}
	}
}

// RFC 9110, 13.1.2: weak comparison of the whole tag.
func TestNoneMatch(t *testing.T) {
	tag := tagOf(3, json.RawMessage(`{"id": "alice"}`))
	other := tagOf(3, json.RawMessage(`{"id": "Alice"}`))
	for header, want := range map[string]bool{
		"": true, tag.String(): false, "W/" + tag.String(): false, "*": false,
		`"1", ` + tag.String(): false, other.String(): true, `"3"`: true, `"a\", ` + tag.String(): false,
		tag.opaque(): true, "nonsense": true, `"` + tag.opaque(): true,
	} {
		if got := noneMatch(header, tag); got != want {
			t.Errorf("If-None-Match: %s of %v: %t", header, tag, got)
		}
	}
}

func FuzzEntityTags(f *testing.F) {
	described := regexp.MustCompile(ifMatchPattern)
	for _, seed := range []string{
		`"3"`, `W/"3"`, `"1", "2"`, "*", `"`, `"9223372036854775808"`, "", `"3-Uo8FJ2vq8hpcWf0a"`, `"\", "`,
	} {
		f.Add(seed, int64(3))
	}
	f.Fuzz(func(t *testing.T, header string, sequence int64) {
		// What is read is what we write, and what we write matches itself, whatever stands before it.
		e, err := expected(header)
		for _, tag := range e.tags {
			if !strings.Contains(header, tag.String()) {
				t.Errorf("If-Match: %q is read as %v", header, tag)
			}
		}
		tag := tagOf(max(sequence, 0), nil)
		_, star, ok := endpoint.EntityTags(header)
		if ok && !star && noneMatch(header+", "+tag.String(), tag) {
			t.Errorf("If-None-Match: %q and %v don't match it", header, tag)
		}
		if got, ours := parseTag(tag.opaque()); !ours || got != tag {
			t.Errorf("%v is read as %v", tag, got)
		}
		if err == nil && e.given && !e.exist && isPrintable(header) && !described.MatchString(header) {
			t.Errorf("If-Match: %q is taken, and not described", header)
		}
	})
}

func isPrintable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

func FuzzIDs(f *testing.F) {
	for _, seed := range []string{"alice", "", "..", `"c-1"`, "a/b", "a b", strings.Repeat("x", 129)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, key string) {
		id, ok := readKey(key)
		if ok && id != "" && !validID(id) {
			t.Errorf("Idempotency-Key: %q gives the ID %q", key, id)
		}
	})
}
