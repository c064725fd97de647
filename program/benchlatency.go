package program

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

// underLoad measures the latency of live commands with a rebuild and without, by turns.
func (r *rebuildBench) underLoad(ctx context.Context) error {
	r.commands = int(r.rate * r.duration.Seconds())
	seen, err := r.watch(ctx)
	if err != nil {
		return err
	}
	worker, err := r.rebuildWorker(ctx)
	if err != nil {
		return err
	}
	// The first rebuild is before it counts: it waits until the worker has its table, and puts rows right.
	_, _, err = r.rebuild(ctx, worker)
	var due func(int) time.Time
	var refolding []interval
	if err == nil {
		due, refolding, err = r.byTurns(ctx, worker)
	}
	if err == nil {
		_, _, err = seen.all(ctx, worker)
	}
	_, stopErr := worker.stop()
	if err := errors.Join(err, stopErr); err != nil {
		return err
	}
	return r.compare(seen, due, refolding)
}

// warm is how long commands come before it counts.
func (o *rebuildOptions) warm() time.Duration { return o.rest / 3 }

// byTurns sends commands at their rate, and meanwhile asks for rebuilds, with a rest before each.
func (r *rebuildBench) byTurns(
	ctx context.Context, worker *benchWorker,
) (due func(int) time.Time, refolding []interval, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sent := make(chan error, 1)
	begin := time.Now()
	go func() {
		var err error
		if due, err = r.pace(ctx); err == nil {
			err = r.client.Flush(ctx)
		}
		sent <- err
	}()
	end := begin.Add(r.duration)
	for pause := r.warm() + r.rest; time.Until(end) > pause; pause = r.rest {
		if !kafka.Sleep(ctx, pause) {
			break
		}
		from := time.Now()
		if _, _, err := r.rebuild(ctx, worker); err != nil {
			cancel()
			return nil, nil, errors.Join(err, <-sent)
		}
		refolding = append(refolding, interval{from, time.Now()})
	}
	err = <-sent // and due is written
	return due, refolding, err
}

// compare prints the latency of both.
func (r *rebuildBench) compare(seen *sightings, due func(int) time.Time, refolding []interval) error {
	var with, without []float64
	counts := due(0).Add(r.warm())
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
		return fmt.Errorf("--duration is %v, in which there was no turn of each kind", r.duration)
	}
	a, b := latencyOf(without), latencyOf(with)
	r.row("measured", "%s commands at %g/s, %d rebuilds", number(len(seen.at)), r.rate, len(refolding))
	r.row("latency ms, without", "%v   (%s commands)", a, number(len(without)))
	r.row("latency ms, refolding", "%v   (%s commands)", b, number(len(with)))
	r.row("p99, refolding to without", "%.2f", b.p99/a.p99)
	return nil
}
