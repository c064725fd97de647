package projector

import (
	"testing"
	"time"
)

// Builds that work one after the other, or at the same time, rest until all of their work is within the
// share.
func TestPaceIsOfAllBuilds(t *testing.T) {
	var p pace
	at := func(ms int) time.Time { return time.UnixMilli(int64(ms)) }
	for _, work := range []struct {
		began, ended int
		rested       int // until then
	}{
		{1000, 1010, 1040}, // a quarter of 40 ms
		{1000, 1010, 1080}, // at the same time: both are a quarter of 80 ms
		{1080, 1100, 1160},
		{1900, 1910, 1940},   // what was not worked before is not made up for
		{2000, 12000, 13000}, // restMost at most
		{13000, 13010, 13040},
	} {
		rest := p.rest(at(work.began), at(work.ended), .25)
		if want := time.Duration(work.rested-work.ended) * time.Millisecond; rest != want {
			t.Errorf("after work from %d to %d: a rest of %v, want %v", work.began, work.ended, rest, want)
		}
	}
}
