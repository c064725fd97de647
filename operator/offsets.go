package operator

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/kafka"
	"refold/processors/deadletters"
	"refold/snapshots/rebuild/reset"
)

// offsetFinder finds out which commands of the aggregate were handled.
func (a *Aggregate) offsetFinder(settings kafka.Settings) reset.OffsetFinder {
	return reset.OffsetFinder{
		Kafka: settings,
		Topics: reset.Topics{
			Commands: a.Topics.Commands, Events: a.Topics.Events, Results: a.Topics.Results,
			Table: a.Topics.Table, DeadLetters: a.Topics.DeadLetters, Group: a.Topics.Group,
		},
		Outcome: func(record *kgo.Record) (reset.Cause, error) {
			m, err := a.Messages.Cause(record)
			// As the command's own is read: earlier versions have noted times that clients had wrapped.
			return reset.Cause{Command: m.CausationID, Time: kafka.ReadTime(m.Time).UnixMilli()}, err
		},
		Command: func(record *kgo.Record) string {
			m, _ := codecs.MetadataFromRecord(record.Headers) // what has no ID is a dead letter
			return m.ID
		},
		Letter: func(record *kgo.Record) (reset.DeadLetter, bool) {
			l, err := deadletters.Parse(record)
			if err != nil {
				return reset.DeadLetter{}, false
			}
			if l.Group == "" { // older workers didn't say
				l.Group = a.Topics.Group
			}
			return reset.DeadLetter{
				Group: l.Group, Topic: l.Origin.Topic, Partition: l.Origin.Partition,
				Offset: l.Origin.Offset,
			}, true
		},
	}
}
