package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// sightings are when a read-committed reader saw each result.
type sightings struct {
	at        []time.Time // by command
	partition []int32     // of the result

	warm      int // results
	warmed    chan struct{}
	warmAt    time.Time // valid after warmed, as is:
	warmCount int

	done   chan struct{} // all were seen, or err says why not
	reader *kgo.Client
	err    error
}

// watch starts the reader.
func (b *Bench) watch(ctx context.Context, l Load) (*sightings, error) {
	opts, err := b.Kafka.Options()
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the settings
	}
	reader, err := kgo.NewClient(append(opts, kgo.ConsumeTopics(l.Subject.Results()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(50*time.Millisecond),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()))...)
	if err != nil {
		return nil, fmt.Errorf("connect to Kafka: %w", err)
	}
	s := &sightings{
		at: make([]time.Time, l.Commands), partition: make([]int32, l.Commands), warm: l.Warm,
		warmed: make(chan struct{}), done: make(chan struct{}), reader: reader,
	}
	go func() {
		defer close(s.done)
		s.err = s.follow(ctx, l.Subject)
	}()
	return s, nil
}

// sightingsAtOnce limits how many results may come between the last that is for warming up and the first that
// counts.
const sightingsAtOnce = 2_000

func (s *sightings) close() { s.reader.Close() }

func (s *sightings) follow(ctx context.Context, subject Subject) error {
	isWarm := false
	for seen := 0; ; {
		if !isWarm && seen >= s.warm {
			s.warmAt, s.warmCount, isWarm = time.Now(), seen, true
			close(s.warmed)
		}
		if seen == len(s.at) {
			return nil
		}
		fetches := s.reader.PollRecords(ctx, sightingsAtOnce)
		now := time.Now()
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("%d of %d results are missing: %w", len(s.at)-seen, len(s.at), err)
		}
		if fetches.IsClientClosed() {
			return nil // the measurement has failed elsewhere
		}
		var err error
		fetches.EachRecord(func(record *kgo.Record) {
			i, own := subject.Index(record)
			switch {
			case !own:
			case i < 0 || i >= len(s.at):
				err = fmt.Errorf("a result of no command: %q", record.Value)
			case !s.at[i].IsZero():
				err = fmt.Errorf("command %d has two results", i)
			default:
				s.at[i], s.partition[i] = now, record.Partition
				seen++
			}
		})
		if err != nil {
			return err
		}
	}
}

// until waits until a channel of the sightings is closed, or no result is to be expected any more. A worker
// may end while others take its work over; all must not.
func (s *sightings) until(ctx context.Context, reached <-chan struct{}, workers fleet) error {
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		for _, w := range workers.running() {
			select {
			case <-w.ended:
			case <-reached:
				return
			case <-ctx.Done():
				return
			}
		}
	}()
	select {
	case <-reached:
	case <-s.done:
	case <-gone:
		select {
		case <-reached:
		default:
			if err := workers.ended(); err != nil {
				return err
			}
		}
	case <-ctx.Done():
		<-s.done
	}
	select {
	case <-s.done: // the channel may be done itself, whose error counts
		return s.err
	default:
		return ctx.Err() //nolint:wrapcheck // nil, or the caller's own
	}
}

// span returns when the first and the last result were seen.
func (s *sightings) span() (first, last time.Time) {
	first, last = s.at[0], s.at[0]
	for _, at := range s.at {
		if at.Before(first) {
			first = at
		}
		if at.After(last) {
			last = at
		}
	}
	return first, last
}

// late returns how late the results were of the commands that count, and the longest wait of each partition.
func (s *sightings) late(l Load, due func(int) time.Time) (Latency, map[int32]float64) {
	late := make([]float64, 0, l.Commands-l.Warm)
	longest := make(map[int32]float64)
	for i := l.Warm; i < l.Commands; i++ {
		wait := milliseconds(s.at[i].Sub(due(i)))
		late = append(late, wait)
		longest[s.partition[i]] = max(longest[s.partition[i]], wait)
	}
	return LatencyOf(late), longest
}
