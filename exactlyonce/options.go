package exactlyonce

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"

	"refold/kafka"
)

// options puts the engine below Goka: ours first, then the caller's, then one that looks at what
// came of them. After goka.NewProcessor has applied them, refused names those of the caller's
// that would take exactly once away.
func (e *engine) options(given []goka.ProcessorOption) (
	all []goka.ProcessorOption, refused func() error,
) {
	inspect, refused := inspection()
	all = append(all,
		goka.WithClientID(e.cfg.Kafka.ClientID),
		goka.WithHasher(kafka.NewHasher),
		goka.WithLogger(gokaLogger{e.cfg.Logger}),
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

// replaced is what of Goka's options (fields of its unexported struct) must stay ours, and what
// the caller did when it did not.
var replaced = []struct{ field, option, instead string }{
	{"storage", "WithStorageBuilder", "set Config.Tables"},
	{"producer", "WithProducerBuilder", "set Config.Kafka"},
	{"consumerGroup", "WithConsumerGroupBuilder", "set Config.Kafka"},
	{"consumerSarama", "WithConsumerSaramaBuilder", "set Config.Kafka"},
	{"topicmgr", "WithTopicManagerBuilder", "make topics beforehand, or let this package do it"},
}

// inspection makes options that look at Goka's unexported options. An option's type names that
// struct, so a function of the type can't be written down, but it can be made; and reading (not
// setting) an unexported field is what reflect allows. If a release of Goka renames a field, the
// look-up finds nothing and says so.
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

// buildConsumer gives Goka Sarama's consumer, which follows the live tails of joins and lookups.
// Goka's views never close theirs, so we do.
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
