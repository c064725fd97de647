package compare

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
	"refold/projections"
)

var errEnough = errors.New("enough was read")

// read reads a partition of events from an offset to another one. It gives take each record.
func (r *run) read(
	ctx context.Context, p projections.Partition, from, to int64, take func(*kgo.Record) error,
	tell func(next int64),
) error {
	for from < to {
		failed := false
		next, err := kafka.ReadPartitionBy(ctx, r.client,
			kafka.Range{Topic: p.Topic, Partition: p.Partition, From: from},
			func(records []*kgo.Record, at kafka.Progress) error {
				err := r.take(ctx, records, at, to, take)
				failed = err != nil
				tell(min(at.Next, to))
				return err
			})
		switch {
		case err == nil, errors.Is(err, errEnough):
			return nil
		case errors.Is(err, kafka.ErrOffsetOutOfRange):
			return fmt.Errorf("%w: %w", ErrTruncated, err)
		case failed, ctx.Err() != nil, errors.Is(err, kafka.ErrTopicMissing), next == from:
			return err
		}
		from = next // the reader has given a fault up, but it has come further
	}
	return nil
}

// stride is how many events wait for the pace together.
const stride = 1000

func (r *run) take(
	ctx context.Context, records []*kgo.Record, at kafka.Progress, to int64, take func(*kgo.Record) error,
) error {
	if at.End >= 0 && at.End < to {
		return fmt.Errorf("%w: it has taken those below %d, and the topic ends at %d", ErrTruncated, to,
			at.End)
	}
	for len(records) > 0 {
		n := min(len(records), stride)
		if r.pace != nil {
			n = min(n, r.pace.Burst())
			if err := r.pace.WaitN(ctx, n); err != nil {
				return err //nolint:wrapcheck // ctx has ended
			}
		}
		for _, record := range records[:n] {
			if record.Offset >= to {
				return errEnough
			}
			r.outcome.Events++
			if err := take(record); err != nil {
				return err
			}
		}
		records = records[n:]
	}
	if at.Next >= to {
		return errEnough
	}
	return nil
}
