package project

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"refold/installation/builds"
	"refold/kafka"
	"refold/projections"
	"refold/projections/projector"
)

// kafkaWithin is how long builds are shown late because Kafka does not answer.
const kafkaWithin = 10 * time.Second

// ask completes builds by what Kafka knows: where the topics end by now, which nobody has written to the
// store if nobody fills the build; and how many processes do.
func (o *opened) ask(ctx context.Context, all []shownBuild) error {
	ctx, cancel := context.WithTimeout(ctx, kafkaWithin)
	defer cancel()
	client, err := o.Kafka(nil).Client()
	if err != nil {
		return err //nolint:wrapcheck // it says what is wrong with the settings
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	var topics []string
	for i := range all {
		for _, p := range all[i].progress {
			topics = append(topics, p.Topic)
		}
	}
	slices.Sort(topics)
	topics = slices.Compact(topics)
	var ends kadm.ListedOffsets
	if len(topics) > 0 { // of none would be of all
		if ends, err = admin.ListCommittedOffsets(ctx, topics...); err != nil {
			return fmt.Errorf("ask where the events topics end: %w", err)
		}
	}
	for i := range all {
		all[i].Behind = 0
		for _, p := range all[i].progress {
			end, there := ends.Lookup(p.Topic, p.Partition.Partition)
			if there && end.Err == nil {
				p.End = end.Offset
			}
			all[i].Behind += builds.Behind(p)
		}
		if all[i].Members, err = o.members(ctx, admin, &all[i]); err != nil {
			return err
		}
	}
	return nil
}

// members returns how many processes have partitions of a build; 0 while its group is rebalanced.
func (o *opened) members(ctx context.Context, admin *kadm.Client, b *shownBuild) (n int, err error) {
	build := projections.Build{Projection: b.Projection, Number: b.Build}
	all, err := kafka.Members(ctx, admin, projector.Group(o.Prefix(), build))
	if errors.Is(err, kafka.ErrRebalancing) {
		return 0, nil
	}
	for _, m := range all {
		if len(m.Partitions) > 0 {
			n++
		}
	}
	return n, err //nolint:wrapcheck // it names the group
}
