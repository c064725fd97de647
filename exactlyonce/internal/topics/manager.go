package exactlyonce

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// topicTimeout limits one question of Goka's about topics. Brokers answer in milliseconds; making
// a topic takes seconds when many partitions need leaders.
const topicTimeout = 30 * time.Second

// topicManager makes the graph's own topics and tells Goka of topics. Goka's own manager looks and
// then creates: of two workers that start at the same moment one dies of "topic already exists".
// This one creates what is missing in a way that any number of workers may do at once.
type topicManager struct {
	client *kgo.Client
	stores *sync.Map // the engine's
	given  bool      // Config.MakeNoTopics
}

var _ goka.TopicManager = topicManager{}

func (e *engine) buildTopicManager([]string) (goka.TopicManager, error) {
	return topicManager{e.admin, &e.stores, e.cfg.MakeNoTopics}, nil
}

// EnsureTableExists makes a compacted topic.
func (m topicManager) EnsureTableExists(topic string, partitions int) error {
	return m.EnsureTopicExists(topic, partitions, 0,
		map[string]string{"cleanup.policy": "compact"})
}

// EnsureStreamExists makes a topic that the broker cleans up by its own default rule.
func (m topicManager) EnsureStreamExists(topic string, partitions int) error {
	return m.EnsureTopicExists(topic, partitions, 0,
		map[string]string{"cleanup.policy": "delete"})
}

// missingPatience is how long a topic that must exist may be unknown: right after it is made, some brokers
// know of it and others don't yet.
const missingPatience = time.Second

// EnsureTopicExists makes the topic if it is missing and may be made, and waits until brokers know of it.
// A topic that is there is not touched; if it has another number of partitions, that is an error.
func (m topicManager) EnsureTopicExists(
	topic string, partitions, replicas int, config map[string]string,
) error {
	ctx, cancel := context.WithTimeout(context.Background(), topicTimeout)
	defer cancel()
	_, err := m.count(ctx, topic)
	switch unknown := errors.Is(err, kerr.UnknownTopicOrPartition); {
	case unknown && m.given:
		var patience context.CancelFunc
		ctx, patience = context.WithTimeout(ctx, missingPatience)
		defer patience()
	case unknown:
		if _, err := kafka.Ensure(ctx, m.client, []kafka.TopicSpec{{
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

// waitFor returns the topic's number of partitions as soon as the broker that we ask knows it.
func (m topicManager) waitFor(ctx context.Context, topic string) (int, error) {
	for {
		n, err := m.count(ctx, topic)
		if err == nil || !errors.Is(err, kerr.UnknownTopicOrPartition) {
			return n, err
		}
		if !sleep(ctx, 20*time.Millisecond) {
			return 0, err
		}
	}
}

func (m topicManager) count(ctx context.Context, topic string) (int, error) {
	counts, _, err := describeTopics(ctx, m.client, topic)
	return int(counts[topic]), err
}

// Partitions lists the topic's partitions, 0 first.
func (m topicManager) Partitions(topic string) ([]int32, error) {
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

// GetOffset is the offset of the first record since a time; sarama.OffsetOldest and OffsetNewest
// (the high watermark, read uncommitted) are such times, too.
//
// The end of a table is told to be where its store has been restored to. Goka asks for it after
// the restore, and waits for a data record at end - 1 if the store is behind. Walkthrough of what
// this prevents: worker A dies with a transaction open. B restores the table up to the high
// watermark and so waits until the broker ends that transaction; then its marker stands at the
// high watermark, which moves on by one. Told the new one, Goka would wait for the marker as for
// a record, for ever (design §2, no. 4).
func (m topicManager) GetOffset(topic string, partition int32, at int64) (int64, error) {
	if store, is := m.stores.Load(topicPartition{topic, partition}); is && at == sarama.OffsetNewest {
		last, err := store.(storage.Storage).GetOffset(-1)
		if err != nil {
			return 0, fmt.Errorf("look where the store of %s/%d is: %w", topic, partition, err)
		}
		return last + 1, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), topicTimeout)
	defer cancel()
	admin := kadm.NewClient(m.client)
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
	o, ok := offsets.Lookup(topic, partition)
	if !ok {
		return 0, fmt.Errorf("list offsets of %s: no partition %d", topic, partition)
	}
	if o.Err != nil {
		return 0, fmt.Errorf("list offsets of %s/%d: %w", topic, partition, o.Err)
	}
	return o.Offset, nil
}

// Close does nothing: the client belongs to the engine.
func (topicManager) Close() error { return nil }

// sleep waits and reports whether ctx let it.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// checkPartitions compares the topics that belong together, before a session begins. One that has
// more partitions than the others ends the Processor: a new session would be given the new partition,
// which has no table, and a key's records would be divided among two owners. One that is missing is of no
// consequence to a graph that does not use it.
func (r *run) checkPartitions(ctx context.Context) error {
	own := slices.Concat(r.topics, r.engine.joins)
	if r.engine.table != "" {
		own = append(own, r.engine.table)
	}
	counts, _, err := describeTopics(ctx, r.engine.admin, own...)
	if err != nil {
		return fmt.Errorf("look up the partitions of topics: %w", err)
	}
	others, _, err := describeTopics(ctx, r.engine.admin, r.engine.cfg.Copartitioned...)
	if err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) {
		return fmt.Errorf("look up the partitions of topics: %w", err)
	}
	maps.Copy(counts, others)
	if _, err := kafka.SamePartitions(counts); err != nil {
		return &fatalError{err}
	}
	return nil
}

// refreshTopics looks whether topics are what they were, and whether they got more partitions. Those of
// outputs that may count from the next batch; of topics that belong together none may.
func (r *run) refreshTopics(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, r.engine.cfg.Kafka.RequestTimeout)
	var running *session
	if r.machine.phase == phaseRunning {
		running = r.session
	}
	r.work.Go(func() {
		defer cancel()
		var err error
		if running != nil {
			err = running.checkFitAgain(ctx)
		}
		if err == nil {
			err = r.checkPartitions(ctx)
		}
		switch {
		case fatal(err):
			r.post(func() { r.do(r.machine.topicsChanged(err)) })
			return
		case errors.Is(err, errFitsAgain):
			r.post(func() {
				if r.session == running {
					r.do(r.machine.inputLost(err))
				}
			})
			return
		}
		counts, _, asked := describeTopics(ctx, r.engine.admin, r.engine.writes...)
		if err := errors.Join(err, asked); err != nil {
			r.engine.log.Warn("look up the partitions of topics", "error", err)
			return
		}
		r.post(func() {
			if !maps.Equal(counts, r.outputCounts(r.features.partitions)) {
				maps.Copy(r.features.partitions, counts)
				r.counts = counts
				// Without that, producers refuse the new partitions for up to kafka.MetadataMaxAge.
				for _, p := range r.producers {
					p.client.ForceMetadataRefresh()
				}
			}
		})
	})
}

// outputCounts picks the topics that callbacks may emit to.
func (r *run) outputCounts(all map[string]int32) map[string]int32 {
	counts := make(map[string]int32, len(r.engine.writes))
	for _, topic := range r.engine.writes {
		counts[topic] = all[topic]
	}
	return counts
}
