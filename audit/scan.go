package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Scanned is what Scan saw beside the records.
type Scanned struct {
	// Undecided names partitions with an open transaction. They were read to where it begins.
	Undecided []string
	// Hidden counts the offsets below the last record shown or marker that belong to nothing a
	// reader sees: records of aborted transactions, and those compacted away.
	Hidden int
}

// Scan calls take with every committed record of a topic, in the order of offsets, one partition
// after another, up to the end that the topic has when Scan begins.
func Scan(ctx context.Context, brokers []string, topic string, take func(*kgo.Record) error,
) (Scanned, error) {
	s := scan{brokers: brokers, take: take}
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		return s.seen, fmt.Errorf("making a client: %w", err)
	}
	defer client.Close()
	extents, err := extentsOf(ctx, kadm.NewClient(client), topic)
	if err != nil {
		return s.seen, err
	}
	for partition := range int32(len(extents)) {
		if err := s.extent(ctx, extents[partition]); err != nil {
			return s.seen, err
		}
	}
	return s.seen, nil
}

// extent is from where to where a partition goes.
type extent struct {
	topic     string
	id        [16]byte // the topic's
	partition int32
	// start is its first offset, stable that of the first record that is not decided yet, end the
	// one behind the last record.
	start, stable, end int64
}

func (e extent) String() string { return fmt.Sprintf("%s/%d", e.topic, e.partition) }

// extentsOf returns the extents of a topic by partition.
func extentsOf(ctx context.Context, admin *kadm.Client, topic string) (map[int32]extent, error) {
	details, err := admin.ListTopics(ctx, topic)
	if err == nil {
		err = details.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("asking for %s: %w", topic, err)
	}
	starts, err := admin.ListStartOffsets(ctx, topic)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("asking for the start of %s: %w", topic, err)
	}
	ends, err := admin.ListEndOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("asking for the end of %s: %w", topic, err)
	}
	stable, err := admin.ListCommittedOffsets(ctx, topic)
	if err == nil {
		err = stable.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("asking for the last stable offset of %s: %w", topic, err)
	}
	extents := make(map[int32]extent)
	for _, end := range ends.Offsets().Sorted() {
		start, hasStart := starts.Lookup(topic, end.Partition)
		decided, isDecided := stable.Lookup(topic, end.Partition)
		if !hasStart || !isDecided {
			return nil, fmt.Errorf("asking for the ends of %s/%d: %w", topic, end.Partition, errLeftOut)
		}
		extents[end.Partition] = extent{
			topic: topic, id: details[topic].ID, partition: end.Partition,
			start: start.Offset, stable: min(decided.Offset, end.At), end: end.At,
		}
	}
	return extents, nil
}

// scan reads partitions.
type scan struct {
	brokers []string
	take    func(*kgo.Record) error
	seen    Scanned
}

// extent reads what is decided of a partition. The zero extent is a partition that is not there.
func (s *scan) extent(ctx context.Context, e extent) error {
	open := e.stable < e.end
	if open {
		s.seen.Undecided = append(s.seen.Undecided, e.String())
	}
	if err := s.partition(ctx, e, e.start, e.stable, open); err != nil {
		return fmt.Errorf("reading %v: %w", e, err)
	}
	return nil
}

// openPatience is how long a partition with an open transaction may give no record before it is
// taken for read: the last ones below the transaction may be hidden, and then no marker follows.
const openPatience = 3 * time.Second

// partition reads from an offset to another. Control records are asked for, because a partition may
// end in one: only who sees it knows that the end was reached.
func (s *scan) partition(ctx context.Context, e extent, start, end int64, open bool) error {
	if start >= end {
		return nil
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(s.brokers...),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{
			e.topic: {e.partition: kgo.NewOffset().At(start)},
		}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(),
	)
	if err != nil {
		return fmt.Errorf("making a consumer: %w", err)
	}
	defer client.Close()
	for next := start; next < end; {
		fetches, err := poll(ctx, client, open)
		if err != nil {
			return fmt.Errorf("at offset %d: %w", next, err)
		}
		if fetches == nil {
			return nil
		}
		for record := range fetches.RecordsAll() {
			if record.Offset >= end {
				return nil
			}
			s.seen.Hidden += int(record.Offset - next)
			next = record.Offset + 1
			if record.Attrs.IsControl() {
				continue
			}
			if err := s.take(record); err != nil {
				return fmt.Errorf("offset %d: %w", record.Offset, err)
			}
		}
	}
	return nil
}

// poll waits for more records: in front of an open transaction not for ever, and nil says that there
// are none.
func poll(ctx context.Context, client *kgo.Client, open bool) (kgo.Fetches, error) {
	if !open {
		fetches := client.PollFetches(ctx)
		return fetches, fetches.Err()
	}
	waiting, cancel := context.WithTimeout(ctx, openPatience)
	defer cancel()
	fetches := client.PollFetches(waiting)
	if err := fetches.Err(); ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
		return fetches, err
	}
	return nil, nil
}
