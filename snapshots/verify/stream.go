package verify

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// stream is a partition that is read while somebody else takes its records one by one.
type stream struct {
	chunks chan []*kgo.Record
	chunk  []*kgo.Record
	open   bool  // there may be more
	err    error // why there is no more; nil: the end is reached
	failed error // written before chunks is closed
}

// read begins to read a partition up to the end that it has now.
func (r *run) read(ctx context.Context, topic string, from int64) *stream {
	s := &stream{chunks: make(chan []*kgo.Record), open: true}
	known := make(chan struct{})
	go func() {
		defer close(s.chunks)
		var once bool
		s.failed = r.feed(ctx, topic, from, func(records []*kgo.Record, p kafka.Progress) error {
			if !once && p.End >= 0 { // the end is known
				once = true
				close(known)
			}
			if len(records) == 0 {
				return nil
			}
			select {
			case s.chunks <- records:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		if !once {
			close(known)
		}
	}()
	<-known
	return s
}

func (r *run) feed(
	ctx context.Context, topic string, from int64,
	take func([]*kgo.Record, kafka.Progress) error,
) error {
	opts, err := r.Kafka.Options()
	if err != nil {
		return fmt.Errorf("connect to Kafka: %w", err)
	}
	at := kafka.Range{Topic: topic, Partition: r.Partition, From: from}
	_, err = kafka.ReadPartition(ctx, opts, at, func(records []*kgo.Record, p kafka.Progress) error {
		r.tell(Matching, p.Next, p.End)
		return take(records, p)
	})
	return err
}

// next returns the next record, and whether there was one.
func (s *stream) next() (*kgo.Record, bool) {
	for len(s.chunk) == 0 {
		chunk, more := <-s.chunks
		if !more {
			s.open, s.err = false, s.failed
			return nil, false
		}
		s.chunk = chunk
	}
	record := s.chunk[0]
	s.chunk = s.chunk[1:]
	return record, true
}

// drain ends the reading.
func (s *stream) drain(cancel func()) {
	cancel()
	for range s.chunks { // until it is closed
	}
}
