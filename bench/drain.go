package bench

import (
	"context"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// Load says which commands are measured.
type Load struct {
	Subject Subject
	// Commands is how many there are, and Keys how many of them make the keys known.
	Commands, Keys int
	// Rate is how many are sent a second. Drain does not need it.
	Rate float64
	// Worker are the arguments of the program for its worker.
	Worker []string
	// Written is called when the commands of Drain are there, with the time that this took.
	Written func(took time.Duration)
}

// Drained is how fast a worker got through commands that were there.
type Drained struct {
	// FirstToLast is the time from the first result to the last.
	FirstToLast time.Duration
	// Worker is what the worker took, its start and stop included.
	Worker Usage
}

// Drain measures how fast a worker gets through what is there when it starts.
func (b *Bench) Drain(ctx context.Context, l Load) (d Drained, err error) {
	begin := time.Now()
	if _, err := b.write(ctx, "commands", records(l.Commands, l.Subject.Command)); err != nil {
		return d, err
	}
	l.Written(time.Since(begin))
	seen, err := b.watch(ctx, l.Subject, l.Commands)
	if err != nil {
		return d, err
	}
	worker, err := b.start(ctx, l.Worker)
	if err != nil {
		return d, err
	}
	first, last, err := seen.all(ctx, worker)
	used, stopErr := worker.stop()
	if err == nil {
		err = stopErr
	}
	return Drained{last.Sub(first), used}, err
}

// records are the first n that a function returns.
func records(n int, record func(i int) (*kgo.Record, error)) iter.Seq2[*kgo.Record, error] {
	return func(yield func(*kgo.Record, error) bool) {
		for i := range n {
			if !yield(record(i)) {
				return
			}
		}
	}
}

// AtRate is how late results were under a fixed rate.
type AtRate struct {
	Latency Latency
	// Worker is what the worker took, its start and stop included.
	Worker Usage
}

// AtRate measures latency under a fixed rate. The first command of each key does not count.
func (b *Bench) AtRate(ctx context.Context, l Load) (r AtRate, err error) {
	seen, err := b.watch(ctx, l.Subject, l.Commands)
	if err != nil {
		return r, err
	}
	worker, err := b.start(ctx, l.Worker)
	if err != nil {
		return r, err
	}
	due, err := b.pace(ctx, l)
	if err == nil {
		_, _, err = seen.all(ctx, worker)
	}
	used, stopErr := worker.stop()
	if err == nil {
		err = stopErr
	}
	if err != nil {
		return r, err
	}
	var late []float64 // ms
	for i := l.Keys; i < l.Commands; i++ {
		late = append(late, milliseconds(seen.at[i].Sub(due(i))))
	}
	return AtRate{latencyOf(late), used}, nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// Latency is how late results were, in milliseconds, from when a command was due to when a read-committed
// reader had its result.
type Latency struct {
	Count                 int
	P50, P99, P999, Worst float64
}

// latencyOf sorts what it is given, which is not nothing.
func latencyOf(late []float64) Latency {
	slices.Sort(late)
	at := func(share float64) float64 {
		return late[int(math.Ceil(share*float64(len(late))))-1]
	}
	return Latency{len(late), at(.5), at(.99), at(.999), late[len(late)-1]}
}

// pace sends every command when it is due, late or not, and returns when that was. Those that make
// the keys known are due at the same rate, and not counted: the worker is still warming up.
func (b *Bench) pace(ctx context.Context, l Load) (due func(i int) time.Time, err error) {
	begin := time.Now()
	due = func(i int) time.Time {
		return begin.Add(time.Duration(float64(i) / l.Rate * float64(time.Second)))
	}
	for i := range l.Commands {
		record, err := l.Subject.Command(i)
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
