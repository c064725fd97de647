package views_test

import (
	"context"
	"testing"
	"time"

	"refold/views"
)

// BenchmarkPast reads states of the past of an aggregate with 1,000,000 events: the first one, for
// which all are folded, and others, by sequence and by time.
func BenchmarkPast(b *testing.B) {
	const events, part = 1_000_000, 10_000
	f := newFixture(b)
	seconds := make([]int64, events)
	for i := range seconds {
		seconds[i] = int64(i)
	}
	records := f.records(b, "long", seconds)
	for i := 0; i < events; i += part {
		must(b, f.client.ProduceSync(b.Context(), records[i:i+part]...).FirstErr())
	}
	change, _ := f.remembers(1, 1000)
	v := f.run(b, change)
	at := func(m views.Moment) time.Duration {
		began := time.Now()
		_, err := v.counters.At(context.Background(), "long", m)
		must(b, err)
		return time.Since(began)
	}
	first := at(views.Moment{Sequence: events})
	for name, moment := range map[string]func(n int64) views.Moment{
		"sequence": func(n int64) views.Moment { return views.Moment{Sequence: n} },
		"time":     func(n int64) views.Moment { return views.Moment{Time: time.Unix(n, 0)} },
	} {
		b.Run(name, func(b *testing.B) {
			var longest time.Duration
			for i := 0; b.Loop(); i++ {
				// 999 events behind an intermediate state, the most there can be, all over the history.
				longest = max(longest, at(moment(int64(i*7919%1000)*1000+998)))
			}
			b.ReportMetric(float64(longest.Microseconds()), "longest-µs")
			b.ReportMetric(first.Seconds(), "first-s")
		})
	}
}
