package audit

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Scanned is what Scan saw beside the records.
type Scanned struct {
	// Undecided names partitions with an open transaction. They were not read: that would wait
	// until it is decided.
	Undecided []string
	// Hidden counts the offsets below the last record shown or marker that belong to nothing a
	// reader sees: records of aborted transactions, and those compacted away.
	Hidden int
}

// Scan calls take with every committed record of a topic, in the order of offsets, one partition
// after another, up to the end that the topic has when Scan begins.
func Scan(ctx context.Context, brokers []string, topic string, take func(*kgo.Record) error,
) (Scanned, error) {
	s := scan{brokers: brokers, topic: topic, take: take}
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		return s.seen, fmt.Errorf("making a client: %w", err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	starts, err := admin.ListStartOffsets(ctx, topic)
	if err != nil {
		return s.seen, fmt.Errorf("asking for the start of %s: %w", topic, err)
	}
	ends, err := admin.ListEndOffsets(ctx, topic)
	if err != nil {
		return s.seen, fmt.Errorf("asking for the end of %s: %w", topic, err)
	}
	if err := ends.Error(); err != nil {
		return s.seen, fmt.Errorf("asking for the end of %s: %w", topic, err)
	}
	stable, err := admin.ListCommittedOffsets(ctx, topic)
	if err != nil {
		return s.seen, fmt.Errorf("asking for the last stable offset of %s: %w", topic, err)
	}
	for _, end := range ends.Offsets().Sorted() {
		decided, _ := stable.Lookup(topic, end.Partition)
		if decided.Offset < end.At {
			s.seen.Undecided = append(s.seen.Undecided, fmt.Sprintf("%s/%d", topic, end.Partition))
			continue
		}
		start, _ := starts.Lookup(topic, end.Partition)
		if err := s.partition(ctx, end.Partition, start.Offset, end.At); err != nil {
			return s.seen, fmt.Errorf("reading %s/%d: %w", topic, end.Partition, err)
		}
	}
	return s.seen, nil
}

// scan is one call of Scan.
type scan struct {
	brokers []string
	topic   string
	take    func(*kgo.Record) error
	seen    Scanned
}

// partition reads one partition. Control records are asked for, because a partition may end in
// one: only who sees it knows that the end was reached.
func (s *scan) partition(ctx context.Context, partition int32, start, end int64) error {
	if start == end {
		return nil
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(s.brokers...),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{
			s.topic: {partition: kgo.NewOffset().At(start)},
		}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(),
	)
	if err != nil {
		return fmt.Errorf("making a consumer: %w", err)
	}
	defer client.Close()
	for next := start; next < end; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("at offset %d: %w", next, err)
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
