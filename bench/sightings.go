package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// sightings are when a read-committed reader saw each result.
type sightings struct {
	at     []time.Time // by command
	done   chan struct{}
	reader *kgo.Client
	err    error
}

// watch starts the reader.
func (b *Bench) watch(ctx context.Context, subject Subject, commands int) (*sightings, error) {
	opts, err := b.Kafka.Options()
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the settings
	}
	reader, err := kgo.NewClient(append(opts, kgo.ConsumeTopics(subject.Results()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(50*time.Millisecond),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()))...)
	if err != nil {
		return nil, fmt.Errorf("connect to Kafka: %w", err)
	}
	s := &sightings{at: make([]time.Time, commands), done: make(chan struct{}), reader: reader}
	go func() {
		defer close(s.done)
		s.err = s.follow(ctx, subject)
	}()
	return s, nil
}

func (s *sightings) follow(ctx context.Context, subject Subject) error {
	for missing := len(s.at); missing > 0; {
		fetches := s.reader.PollFetches(ctx)
		now := time.Now()
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("%d of %d results are missing: %w", missing, len(s.at), err)
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
func (s *sightings) all(ctx context.Context, worker *process) (first, last time.Time, err error) {
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
