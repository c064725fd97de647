package installation

import (
	"cmp"
	"strconv"
	"time"

	"refold/audittrail"
	"refold/config"
	"refold/inventory"
	"refold/kafka"
	"refold/owners"
	"refold/processors"
	"refold/processors/deadletters"
	"refold/snapshots/rebuild"
)

// TopicSpecs returns all topics of the installation. The last one says which they are; the one before is that
// of owners, which holds nothing that is worth keeping.
func (i *Installation) TopicSpecs() []kafka.TopicSpec {
	c := i.Config.Topics
	var specs []kafka.TopicSpec
	for _, a := range i.Definitions.Aggregates {
		specs = append(specs, i.topicsOf(a.Named())...)
	}
	for _, p := range i.Definitions.Processes {
		loop := processors.LoopTopic(c.Prefix + p.ProcessName())
		specs = append(specs, specOf(c, loop, kept(c.CommandsRetention)))
	}
	specs = append(specs, i.reactionTopics()...)
	// A single partition: all who look see the same records in the same order, which are few and small.
	settled := single(specOf(c, deadletters.NamesOf(c.Prefix).Settled, compacted()))
	asked := single(specOf(c, rebuild.TopicName(c.Prefix), compacted()))
	letters := specOf(c, processors.DeadLetters(c.Prefix), kept(c.DeadLetterRetention))
	limit(letters.Config, processors.LetterBytes(int(c.RecordBytes)))
	trail := single(specOf(c, audittrail.TopicName(c.Prefix), kept(c.AuditTrailRetention)))
	remembered := single(specOf(c, inventory.TopicName(c.Prefix), kept(0)))
	return append(specs, letters, settled, asked, trail, i.OwnersTopic(), remembered)
}

// OwnersTopic returns the topic in which pods tell each other what they own.
func (i *Installation) OwnersTopic() kafka.TopicSpec {
	spec := owners.Topic(i.Prefix(), int16(i.Config.Topics.ReplicationFactor))
	limit(spec.Config, int(i.Config.Topics.RecordBytes))
	return spec
}

// topicsOf returns the topics of an aggregate.
func (i *Installation) topicsOf(named processors.AggregateName) []kafka.TopicSpec {
	c, a, t := i.Config.Topics, i.Aggregate(named.Name), i.Topics(named)
	specs := []kafka.TopicSpec{
		specOf(c, t.Commands, kept(cmp.Or(a.CommandsRetention, c.CommandsRetention))),
		specOf(c, t.Events, kept(a.EventsRetention)),
	}
	if a.Results {
		specs = append(specs, specOf(c, t.Results, kept(cmp.Or(a.ResultsRetention, c.ResultsRetention))))
	}
	return append(specs, specOf(c, t.Table, compacted()))
}

// Copartitioned returns the topics that must have the same number of partitions: all in which a key's
// records are where its row is, and those by which processes follow from one aggregate to another. Topics of
// reactions are not among them: one that does not fit stops its reaction, and nothing else.
func (i *Installation) Copartitioned() []string {
	var topics []string
	for _, a := range i.Definitions.Aggregates {
		for _, spec := range i.topicsOf(a.Named()) {
			topics = append(topics, spec.Name)
		}
	}
	for _, p := range i.Definitions.Processes {
		topics = append(topics, processors.LoopTopic(i.Prefix()+p.ProcessName()))
	}
	return topics
}

func specOf(c config.Topics, name string, settings map[string]string) kafka.TopicSpec {
	limit(settings, int(c.RecordBytes))
	return kafka.TopicSpec{
		Name: name, Partitions: int32(c.Partitions), ReplicationFactor: int16(c.ReplicationFactor),
		Config: settings,
	}
}

func single(spec kafka.TopicSpec) kafka.TopicSpec {
	spec.Partitions = 1
	return spec
}

func limit(settings map[string]string, recordBytes int) {
	settings["max.message.bytes"] = strconv.Itoa(kafka.MaxMessageBytes(recordBytes))
}

// kept is the configuration of a topic whose records are deleted after a time; 0: never.
func kept(d time.Duration) map[string]string {
	if d == 0 {
		return map[string]string{"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
	}
	return map[string]string{
		"cleanup.policy": "delete", "retention.ms": strconv.FormatInt(d.Milliseconds(), 10),
	}
}

func compacted() map[string]string { return map[string]string{"cleanup.policy": "compact"} }
