//go:build !race

// The race detector makes sync.Pool forget on purpose.

package codecs_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
)

func TestAllocations(t *testing.T) {
	events := set(t, client(t, server(t).URL()), bankTypes()...)
	var v any = deposited()
	b, err := events.Encode(v)
	if err != nil {
		t.Fatal(err)
	}
	headers := make([]kgo.RecordHeader, 12)
	scratch := make([]byte, 0, 512)
	for name, test := range map[string]struct {
		want float64
		fn   func()
	}{
		"Encode":       {1, func() { _, _ = events.Encode(v) }},
		"AppendEncode": {0, func() { _, _ = events.AppendEncode(scratch[:0], v) }},
		"Framed":       {0, func() { b = codecs.Framed(headers, b) }},
		// The value, and a share of the next kilobyte for strings.
		"Decode": {2, func() { _, _ = events.Decode(t.Context(), b) }},
	} {
		if n := testing.AllocsPerRun(1000, test.fn); n > test.want {
			t.Errorf("%s allocates %v times, want at most %v", name, n, test.want)
		}
	}
}
