package audit

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

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
	if err == nil {
		err = listed.Error()
	}
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

// nothingFrom reports whether a partition has no record for a reader from an offset to its end.
func nothingFrom(ctx context.Context, brokers []string, admin *kadm.Client, end kadm.Offset, from int64,
) (bool, error) {
	if from >= end.At {
		return true, nil
	}
	stable, err := admin.ListCommittedOffsets(ctx, end.Topic)
	decided, has := stable.Lookup(end.Topic, end.Partition)
	if err == nil {
		err = decided.Err
	}
	if err == nil && !has {
		err = errLeftOut
	}
	if err != nil {
		return false, fmt.Errorf("asking for the last stable offset of %s: %w", end.Topic, err)
	}
	if decided.Offset < end.At {
		return false, nil // a transaction is open
	}
	errRecord := errors.New("a record")
	s := scan{brokers: brokers, take: func(*kgo.Record) error { return errRecord }}
	err = s.partition(ctx, extent{topic: end.Topic, partition: end.Partition}, from, end.At, false)
	if err != nil && !errors.Is(err, errRecord) {
		return false, fmt.Errorf("reading %s/%d: %w", end.Topic, end.Partition, err)
	}
	return err == nil, nil
}

// errLeftOut says that an answer says nothing of a partition.
var errLeftOut = errors.New("the brokers say nothing of it")

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
	if errors.Is(err, kerr.GroupIDNotFound) {
		return nil, nil // it has committed nothing yet
	}
	if err != nil {
		return nil, fmt.Errorf("asking for the offsets of the group %s: %w", group, err)
	}
	offsets := make(map[int32]int64)
	for partition, offset := range fetched[topic] {
		if offset.Err != nil {
			return nil, fmt.Errorf("asking for the offset of the group %s in %s/%d: %w", group, topic,
				partition, offset.Err)
		}
		offsets[partition] = offset.At
	}
	return offsets, nil
}
