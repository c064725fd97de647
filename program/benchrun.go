package program

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// benchRun is one measurement.
type benchRun struct {
	benchOptions
	out, logs io.Writer
	directory string
	prefix    string
	kafka     kafka.Settings
	client    *kgo.Client
	subject   benchSubject
}

// benchSubject is what is measured: its commands, and its results.
type benchSubject interface {
	// command makes the i-th command.
	command(i int) (*kgo.Record, error)
	// results is the topic that has one record for each command.
	results() string
	// index tells which command a result is of.
	index(result *kgo.Record) (int, bool)
	// worker are the arguments of the worker's process.
	worker(r *benchRun) []string
	close()
}

// drain measures how fast a worker gets through what is there.
func (r *benchRun) drain(ctx context.Context) error {
	begin := time.Now()
	if _, err := r.write(ctx, "commands", r.commands, r.subject.command); err != nil {
		return err
	}
	fmt.Fprintf(r.out, "%s: %s commands to %s keys written in %v; the worker starts\n",
		r.what(), number(r.commands), number(r.keys), time.Since(begin).Round(time.Millisecond))
	seen, err := r.watch(ctx)
	if err != nil {
		return err
	}
	worker, err := r.startWorker(ctx)
	if err != nil {
		return err
	}
	first, last, err := seen.all(ctx, worker)
	used, stopErr := worker.stop()
	if err != nil {
		return err
	}
	if stopErr != nil {
		return stopErr
	}
	perMillion := 1e6 / float64(r.commands)
	r.row("commands", "%s", number(r.commands))
	r.row("first to last result", "%v", last.Sub(first).Round(time.Millisecond))
	r.row("commands/s", "%s", perSecond(r.commands, last.Sub(first)))
	r.row("worker CPU s", "%.2f", used.cpu.Seconds())
	r.row("worker CPU s per million", "%.2f (its start and stop included)", used.cpu.Seconds()*perMillion)
	if used.peak > 0 {
		r.row("worker memory, peak", "%d MiB", used.peak>>20)
	}
	return nil
}

// atRate measures latency under a fixed rate. The accounts are opened before it counts.
func (r *benchRun) atRate(ctx context.Context) error {
	seen, err := r.watch(ctx)
	if err != nil {
		return err
	}
	worker, err := r.startWorker(ctx)
	if err != nil {
		return err
	}
	due, err := r.pace(ctx)
	if err == nil {
		_, _, err = seen.all(ctx, worker)
	}
	used, stopErr := worker.stop()
	if err != nil {
		return err
	}
	if stopErr != nil {
		return stopErr
	}
	var late []float64 // ms
	for i := r.keys; i < r.commands; i++ {
		late = append(late, milliseconds(seen.at[i].Sub(due(i))))
	}
	r.row("measured", "%s, %s commands at %g/s", r.what(), number(len(late)), r.rate)
	r.row("latency ms", "%v", latencyOf(late))
	r.row("worker CPU s per million", "%.2f", used.cpu.Seconds()*1e6/float64(r.commands))
	return nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// latency is how late results were, in milliseconds.
type latency struct{ p50, p99, p999, most float64 }

// latencyOf sorts what it is given, which is not nothing.
func latencyOf(late []float64) latency {
	slices.Sort(late)
	at := func(share float64) float64 {
		return late[int(math.Ceil(share*float64(len(late))))-1]
	}
	return latency{at(.5), at(.99), at(.999), late[len(late)-1]}
}

func (l latency) String() string {
	return fmt.Sprintf("p50 %.1f   p99 %.1f   p99.9 %.1f   max %.1f", l.p50, l.p99, l.p999, l.most)
}

// pace sends every command when it is due, late or not, and returns when that was. Those that make
// the keys known are due at the same rate, and not counted: the worker is still warming up.
func (r *benchRun) pace(ctx context.Context) (due func(i int) time.Time, err error) {
	begin := time.Now()
	due = func(i int) time.Time {
		return begin.Add(time.Duration(float64(i) / r.rate * float64(time.Second)))
	}
	for i := range r.commands {
		record, err := r.subject.command(i)
		if err != nil {
			return nil, err
		}
		if wait := time.Until(due(i)); wait > 0 && !kafka.Sleep(ctx, wait) {
			return nil, ctx.Err()
		}
		r.client.Produce(ctx, record, nil) // a lost one is missed by the reader
	}
	return due, nil
}

// sightings are when a read-committed reader saw each result.
type sightings struct {
	at     []time.Time // by command
	done   chan struct{}
	reader *kgo.Client
	err    error
}

// watch starts the reader.
func (r *benchRun) watch(ctx context.Context) (*sightings, error) {
	opts, err := r.kafka.Options()
	if err != nil {
		return nil, err
	}
	reader, err := kgo.NewClient(append(opts, kgo.ConsumeTopics(r.subject.results()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(50*time.Millisecond),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()))...)
	if err != nil {
		return nil, fmt.Errorf("connect to Kafka: %w", err)
	}
	s := &sightings{
		at: make([]time.Time, r.commands), done: make(chan struct{}), reader: reader,
	}
	go func() {
		defer close(s.done)
		s.err = s.follow(ctx, r.subject)
	}()
	return s, nil
}

func (s *sightings) follow(ctx context.Context, subject benchSubject) error {
	for missing := len(s.at); missing > 0; {
		fetches := s.reader.PollFetches(ctx)
		now := time.Now()
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("%d of %d results are missing: %w", missing, len(s.at), err)
		}
		var err error
		fetches.EachRecord(func(record *kgo.Record) {
			i, is := subject.index(record)
			switch {
			case !is || i < 0 || i >= len(s.at):
				err = fmt.Errorf("a result of no command: %q", record.Value)
			case !s.at[i].IsZero():
				err = fmt.Errorf("command %d has two results", i)
			default:
				s.at[i] = now
				missing--
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// all waits until every result was seen, and returns when the first and the last were.
func (s *sightings) all(ctx context.Context, worker *benchWorker) (first, last time.Time, err error) {
	defer s.reader.Close()
	select {
	case <-s.done:
	case <-worker.ended:
		return first, last, fmt.Errorf("the worker ended: %w", worker.err)
	case <-ctx.Done():
		<-s.done
	}
	if s.err != nil {
		return first, last, s.err
	}
	first, last = s.at[0], s.at[0]
	for _, at := range s.at {
		if at.Before(first) {
			first = at
		}
		if at.After(last) {
			last = at
		}
	}
	return first, last, nil
}
