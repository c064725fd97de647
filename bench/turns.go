package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"refold/kafka"
)

// interval is a time from when on, and until when, something went on.
type interval struct{ from, until time.Time }

func (s interval) has(t time.Time) bool { return !t.Before(s.from) && t.Before(s.until) }

// Turns say how commands come while rebuilds run and don't run by turns.
type Turns struct {
	// Rate is how many commands are sent a second, for Duration. Rest is the time between two rebuilds; the
	// first third of one is not counted.
	Rate           float64
	Duration, Rest time.Duration
}

// TurnsTaken is how late results were with rebuilds and without.
type TurnsTaken struct {
	Commands, Rebuilds int
	Without, With      Latency
}

// Turns measures the latency of live commands with a rebuild and without, by turns.
func (b *Bench) Turns(ctx context.Context, r Rebuild, t Turns) (TurnsTaken, error) {
	load := Load{Subject: r.Past.subject, Commands: int(t.Rate * t.Duration.Seconds()), Rate: t.Rate}
	seen, err := b.watch(ctx, load)
	if err != nil {
		return TurnsTaken{}, err
	}
	defer seen.close()
	worker, err := b.Start(ctx, r.Worker)
	if err != nil {
		return TurnsTaken{}, err
	}
	// The first rebuild is before it counts: it waits until the worker has its table, and puts rows right.
	_, _, err = r.once(ctx, worker)
	var due func(int) time.Time
	var refolding []interval
	if err == nil {
		due, refolding, err = b.byTurns(ctx, worker, &r, load, t)
	}
	if err == nil {
		err = seen.until(ctx, seen.done, fleet{worker})
	}
	_, stopErr := worker.Stop()
	if err := errors.Join(err, stopErr); err != nil {
		return TurnsTaken{}, err
	}
	return t.compare(seen, due, refolding)
}

// warm is how long commands come before it counts.
func (t Turns) warm() time.Duration { return t.Rest / 3 }

// byTurns sends commands at their rate, and meanwhile asks for rebuilds, with a rest before each.
func (b *Bench) byTurns(
	ctx context.Context, worker *Process, r *Rebuild, load Load, t Turns,
) (due func(int) time.Time, refolding []interval, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sent := make(chan error, 1)
	begin := time.Now()
	go func() {
		var err error
		if due, err = b.pace(ctx, load.Subject, 0, load.Commands, load.Rate); err == nil {
			err = b.client.Flush(ctx)
		}
		sent <- err
	}()
	end := begin.Add(t.Duration)
	for pause := t.warm() + t.Rest; time.Until(end) > pause; pause = t.Rest {
		if !kafka.Sleep(ctx, pause) {
			break
		}
		from := time.Now()
		if _, _, err := r.once(ctx, worker); err != nil {
			cancel()
			return nil, nil, errors.Join(err, <-sent)
		}
		refolding = append(refolding, interval{from, time.Now()})
	}
	err = <-sent // and due is written
	return due, refolding, err
}

// compare returns the latency of both.
func (t Turns) compare(
	seen *sightings, due func(int) time.Time, refolding []interval,
) (TurnsTaken, error) {
	var with, without []float64
	counts := due(0).Add(t.warm())
	for i, at := range seen.at {
		if due(i).Before(counts) {
			continue
		}
		late := milliseconds(at.Sub(due(i)))
		side := &without
		for _, s := range refolding {
			if s.has(due(i)) {
				side = &with
			}
		}
		*side = append(*side, late)
	}
	if len(with) == 0 || len(without) == 0 {
		return TurnsTaken{}, fmt.Errorf("in %v there was no turn of each kind", t.Duration)
	}
	return TurnsTaken{len(seen.at), len(refolding), LatencyOf(without), LatencyOf(with)}, nil
}
