package audit

import (
	"context"
	"errors"
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

// Read gets the world of a kind of aggregate, as a reader sees it who sees only what was committed.
// It reads to the end that topics have when it begins.
func Read(ctx context.Context, s Source, kind Kind) (*World, error) {
	schemas, err := newSchemas(s.RegistryURL)
	if err != nil {
		return nil, err
	}
	r := &reader{
		source: s, schemas: schemas,
		world: &World{Kind: kind, Rows: make(map[string]Row), RingSize: s.RingSize},
	}
	for _, part := range []struct {
		topic string
		take  func(context.Context, *kgo.Record) error
	}{
		{kind.commands(), r.command},
		{kind.events(), r.event},
		{kind.results(), r.result},
		{kind.table(), r.row},
		{"dead-letters", r.deadLetter},
	} {
		if err := r.topic(ctx, part.topic, part.take); err != nil {
			return nil, err
		}
	}
	return r.world, r.offsets(ctx)
}

// reader fills a world.
type reader struct {
	source  Source
	schemas *schemas
	world   *World
}

// topic calls take with every committed record of a topic.
func (r *reader) topic(ctx context.Context, topic string,
	take func(context.Context, *kgo.Record) error,
) error {
	seen, err := Scan(ctx, r.source.Brokers, r.source.Prefix+topic,
		func(record *kgo.Record) error { return take(ctx, record) })
	r.world.Undecided = append(r.world.Undecided, seen.Undecided...)
	if topic == r.world.Kind.events() {
		r.world.Aborted += seen.Hidden // nothing is compacted away there
	}
	return err
}

// offsets reads how far the group has come.
func (r *reader) offsets(ctx context.Context) error {
	var err error
	r.world.Committed, r.world.Ends, err = Offsets(ctx, r.source.Brokers,
		r.source.Prefix+r.world.Kind.Plural, r.source.Prefix+r.world.Kind.commands())
	return err
}

// Offsets returns a group's committed offsets of a topic and the topic's ends, by partition;
// without partitions that never had a record. The end is that of what a reader is given: markers
// of transactions and aborted records behind the group's offset are nothing to come to.
func Offsets(ctx context.Context, brokers []string, group, topic string) (
	committed, ends map[int32]int64, err error,
) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		return nil, nil, fmt.Errorf("making a client: %w", err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	listed, err := admin.ListEndOffsets(ctx, topic)
	if err != nil {
		return nil, nil, fmt.Errorf("asking for the end of %s: %w", topic, err)
	}
	all, err := committedBy(ctx, admin, group, topic)
	if err != nil {
		return nil, nil, err
	}
	committed, ends = make(map[int32]int64), make(map[int32]int64)
	for _, end := range listed.Offsets().Sorted() {
		if end.At == 0 {
			continue
		}
		ends[end.Partition] = end.At
		offset, has := all[end.Partition]
		if !has {
			continue
		}
		committed[end.Partition] = offset
		nothing, err := nothingFrom(ctx, brokers, admin, end, offset)
		if err != nil {
			return nil, nil, err
		}
		if nothing {
			ends[end.Partition] = offset
		}
	}
	return committed, ends, nil
}

// nothingFrom tells whether a partition has no record for a reader from an offset to its end.
func nothingFrom(ctx context.Context, brokers []string, admin *kadm.Client, end kadm.Offset, from int64,
) (bool, error) {
	if from >= end.At {
		return true, nil
	}
	stable, err := admin.ListCommittedOffsets(ctx, end.Topic)
	if err != nil {
		return false, fmt.Errorf("asking for the last stable offset of %s: %w", end.Topic, err)
	}
	if decided, _ := stable.Lookup(end.Topic, end.Partition); decided.Offset < end.At {
		return false, nil // a transaction is open
	}
	errRecord := errors.New("a record")
	s := scan{brokers: brokers, topic: end.Topic, take: func(*kgo.Record) error { return errRecord }}
	err = s.partition(ctx, end.Partition, from, end.At)
	if err != nil && !errors.Is(err, errRecord) {
		return false, fmt.Errorf("reading %s/%d: %w", end.Topic, end.Partition, err)
	}
	return err == nil, nil
}

// Committed returns a group's committed offsets of a topic, by partition.
func Committed(ctx context.Context, brokers []string, group, topic string) (map[int32]int64, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	defer client.Close()
	return committedBy(ctx, kadm.NewClient(client), group, topic)
}

func committedBy(ctx context.Context, admin *kadm.Client, group, topic string) (map[int32]int64, error) {
	fetched, err := admin.FetchOffsets(ctx, group)
	if err != nil {
		return nil, fmt.Errorf("asking for the offsets of the group %s: %w", group, err)
	}
	offsets := make(map[int32]int64)
	for partition, offset := range fetched[topic] {
		offsets[partition] = offset.At
	}
	return offsets, nil
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
