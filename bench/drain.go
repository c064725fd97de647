package bench

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Load says which commands are measured.
type Load struct {
	Subject Subject
	// Commands is how many there are. The first Warm of them are not counted: they warm caches and compilers
	// up, and make the keys known.
	Commands, Warm int
	// Rate is how many are sent a second, and WarmRate how many of the first ones; 0: the same. Drain needs
	// neither.
	Rate, WarmRate float64
	// Workers are the command lines of the processes that share the work.
	Workers [][]string
	// Written is called when the commands of Drain are there, with the time that this took. May be nil.
	Written func(took time.Duration)
	// Meanwhile is called by AtRate when it begins to count, with the processes in the order of Workers. It
	// may end some, and put others or nil in their places. May be nil.
	Meanwhile func(ctx context.Context, running []*Process) error
}

// Prepared is a Subject that needs other records first, such as the accounts that pay for orders.
type Prepared interface {
	Before() iter.Seq2[*kgo.Record, error]
}

// Steady is what processes took for the commands after the first ones, without their start and stop.
type Steady struct {
	// Commands is how many. They had their results within Took.
	Commands int
	Took     time.Duration
	// CPU is counted until the processes have come to rest: a read side that catches up later counts.
	CPU time.Duration
}

// Drained is how fast workers got through commands that were there.
type Drained struct {
	// FirstToLast is the time from the first result to the last.
	FirstToLast time.Duration
	Steady      Steady
	// Worker is what the workers took, their start and stop included.
	Worker Usage
}

// Drain measures how fast workers get through what is there when they start.
func (b *Bench) Drain(ctx context.Context, l Load) (d Drained, err error) {
	begin := time.Now()
	if err := b.before(ctx, l.Subject); err != nil {
		return d, err
	}
	if _, err := b.write(ctx, "commands", records(l.Commands, l.Subject.Command)); err != nil {
		return d, err
	}
	if l.Written != nil {
		l.Written(time.Since(begin))
	}
	seen, err := b.watch(ctx, l)
	if err != nil {
		return d, err
	}
	defer seen.close()
	workers, err := b.startAll(ctx, l.Workers)
	if err != nil {
		return d, err
	}
	d.Steady, err = steady(ctx, seen, workers, l)
	used, stopErr := workers.stop()
	if err := errors.Join(err, stopErr); err != nil {
		return d, err
	}
	first, last := seen.span()
	d.FirstToLast, d.Worker = last.Sub(first), used
	return d, nil
}

// before writes what a subject needs first.
func (b *Bench) before(ctx context.Context, s Subject) error {
	prepared, is := s.(Prepared)
	if !is {
		return nil
	}
	_, err := b.write(ctx, "records that come before", prepared.Before())
	return err
}

// steady waits for all results, and returns what those after the first ones took.
func steady(ctx context.Context, seen *sightings, workers fleet, l Load) (s Steady, err error) {
	if err := seen.until(ctx, seen.warmed, workers); err != nil {
		return s, err
	}
	cpu, from, already := workers.used().CPU, seen.warmAt, seen.warmCount
	if already >= l.Commands {
		return s, fmt.Errorf("%w: %d came at once", errNothingCounts, already)
	}
	if err := seen.until(ctx, seen.done, workers); err != nil {
		return s, err
	}
	_, last := seen.span()
	used, err := workers.rest(ctx)
	return Steady{l.Commands - already, last.Sub(from), used.CPU - cpu}, err
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

// errNothingCounts says that all commands are for warming up.
var errNothingCounts = errors.New("all commands come before it counts")

func (l Load) check() error {
	if l.Warm >= l.Commands {
		return fmt.Errorf("%w: %d of %d", errNothingCounts, l.Warm, l.Commands)
	}
	return nil
}
