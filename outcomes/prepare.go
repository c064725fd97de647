package outcomes

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/kafka"
)

const (
	// readers is how many partitions are read at a time.
	readers = 8
	// tail is how many offsets before the end are read for the time of the latest command, at first.
	tail = 500
	// clockSlack is how much further back the topic is read, as a share of Options.Remember: clocks of
	// senders may be ahead of the workers'.
	clockSlack = 4
)

// Prepare reads what is missing of the partitions. It must return before the first command of a session is
// handled, and be called when nothing of a former owner's can be committed any more
// (exactlyonce.Config.Prepare). After an error the same call may succeed later.
//
// A result costs some 2 µs of processor time. At most twice as many offsets are read as the memory has room
// for outcomes.
func (x *Index) Prepare(ctx context.Context, partitions []int32) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readers)
	var records atomic.Int64
	begin := x.options.Now()
	x.meet(partitions)
	_, room := x.options.Memory.Outcomes()
	most := max(2*int64(room)/int64(max(len(partitions), 1)), 1) // a transaction takes an offset, too
	for _, number := range partitions {
		x.Discard(number) // nothing of an earlier session is left
		group.Go(func() error {
			n, err := x.read(ctx, number, most)
			records.Add(n)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("read the outcomes of recent commands: %w", err)
	}
	x.options.Metrics.read(x.options.Topic, records.Load())
	x.options.Logger.Debug("the outcomes of recent commands are read", "topic", x.options.Topic,
		"results", records.Load(), "took", x.options.Now().Sub(begin))
	return nil
}

// read reads what is missing of a partition, of the last offsets only, and returns the number of results.
func (x *Index) read(ctx context.Context, number int32, last int64) (records int64, err error) {
	p := x.at(number)
	for {
		from, err := x.begin(ctx, number, p.position(), last)
		if err != nil {
			return records, err
		}
		next, err := kafka.ReadPartitionBy(ctx, x.client,
			kafka.Range{Topic: x.options.Topic, Partition: number, From: from},
			func(batch []*kgo.Record, _ kafka.Progress) error {
				records += int64(len(batch))
				return x.take(ctx, batch)
			})
		if errors.Is(err, kafka.ErrOffsetOutOfRange) {
			p.read(unknown) // the results that were next are not kept any more
			continue
		}
		if err != nil {
			return records, err
		}
		p.read(next)
		return records, nil
	}
}

// begin returns the offset at which a partition has to be read that is known up to an offset: not before the
// oldest result of a command that is no older than Options.Remember before the latest one, nor the last
// offsets.
func (x *Index) begin(ctx context.Context, number int32, known, last int64) (int64, error) {
	admin, topic := kadm.NewClient(x.client), x.options.Topic
	offset := kafka.OffsetOf(topic, number)
	end, err := offset(admin.ListEndOffsets(ctx, topic))
	if err != nil {
		return 0, err
	}
	if known != unknown && end-known < tail {
		return known, nil
	}
	start, err := offset(admin.ListStartOffsets(ctx, topic))
	if err != nil {
		return 0, err
	}
	latest, err := x.latest(ctx, number, start, end)
	if err != nil {
		return 0, err
	}
	// A result is written after its command was. So those of later commands are not before the first result
	// that was written after the time in question.
	since := latest.Add(-x.options.Remember - x.options.Remember/clockSlack)
	from, err := offset(admin.ListOffsetsAfterMilli(ctx, max(since.UnixMilli(), 0), topic))
	if err != nil {
		return 0, err
	}
	return min(max(from, start, known, end-last), end), nil
}

// latest returns the time of the latest of the last commands that have a result, the zero time if there is
// none. Times that are ahead of this machine's count as now: one command with a time of next year must not
// hide all others.
func (x *Index) latest(ctx context.Context, number int32, start, end int64) (latest time.Time, err error) {
	for span := int64(tail); latest.IsZero(); span *= 10 {
		from := max(start, end-span)
		_, err := kafka.ReadPartitionBy(ctx, x.client,
			kafka.Range{Topic: x.options.Topic, Partition: number, From: from},
			func(batch []*kgo.Record, _ kafka.Progress) error {
				for _, r := range batch {
					_, m, err := x.result(ctx, r)
					if err != nil {
						return err
					}
					if m.Time.After(latest) {
						latest = m.Time
					}
				}
				return nil
			})
		if err != nil {
			return latest, err
		}
		if from == start {
			break
		}
	}
	if now := x.options.Now(); latest.After(now) {
		return now, nil
	}
	return latest, nil
}

// take remembers the outcomes that results tell. One that is told again is that of a command whose first
// result may not be read, and the same.
func (x *Index) take(ctx context.Context, batch []*kgo.Record) error {
	for _, r := range batch {
		result, metadata, err := x.result(ctx, r)
		if err != nil {
			return err
		}
		outcome := eventsourcing.Entry{
			FirstSequence: result.FirstSequence, LastSequence: result.LastSequence, Code: result.Code,
		}
		if result.CommandID == "" || outcome.Validate() != nil {
			continue
		}
		x.add(x.key(string(r.Key), result.CommandID), outcome, metadata.Time)
	}
	return nil
}

// result reads a record. One that is no result is of no command.
func (x *Index) result(
	ctx context.Context, r *kgo.Record,
) (result eventsourcing.Result, metadata eventsourcing.Metadata, err error) {
	result, metadata, err = x.options.Read(ctx, r)
	if _, isPoison := errors.AsType[*codecs.Malformed](err); isPoison {
		return eventsourcing.Result{}, eventsourcing.Metadata{}, nil
	}
	if err != nil {
		return result, metadata, fmt.Errorf("result at offset %d: %w", r.Offset, err)
	}
	return result, metadata, nil
}
