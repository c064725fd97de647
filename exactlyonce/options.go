package exactlyonce

import (
	"fmt"
	"hash"
	"reflect"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"

	"refold/exactlyonce/internal/gokaoptions"
	"refold/kafka"
	"refold/kafka/gokatopics"
)

// options puts the engine below Goka: first the engine's options, then the caller's, which must not replace
// them. When goka.NewProcessor has applied them, refused returns an error that names those of the caller's
// that would take exactly once away.
func (e *engine) options(given []goka.ProcessorOption) (
	all []goka.ProcessorOption, refused func() error,
) {
	inspection := new(gokaoptions.Inspection)
	all = append(all,
		goka.WithClientID(e.cfg.Kafka.ClientID),
		goka.WithHasher(kafka.NewHasher),
		goka.WithLogger(kafka.GokaLogger(e.cfg.Logger)),
		goka.WithPartitionChannelSize(e.cfg.PartitionBuffer),
		goka.WithStorageBuilder(e.buildStorage),
		goka.WithProducerBuilder(e.buildProducer),
		goka.WithConsumerGroupBuilder(e.buildGroup),
		goka.WithConsumerSaramaBuilder(e.buildConsumer),
		goka.WithTopicManagerBuilder(e.buildTopicManager),
		goka.WithContextWrapper(e.wrapContext),
		inspection.Before(),
	)
	return append(append(all, given...), inspection.After()), inspection.Refused
}

// buildProducer gives Goka its producer, and learns the effective hash function.
func (e *engine) buildProducer(
	_ []string, _ string, hasher func() hash.Hash32,
) (goka.Producer, error) {
	if reflect.ValueOf(hasher).Pointer() != reflect.ValueOf(kafka.NewHasher).Pointer() {
		e.outbox.Hash(hasher)
	}
	return e.outbox, nil
}

// buildTopicManager gives Goka its topic manager, which makes the graph's own topics.
func (e *engine) buildTopicManager([]string) (goka.TopicManager, error) {
	return gokatopics.Manager{Client: e.admin, MakeNone: e.cfg.MakeNoTopics, Restored: e.restored}, nil
}

// restored returns the offset before the first that the store of a table's partition lacks, if there is a
// store.
func (e *engine) restored(tp kafka.TopicPartition) (last int64, is bool, err error) {
	store, is := e.stores.Load(tp)
	if !is {
		return 0, false, nil
	}
	last, err = store.(storage.Storage).GetOffset(-1)
	return last, true, err
}

// buildConsumer gives Goka Sarama's consumer, which follows the live tails of joins and lookups. Goka never
// closes it, so the engine does.
func (e *engine) buildConsumer(brokers []string, _ string) (sarama.Consumer, error) {
	config, err := e.cfg.Kafka.Sarama()
	if err != nil {
		return nil, err
	}
	consumer, err := sarama.NewConsumer(brokers, config)
	if err != nil {
		return nil, fmt.Errorf("connect a consumer: %w", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closers = append(e.closers, consumer.Close)
	return consumer, nil
}
