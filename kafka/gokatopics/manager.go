package gokatopics

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// topicTimeout limits one question of Goka's about topics. Brokers answer in milliseconds; making a topic
// takes seconds when many partitions need leaders.
const topicTimeout = 30 * time.Second

// Manager is a goka.TopicManager. Goka's own looks for a topic and then creates it: of two workers that start
// at the same moment one dies of "topic already exists". This one creates what is missing in a way that any
// number of workers may do at once.
type Manager struct {
	// Client asks the brokers. The Manager does not close it.
	Client *kgo.Client
	// MakeNone: topics must exist; none is made.
	MakeNone bool
	// Restored returns the offset before the first that a partition's store lacks, if there is a store:
	// storage.Storage's GetOffset. Nil: there are none.
	Restored func(kafka.TopicPartition) (last int64, is bool, err error)
}

var _ goka.TopicManager = Manager{}

// EnsureTableExists makes a compacted topic.
func (m Manager) EnsureTableExists(topic string, partitions int) error {
	return m.EnsureTopicExists(topic, partitions, 0,
		map[string]string{"cleanup.policy": "compact"})
}

// EnsureStreamExists makes a topic that the broker cleans up by its own default rule.
func (m Manager) EnsureStreamExists(topic string, partitions int) error {
	return m.EnsureTopicExists(topic, partitions, 0,
		map[string]string{"cleanup.policy": "delete"})
}

// missingPatience is how long a topic that must exist may be unknown: right after it is made, some brokers
// do not know it yet.
const missingPatience = time.Second

// EnsureTopicExists makes the topic if it is missing and may be made, and waits until brokers know of it.
// A topic that is there is not touched; if it has another number of partitions, that is an error.
func (m Manager) EnsureTopicExists(
	topic string, partitions, replicas int, config map[string]string,
) error {
	ctx, cancel := context.WithTimeout(context.Background(), topicTimeout)
	defer cancel()
	_, err := m.count(ctx, topic)
	switch unknown := errors.Is(err, kerr.UnknownTopicOrPartition); {
	case unknown && m.MakeNone:
		var patience context.CancelFunc
		ctx, patience = context.WithTimeout(ctx, missingPatience)
		defer patience()
	case unknown:
		if _, err := kafka.Ensure(ctx, m.Client, []kafka.TopicSpec{{
			Name:              topic,
			Partitions:        int32(partitions),
			ReplicationFactor: int16(replicas),
			Config:            config,
		}}); err != nil {
			return fmt.Errorf("make topic %s: %w", topic, err)
		}
	}
	have, err := m.waitFor(ctx, topic)
	if err != nil {
		return err
	}
	if have != partitions {
		return fmt.Errorf("topic %s has %d partitions; it needs %d, as many as the inputs",
			topic, have, partitions)
	}
	return nil
}

// waitFor returns the topic's number of partitions as soon as the broker that is asked knows the topic.
func (m Manager) waitFor(ctx context.Context, topic string) (int, error) {
	for {
		n, err := m.count(ctx, topic)
		if err == nil || !errors.Is(err, kerr.UnknownTopicOrPartition) {
			return n, err
		}
		if !kafka.Sleep(ctx, 20*time.Millisecond) {
			return 0, err
		}
	}
}

func (m Manager) count(ctx context.Context, topic string) (int, error) {
	topics, err := kafka.DescribeTopics(ctx, m.Client, topic)
	if err == nil {
		err = topics[topic].Err
	}
	if err != nil {
		return 0, fmt.Errorf("ask for topic %s: %w", topic, err)
	}
	return int(topics[topic].Partitions), nil
}

// Partitions lists the topic's partitions, 0 first.
func (m Manager) Partitions(topic string) ([]int32, error) {
	ctx, cancel := context.WithTimeout(context.Background(), topicTimeout)
	defer cancel()
	n, err := m.count(ctx, topic)
	if err != nil {
		return nil, err
	}
	list := make([]int32, n)
	for i := range list {
		list[i] = int32(i)
	}
	return list, nil
}

// GetOffset returns the offset of the first record since a time; sarama.OffsetOldest and OffsetNewest (the
// high watermark, read uncommitted) are such times, too.
//
// The end of a table is where its store has been restored to. Goka asks for it after the restore, and if the
// store is behind it waits for a data record at end - 1. This is the race that it prevents:
//
//	worker A dies with a transaction open
//	worker B restores the table up to the high watermark, and so waits until that transaction is ended
//	the transaction's marker moves the high watermark on by one
//
// With the new high watermark, Goka would wait for the marker as for a record, for ever (design §2, no. 4).
func (m Manager) GetOffset(topic string, partition int32, at int64) (int64, error) {
	tp := kafka.TopicPartition{Topic: topic, Partition: partition}
	if at == sarama.OffsetNewest && m.Restored != nil {
		last, is, err := m.Restored(tp)
		if err != nil {
			return 0, fmt.Errorf("look up how far the store of %s is restored: %w", tp, err)
		}
		if is {
			return last + 1, nil
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), topicTimeout)
	defer cancel()
	admin := kadm.NewClient(m.Client)
	list := admin.ListEndOffsets
	switch {
	case at == sarama.OffsetOldest:
		list = admin.ListStartOffsets
	case at >= 0:
		list = func(ctx context.Context, topics ...string) (kadm.ListedOffsets, error) {
			return admin.ListOffsetsAfterMilli(ctx, at, topics...)
		}
	}
	offsets, err := list(ctx, topic)
	if err != nil {
		return 0, fmt.Errorf("list offsets of %s: %w", topic, err)
	}
	o, is := offsets.Lookup(topic, partition) // errors of other partitions do not matter
	if !is {
		return 0, fmt.Errorf("list offsets of %s: no partition %d", topic, partition)
	}
	if o.Err != nil {
		return 0, fmt.Errorf("list offsets of %s: %w", tp, o.Err)
	}
	return o.Offset, nil
}

// Close does nothing: the client belongs to the caller.
func (Manager) Close() error { return nil }
