package inspect

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"refold/codecs"
	"refold/kafka"
)

// Description is what brokers tell about a topic, and what its last records are.
type Description struct {
	Topic string `json:"topic"`
	// ID is that of the topic; empty if the brokers know no IDs.
	ID string `json:"id,omitempty"`
	// Offsets is how many offsets the partitions hold. There are at most as many records: transaction
	// markers, aborted records and those that compaction has removed take offsets, too.
	Offsets    int64       `json:"offsets"`
	Partitions []Partition `json:"partitions"`
	// Config is what differs from Kafka's defaults.
	Config []Config `json:"config"`
	// Last says what the last records are, the most frequent kind first.
	Last []Kind `json:"last"`
}

// Partition is a partition of a topic. Its records have offsets from Start on, to before End.
type Partition struct {
	Partition int32   `json:"partition"`
	Leader    int32   `json:"leader"` // -1: there is none
	Replicas  []int32 `json:"replicas"`
	InSync    []int32 `json:"inSync"`
	Start     int64   `json:"start"`
	End       int64   `json:"end"`
}

// Config is a setting of a topic. Source is "topic" if it is set for the topic, and "broker" if a broker's
// setting applies.
type Config struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"`
}

// Kind is what some records have in common.
type Kind struct {
	Records     int64  `json:"records"`
	Format      Format `json:"format"`
	Type        string `json:"type,omitempty"`
	SchemaID    int    `json:"schemaId,omitempty"`
	SchemaGUID  string `json:"schemaGuid,omitempty"`
	SchemaName  string `json:"schemaName,omitempty"`
	Undecodable string `json:"undecodable,omitempty"`
	// SchemaIn says where the schema ID stands, as in a Record.
	SchemaIn codecs.SchemaIDPlace `json:"schemaIn,omitempty"`
}

// describePatience is how long Describe waits for an open transaction: its records matter little.
const describePatience = time.Second

// Describe returns what brokers tell about a topic, and what the last records of each partition are: as many
// as last says, at most MaxTail; 0: none is read.
func Describe(
	ctx context.Context, settings kafka.Settings, registry Registry, topic string, last int,
) (*Description, error) {
	cl, err := settings.Client()
	if err != nil {
		return nil, fmt.Errorf("describe topic %s: %w", topic, err)
	}
	defer cl.Close()
	d := &Description{Topic: topic, Config: []Config{}, Last: []Kind{}}
	if err := d.describe(ctx, cl); err != nil {
		return nil, fmt.Errorf("describe topic %s: %w", topic, err)
	}
	if last == 0 {
		return d, nil
	}
	kinds := map[Kind]int64{}
	_, err = Cat(ctx, Options{
		Kafka: settings, Registry: registry, Topic: topic, Tail: last, Patience: describePatience,
	}, func(r *Record) error {
		kinds[Kind{
			Format: r.Format, Type: r.Type, SchemaID: r.SchemaID, SchemaGUID: r.SchemaGUID,
			SchemaName: r.SchemaName, Undecodable: r.Undecodable, SchemaIn: r.SchemaIn,
		}]++
		return nil
	})
	for kind, records := range kinds {
		kind.Records = records
		d.Last = append(d.Last, kind)
	}
	slices.SortFunc(d.Last, func(a, b Kind) int {
		return cmp.Or(cmp.Compare(b.Records, a.Records), cmp.Compare(a.Type, b.Type),
			cmp.Compare(a.SchemaID, b.SchemaID), cmp.Compare(a.SchemaGUID, b.SchemaGUID),
			cmp.Compare(a.SchemaIn, b.SchemaIn), cmp.Compare(a.Format, b.Format),
			cmp.Compare(a.Undecodable, b.Undecodable))
	})
	return d, err
}

// describe fills in what brokers tell.
func (d *Description) describe(ctx context.Context, cl *kgo.Client) error {
	admin := kadm.NewClient(cl)
	topics, err := admin.ListTopics(ctx, d.Topic)
	if err == nil {
		err = topics.Error()
	}
	if err != nil {
		return err //nolint:wrapcheck // Describe says what was being done
	}
	starts, err := admin.ListStartOffsets(ctx, d.Topic)
	if err != nil {
		return fmt.Errorf("ask where its partitions begin: %w", err)
	}
	ends, err := admin.ListEndOffsets(ctx, d.Topic)
	if err != nil {
		return fmt.Errorf("ask where its partitions end: %w", err)
	}
	about := topics[d.Topic]
	if about.ID != (kadm.TopicID{}) {
		d.ID = about.ID.String()
	}
	for _, p := range about.Partitions.Sorted() {
		described := Partition{
			Partition: p.Partition, Leader: p.Leader, Replicas: p.Replicas, InSync: p.ISR,
		}
		if described.Start, err = kafka.OffsetOf(d.Topic, p.Partition)(starts, nil); err != nil {
			return err //nolint:wrapcheck // it says what was asked
		}
		if described.End, err = kafka.OffsetOf(d.Topic, p.Partition)(ends, nil); err != nil {
			return err //nolint:wrapcheck // it says what was asked
		}
		d.Partitions = append(d.Partitions, described)
		d.Offsets += described.End - described.Start
	}
	return d.describeConfig(ctx, admin)
}

func (d *Description) describeConfig(ctx context.Context, admin *kadm.Client) error {
	resources, err := admin.DescribeTopicConfigs(ctx, d.Topic)
	var resource kadm.ResourceConfig
	if err == nil {
		resource, err = resources.On(d.Topic, nil)
	}
	if err == nil {
		err = resource.Err
	}
	if err != nil {
		return fmt.Errorf("ask for its configuration: %w", err)
	}
	for _, c := range resource.Configs {
		source := "broker"
		switch c.Source {
		case kmsg.ConfigSourceDefaultConfig, kmsg.ConfigSourceUnknown:
			continue
		case kmsg.ConfigSourceDynamicTopicConfig:
			source = "topic"
		default:
		}
		d.Config = append(d.Config, Config{c.Key, c.MaybeValue(), source})
	}
	slices.SortFunc(d.Config, func(a, b Config) int { return cmp.Compare(a.Name, b.Name) })
	return nil
}
