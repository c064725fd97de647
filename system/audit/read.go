package audit

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Source says what Read reads.
type Source struct {
	Brokers     []string
	RegistryURL string
	// RingSize is how many commands a row remembers, as the program is configured.
	RingSize int
	// Prefix of the topics' and the group's names; usually empty.
	Prefix string
}

// Read gets the world of the accounts, as a reader sees it who sees only what was committed. It
// reads to the end that topics have when it begins.
func Read(ctx context.Context, s Source) (*World, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(s.Brokers...))
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	defer client.Close()
	schemas, err := newSchemas(s.RegistryURL)
	if err != nil {
		return nil, err
	}
	r := &reader{
		source: s, admin: kadm.NewClient(client), schemas: schemas,
		world: &World{Rows: make(map[string]Row), RingSize: s.RingSize},
	}
	for _, part := range []struct {
		topic string
		take  func(context.Context, *kgo.Record) error
	}{
		{"account-commands", r.command},
		{"account-events", r.event},
		{"account-results", r.result},
		{"accounts-table", r.row},
		{"dead-letters", r.deadLetter},
	} {
		if err := r.topic(ctx, s.Prefix+part.topic, part.take); err != nil {
			return nil, fmt.Errorf("reading %s: %w", s.Prefix+part.topic, err)
		}
	}
	return r.world, r.offsets(ctx)
}

// reader fills a world.
type reader struct {
	source  Source
	admin   *kadm.Client
	schemas *schemas
	world   *World
}

// topic calls take with every committed record of a topic, partition by partition.
func (r *reader) topic(ctx context.Context, topic string,
	take func(context.Context, *kgo.Record) error,
) error {
	starts, err := r.admin.ListStartOffsets(ctx, topic)
	if err != nil {
		return fmt.Errorf("asking for its start: %w", err)
	}
	ends, err := r.admin.ListEndOffsets(ctx, topic)
	if err != nil {
		return fmt.Errorf("asking for its end: %w", err)
	}
	stable, err := r.admin.ListCommittedOffsets(ctx, topic)
	if err != nil {
		return fmt.Errorf("asking for its last stable offset: %w", err)
	}
	if err := ends.Error(); err != nil {
		return fmt.Errorf("asking for its end: %w", err)
	}
	for _, end := range ends.Offsets().Sorted() {
		start, _ := starts.Lookup(topic, end.Partition)
		if undecided, _ := stable.Lookup(topic, end.Partition); undecided.Offset < end.At {
			name := fmt.Sprintf("%s/%d", topic, end.Partition)
			r.world.Undecided = append(r.world.Undecided, name)
			continue // reading would wait until it is decided
		}
		if start.Offset == end.At {
			continue
		}
		if err := r.partition(ctx, topic, end.Partition, start.Offset, end.At, take); err != nil {
			return err
		}
	}
	return nil
}

// partition reads one partition. Control records are asked for, because a partition may end in
// one: only who sees it knows that the end was reached.
func (r *reader) partition(ctx context.Context, topic string, partition int32, start, end int64,
	take func(context.Context, *kgo.Record) error,
) error {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(r.source.Brokers...),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{
			topic: {partition: kgo.NewOffset().At(start)},
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
			return fmt.Errorf("reading partition %d at offset %d: %w", partition, next, err)
		}
		for record := range fetches.RecordsAll() {
			// What a reader is not shown of a topic without compaction was aborted.
			if topic == r.source.Prefix+"account-events" {
				r.world.Aborted += int(record.Offset - next)
			}
			if !record.Attrs.IsControl() && record.Offset < end {
				if err := take(ctx, record); err != nil {
					return fmt.Errorf("partition %d, offset %d: %w", partition, record.Offset, err)
				}
			}
			next = record.Offset + 1
		}
	}
	return nil
}

// offsets reads how far the group has come.
func (r *reader) offsets(ctx context.Context) error {
	topic := r.source.Prefix + "account-commands"
	group := r.source.Prefix + "accounts"
	ends, err := r.admin.ListEndOffsets(ctx, topic)
	if err != nil {
		return fmt.Errorf("asking for the end of %s: %w", topic, err)
	}
	committed, err := r.admin.FetchOffsets(ctx, group)
	if err != nil {
		return fmt.Errorf("asking for the offsets of the group %s: %w", group, err)
	}
	r.world.Ends, r.world.Committed = make(map[int32]int64), make(map[int32]int64)
	for _, end := range ends.Offsets().Sorted() {
		if end.At == 0 {
			continue // nothing to commit
		}
		r.world.Ends[end.Partition] = end.At
		if offset, has := committed.Lookup(topic, end.Partition); has {
			r.world.Committed[end.Partition] = offset.At
		}
	}
	return nil
}

func place(record *kgo.Record) Place {
	return Place{Partition: record.Partition, Offset: record.Offset, Key: string(record.Key)}
}

// header returns a header's text; empty if there is none.
func header(record *kgo.Record, key string) string {
	i := slices.IndexFunc(record.Headers, func(h kgo.RecordHeader) bool { return h.Key == key })
	if i < 0 {
		return ""
	}
	return string(record.Headers[i].Value)
}

// number returns a header's number; -1 if there is none.
func number(record *kgo.Record, key string) int64 {
	n, err := strconv.ParseInt(header(record, key), 10, 64)
	if err != nil {
		return -1
	}
	return n
}
