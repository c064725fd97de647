package bench

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"refold/kafka"
)

// AtRate is how late results were under a fixed rate.
type AtRate struct {
	Latency Latency
	// LongestWaits are the longest time that a command had to wait for its result, in milliseconds, by the
	// partition of the result.
	LongestWaits map[int32]float64
	Steady       Steady
	// Worker is what the workers took, their start and stop included.
	Worker Usage
}

// AtRate measures latency under a fixed rate. Each command has a time at which it is due, which is fixed when
// the measurement begins, and its latency counts from then. So a worker that stands still makes all commands
// late that were due meanwhile, also those that were sent late themselves.
func (b *Bench) AtRate(ctx context.Context, l Load) (r AtRate, err error) {
	if err := l.check(); err != nil {
		return r, err
	}
	if err := b.before(ctx, l.Subject); err != nil {
		return r, err
	}
	seen, err := b.watch(ctx, l)
	if err != nil {
		return r, err
	}
	defer seen.close()
	workers, err := b.startAll(ctx, l.Workers)
	if err != nil {
		return r, err
	}
	counted, err := b.paced(ctx, l, seen, workers)
	if err == nil {
		r.Steady = counted.steady
	}
	used, stopErr := workers.stop()
	if err := errors.Join(err, stopErr); err != nil {
		return r, err
	}
	r.Worker = used
	r.Latency, r.LongestWaits = seen.late(l, counted.due)
	return r, nil
}

// pacing is what came of commands at their rate.
type pacing struct {
	due    func(i int) time.Time
	steady Steady
}

// pauseBefore lets everybody come to rest after the warm-up.
const pauseBefore = time.Second

// paced sends the first commands, waits for their results, and then sends those that count.
func (b *Bench) paced(ctx context.Context, l Load, seen *sightings, workers fleet) (p pacing, err error) {
	rate := l.WarmRate
	if rate == 0 {
		rate = l.Rate
	}
	if _, err = b.pace(ctx, l.Subject, 0, l.Warm, rate); err != nil {
		return p, err
	}
	if err := seen.until(ctx, seen.warmed, workers); err != nil {
		return p, err
	}
	if !kafka.Sleep(ctx, pauseBefore) {
		return p, ctx.Err()
	}
	before, begin := workers.used().CPU, time.Now()
	disturbed := make(chan error, 1)
	if l.Meanwhile == nil {
		disturbed <- nil
	} else {
		go func() { disturbed <- l.Meanwhile(ctx, workers) }()
	}
	if p.due, err = b.pace(ctx, l.Subject, l.Warm, l.Commands, l.Rate); err != nil {
		return p, errors.Join(err, <-disturbed)
	}
	if err := <-disturbed; err != nil {
		return p, err
	}
	if err := seen.until(ctx, seen.done, workers); err != nil {
		return p, err
	}
	_, last := seen.span()
	p.steady = Steady{l.Commands - l.Warm, last.Sub(begin), workers.used().CPU - before}
	return p, nil
}

// pace sends commands when each is due, late or not, and returns when that was.
func (b *Bench) pace(
	ctx context.Context, s Subject, from, until int, rate float64,
) (due func(i int) time.Time, err error) {
	begin := time.Now()
	due = func(i int) time.Time {
		return begin.Add(time.Duration(float64(i-from) / rate * float64(time.Second)))
	}
	for i := from; i < until; i++ {
		record, err := s.Command(i)
		if err != nil {
			return nil, err //nolint:wrapcheck // it names the type
		}
		if wait := time.Until(due(i)); wait > 0 && !kafka.Sleep(ctx, wait) {
			return nil, ctx.Err()
		}
		b.client.Produce(ctx, record, nil) // a lost one is missed by the reader
	}
	return due, nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// Latency is how late results were, in milliseconds, from when a command was due to when a read-committed
// reader had its result.
type Latency struct {
	Count                 int
	P50, P99, P999, Worst float64
}

// LatencyOf returns the quantiles of waits in milliseconds, which it sorts. There must be one at least.
func LatencyOf(late []float64) Latency {
	slices.Sort(late)
	at := func(share float64) float64 {
		return late[int(math.Ceil(share*float64(len(late))))-1]
	}
	return Latency{len(late), at(.5), at(.99), at(.999), late[len(late)-1]}
}
