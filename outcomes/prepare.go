package outcomes

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/sync/errgroup"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/kafka"
)

const (
	// readers is how many partitions are read at a time.
	readers = 8
	// tail is how many offsets are read without asking for times; and before the end, at first, for the time
	// of the latest command.
	tail = 500
	// clockSlack is how much further back the topic is read, as a share of Options.Remember: clocks of
	// senders may be ahead of the workers'.
	clockSlack = 4
)

// Prepare reads what is missing of the partitions. It must return before the first command of a session is
// handled, and be called when nothing of a former owner's can be committed any more
// (exactlyonce.Config.Prepare). A standby may call it, too, before it begins to [Index.Follow]. After an
// error the same call may succeed later.
//
// A result costs some 2.5 µs of processor time. At most twice as many offsets are read as the memory has room
// for outcomes.
func (x *Index) Prepare(ctx context.Context, partitions []int32) error {
	read, err := x.prepare(ctx, partitions)
	x.options.Metrics.read(x.options.Topic, read)
	x.options.Logger.Debug("the outcomes of recent commands are read", "topic", x.options.Topic,
		"results", read, "error", err)
	if err != nil {
		return fmt.Errorf("read the outcomes of recent commands: %w", err)
	}
	return nil
}

// prepare returns how many results it has read.
func (x *Index) prepare(ctx context.Context, partitions []int32) (read int64, err error) {
	all := x.meet(partitions)
	admin, topic := kadm.NewClient(x.client), x.options.Topic
	starts, err := admin.ListStartOffsets(ctx, topic)
	if err != nil {
		return 0, err //nolint:wrapcheck // Prepare says what was being done
	}
	ends, err := admin.ListEndOffsets(ctx, topic)
	if err != nil {
		return 0, err //nolint:wrapcheck // the same
	}
	_, room := x.options.Memory.Outcomes()
	most := max(2*int64(room)/int64(max(all, 1)), 1) // a transaction takes an offset, too
	var records atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readers)
	for _, number := range partitions {
		x.Discard(number) // nothing of an earlier session is left
		group.Go(func() error {
			start, err := kafka.OffsetOf(topic, number)(starts, nil)
			if err != nil {
				return err
			}
			end, err := kafka.OffsetOf(topic, number)(ends, nil)
			if err != nil {
				return err
			}
			n, err := (&reading{x, number, start, end, most}).run(ctx)
			records.Add(n)
			return err
		})
	}
	err = group.Wait()
	return records.Load(), err
}

// Follow takes in results of a partition that another worker owns, so that Prepare has only the last ones to
// read when this one takes it over. They come in the order of their offsets, without a gap behind those that
// Prepare has read for the partition before. Those that are known are passed over.
func (x *Index) Follow(ctx context.Context, number int32, results ...*kgo.Record) error {
	p := x.at(number)
	if p == nil {
		return nil
	}
	for _, r := range results {
		if known := p.position(); known == unknown || r.Offset < known {
			continue
		}
		if err := x.take(ctx, r); err != nil {
			return fmt.Errorf("follow the outcomes of recent commands: %w", err)
		}
		p.read(r.Offset + 1)
	}
	return nil
}

// reading reads what is missing of a partition.
type reading struct {
	*Index

	number     int32
	start, end int64 // of the results
	most       int64 // offsets
}

// run returns the number of results that it has read.
func (r *reading) run(ctx context.Context) (results int64, err error) {
	p := r.at(r.number)
	from, err := r.begin(ctx, p.position())
	if err != nil {
		return 0, err
	}
	next, err := r.from(ctx, from, func(result *kgo.Record) error {
		results++
		return r.take(ctx, result)
	})
	if err == nil {
		p.read(next)
	}
	return results, err
}

// from calls fn with the results from an offset on, and returns the offset after the last.
func (r *reading) from(ctx context.Context, from int64, fn func(*kgo.Record) error) (next int64, err error) {
	return kafka.ReadPartitionBy(ctx, r.client,
		kafka.Range{Topic: r.options.Topic, Partition: r.number, From: from},
		func(batch []*kgo.Record, _ kafka.Progress) error {
			for _, record := range batch {
				if err := fn(record); err != nil {
					return err
				}
			}
			return nil
		})
}

// begin returns the offset to read from, in a partition that is known up to an offset: not before the oldest
// result of a command that is no older than Options.Remember before the latest one.
func (r *reading) begin(ctx context.Context, known int64) (int64, error) {
	if known < r.start || known > r.end { // unknown, or the results were deleted
		known = r.start
	}
	if r.end-known < tail {
		return known, nil
	}
	latest, err := r.latest(ctx)
	if err != nil {
		return 0, err
	}
	// A result is written after its command was. So those of later commands are not before the first result
	// that was written after the time in question.
	since := latest.Add(-r.options.Remember - r.options.Remember/clockSlack)
	from, err := r.after(ctx, since)
	return min(max(from, known, r.end-r.most), r.end), err
}

// latest returns the time of the latest of the last commands that have a result. A command with a time of
// next year must not hide all others: it is no later than its result was written.
func (r *reading) latest(ctx context.Context) (latest time.Time, err error) {
	for span := int64(tail); latest.IsZero(); span *= 10 {
		from := max(r.start, r.end-span)
		_, err := r.from(ctx, from, func(record *kgo.Record) error {
			_, m, err := r.result(ctx, record)
			if m.Time.After(record.Timestamp) {
				m.Time = record.Timestamp
			}
			if m.Time.After(latest) {
				latest = m.Time
			}
			return err
		})
		if err != nil || from == r.start {
			return latest, err
		}
	}
	return latest, nil
}

// after returns the offset of the first result that was written at a time or later; the end if there is none.
func (r *reading) after(ctx context.Context, at time.Time) (int64, error) {
	partition := kmsg.NewListOffsetsRequestTopicPartition()
	partition.Partition, partition.Timestamp = r.number, max(at.UnixMilli(), 0)
	topic := kmsg.NewListOffsetsRequestTopic()
	topic.Topic = r.options.Topic
	topic.Partitions = append(topic.Partitions, partition)
	request := kmsg.NewPtrListOffsetsRequest()
	request.Topics = append(request.Topics, topic)
	answer, err := request.RequestWith(ctx, r.client)
	if err != nil {
		return 0, fmt.Errorf("ask for the offset at a time: %w", err)
	}
	for _, t := range answer.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return 0, fmt.Errorf("ask for the offset at a time: %w", err)
			}
			if p.Offset >= 0 {
				return p.Offset, nil
			}
		}
	}
	return r.end, nil
}

// take remembers the outcome that a result tells. One that is told again is that of a command whose first
// result may not be read, and the same.
func (x *Index) take(ctx context.Context, r *kgo.Record) error {
	result, metadata, err := x.result(ctx, r)
	outcome := eventsourcing.Entry{
		FirstSequence: result.FirstSequence, LastSequence: result.LastSequence, Code: result.Code,
	}
	if err != nil || result.CommandID == "" || outcome.Validate() != nil {
		return err
	}
	x.add(x.key(string(r.Key), result.CommandID), outcome, metadata.Time)
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
