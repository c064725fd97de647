package operator

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// A sample of a share has about that share of the keys; a smaller one is a part of it.
func TestSamples(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		share := rapid.Float64Range(.01, 1).Draw(t, "share")
		prefix := rapid.String().Draw(t, "prefix")
		const keys = 20_000
		in := 0
		for n := range keys {
			h := hashOf(fmt.Appendf(nil, "%s%d", prefix, n))
			if inSample(h, share) {
				in++
			} else if inSample(h, share/2) {
				t.Fatal("half the sample has a key that the sample lacks")
			}
		}
		if got := float64(in) / keys; got < share-.03 || got > share+.03 {
			t.Errorf("of %d keys %v are in a sample of %v", keys, got, share)
		}
	})
}

// A set has what was added, and little else.
func TestKeySet(t *testing.T) {
	set := newKeySet()
	for n := range 1000 {
		set.add(hashOf(fmt.Appendf(nil, "in-%d", n)))
	}
	others := 0
	for n := range 1000 {
		if !set.has(hashOf(fmt.Appendf(nil, "in-%d", n))) {
			t.Fatalf("%d is lost", n)
		}
		if set.has(hashOf(fmt.Appendf(nil, "out-%d", n))) {
			others++
		}
	}
	if others > 10 {
		t.Errorf("%d of 1000 others are in it", others)
	}
}
