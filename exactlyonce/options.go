package exactlyonce

import (
	"errors"
	"fmt"
	"hash"
	"reflect"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"

	"refold/kafka"
	"refold/kafka/gokatopics"
)

// options puts the engine below Goka: first the engine's options, then the caller's, then one that inspects
// the result. After goka.NewProcessor has applied them, refused returns an error that names those of the
// caller's that would take exactly once away.
func (e *engine) options(given []goka.ProcessorOption) (
	all []goka.ProcessorOption, refused func() error,
) {
	inspect, refused := inspection()
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
		inspect(nil),
	)
	return append(append(all, given...), inspect(replaced)), refused
}

// replaced lists the options of Goka (fields of its unexported struct) that must stay the engine's, the
// option by which a caller replaces each, and what to do instead.
var replaced = []struct{ field, option, instead string }{
	{"storage", "WithStorageBuilder", "set Config.Tables"},
	{"producer", "WithProducerBuilder", "set Config.Kafka"},
	{"consumerGroup", "WithConsumerGroupBuilder", "set Config.Kafka"},
	{"consumerSarama", "WithConsumerSaramaBuilder", "set Config.Kafka"},
	{"topicmgr", "WithTopicManagerBuilder", "make topics beforehand, or let this package do it"},
}

// inspection makes options that inspect Goka's unexported options. The type of an option names that struct,
// so a function of the type can't be written down, but reflect can make one; and reflect allows reading (not
// setting) an unexported field. If a release of Goka renames a field, the look-up finds nothing and reports
// it.
func inspection() (
	inspect func(fields []struct{ field, option, instead string }) goka.ProcessorOption,
	refused func() error,
) {
	ours := make(map[string]uintptr)
	var errs []error
	look := func(o reflect.Value, fields []struct{ field, option, instead string }) {
		builders := o.Elem().FieldByName("builders")
		for _, r := range replaced {
			builder := reflect.Value{}
			if builders.IsValid() {
				builder = builders.FieldByName(r.field)
			}
			switch {
			case !builder.IsValid():
				errs = append(errs, fmt.Errorf("this release of Goka has no %s", r.option))
			case fields == nil:
				ours[r.field] = builder.Pointer()
			case builder.Pointer() != ours[r.field]:
				errs = append(errs, fmt.Errorf(
					"goka.%s (or WithTester) would take exactly once away: %s",
					r.option, r.instead))
			}
		}
		if fields == nil {
			return
		}
		for name, option := range map[string]string{
			"hotStandby": "WithHotStandby", "recoverAhead": "WithRecoverAhead",
		} {
			if f := o.Elem().FieldByName(name); !f.IsValid() || f.Bool() {
				errs = append(errs, fmt.Errorf("goka.%s is refused: it restores tables while "+
					"their owner may still be writing; give Config.Tables stores that outlive "+
					"a session instead", option))
			}
		}
	}
	inspect = func(fields []struct{ field, option, instead string }) goka.ProcessorOption {
		option := reflect.MakeFunc(reflect.TypeFor[goka.ProcessorOption](),
			func(args []reflect.Value) []reflect.Value {
				look(args[0], fields)
				return nil
			})
		return option.Interface().(goka.ProcessorOption)
	}
	return inspect, func() error { return errors.Join(errs...) }
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
