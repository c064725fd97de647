package httpapi

import (
	"strings"
	"testing"
	"time"
)

func TestPreferredWait(t *testing.T) {
	const limit = 30 * time.Second
	for header, want := range map[string]time.Duration{
		"wait=5": 5 * time.Second, "WAIT=5": 5 * time.Second, ` wait = "5" `: 5 * time.Second,
		"respond-async, wait=5": 5 * time.Second, "wait=5; x=y": 5 * time.Second,
		"wait=0": 0, "wait=31": limit, "wait=4294967295": limit, "wait=1, wait=2": time.Second,
		`foo="a, wait=9", wait=3`: 3 * time.Second, `foo="\", wait=9", wait=3`: 3 * time.Second,
		"": -1, "wait": -1, "wait=": -1, "wait=-1": -1, "wait=1.5": -1, "wait=4294967296": -1,
		"waiting=5": -1, "x; wait=5": -1, `"wait=5"`: -1, "wait=0x5": -1,
	} {
		got, prefers := preferredWait(header, limit)
		if !prefers {
			got = -1
		}
		if got != want {
			t.Errorf("Prefer: %s gives %v, want %v", header, got, want)
		}
	}
}

func TestExpectedSequence(t *testing.T) {
	for header, want := range map[string]int64{
		`"3"`: 3, ` "0" `: 0, `"9223372036854775807"`: 1<<63 - 1,
		"":  -1, // nothing is expected
		"*": -2, "3": -2, `W/"3"`: -2, `"3", "4"`: -2, `"03"`: -2, `"-1"`: -2, `"+1"`: -2, `""`: -2,
		`"9223372036854775808"`: -2, `"a"`: -2, `"`: -2, `"1_0"`: -2,
	} {
		got, err := expectedSequence(header)
		switch {
		case want == -2 && err == nil, want > -2 && err != nil, want == -1 && got != nil,
			want >= 0 && (got == nil || *got != want):
			t.Errorf("If-Match: %s gives %v, %v, want %d", header, got, err, want)
		}
	}
}

func FuzzPrefer(f *testing.F) {
	for _, seed := range []string{"wait=5", `a="b\", c", wait="3";x`, `"\`, `wait="`, ",;=", "wait,"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		const limit = 30 * time.Second
		wait, prefers := preferredWait(header, limit)
		if wait < 0 || wait > limit || !prefers && wait != 0 {
			t.Errorf("Prefer: %q gives %v, %v", header, wait, prefers)
		}
		for part := range elements(header, ',') {
			if part == "" || part != strings.TrimSpace(part) || !strings.Contains(header, part) {
				t.Errorf("%q has an element %q", header, part)
			}
		}
	})
}

func FuzzEntityTags(f *testing.F) {
	for _, seed := range []string{`"3"`, `W/"3"`, `"1", "2"`, "*", `"`, `"9223372036854775808"`, ""} {
		f.Add(seed, int64(3))
	}
	f.Fuzz(func(t *testing.T, header string, sequence int64) {
		// What is accepted is what we write, and what we write matches itself.
		if got, err := expectedSequence(header); err == nil && got != nil &&
			etag(*got) != strings.TrimSpace(header) {
			t.Errorf("If-Match: %q is read as %d", header, *got)
		}
		if sequence >= 0 && noneMatch(header+", "+etag(sequence), sequence) &&
			strings.Count(header, `"`)%2 == 0 && !strings.Contains(header, `\`) {
			t.Errorf("If-None-Match: %q and %s don't match %d", header, etag(sequence), sequence)
		}
	})
}

func FuzzIDs(f *testing.F) {
	for _, seed := range []string{"alice", "", "..", `"c-1"`, "a/b", "a b", strings.Repeat("x", 129)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, key string) {
		id, err := commandID(key)
		if err == nil && !validID(id) {
			t.Errorf("Idempotency-Key: %q gives the ID %q", key, id)
		}
	})
}
