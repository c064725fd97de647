package endpoint

import (
	"strings"
	"testing"
	"time"
)

func TestPrefer(t *testing.T) {
	const limit = 30 * time.Second
	for header, want := range map[string]time.Duration{
		"wait=5": 5 * time.Second, "WAIT=5": 5 * time.Second, ` wait = "5" `: 5 * time.Second,
		"respond-async, wait=5": 5 * time.Second, "wait=5; x=y": 5 * time.Second,
		"wait=0": 0, "wait=31": limit, "wait=4294967295": limit, "wait=1, wait=2": time.Second,
		`foo="a, wait=9", wait=3`: 3 * time.Second, `foo="\", wait=9", wait=3`: 3 * time.Second,
		"": -1, "wait": -1, "wait=": -1, "wait=-1": -1, "wait=1.5": -1, "wait=4294967296": -1,
		"waiting=5": -1, "x; wait=5": -1, `"wait=5"`: -1, "wait=0x5": -1,
	} {
		got, prefers := Prefer(header).Wait(limit)
		if !prefers {
			got = -1
		}
		if got != want {
			t.Errorf("Prefer: %s gives %v, want %v", header, got, want)
		}
	}
}

func FuzzPrefer(f *testing.F) {
	for _, seed := range []string{"wait=5", `a="b\", c", wait="3";x`, `"\`, `wait="`, ",;=", "wait,"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		const limit = 30 * time.Second
		wait, prefers := Prefer(header).Wait(limit)
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
