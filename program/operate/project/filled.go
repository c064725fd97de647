package project

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

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
			all[i].Behind += behind(p)
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

// behind returns how many offsets a partition lacks.
func behind(p projections.Progress) int64 { return max(0, p.End-max(p.Next, 0)) }

// giveUp sets the live build back to where another one is, wherever it is ahead of that, so that the other
// can take over. Its rows are of events that the topics do not have any more.
func (s *stored) giveUp(ctx context.Context, other projections.OpenBuild) error {
	b, err := s.build(ctx, 0)
	if errors.Is(err, projections.ErrNoBuild) {
		return nil
	}
	if err != nil {
		return err
	}
	live, err := s.store.Open(ctx, &s.Projection, b.Number)
	if err != nil {
		return err //nolint:wrapcheck // it says which build
	}
	to, err := progressOf(ctx, other)
	if err != nil {
		return err
	}
	from, err := progressOf(ctx, live)
	if err != nil {
		return err
	}
	var ahead []projections.Partition
	for p := range from {
		if from[p].Next > to[p].Next {
			ahead = append(ahead, p)
		}
	}
	if len(ahead) == 0 {
		return nil
	}
	slices.SortFunc(ahead, projections.Partition.Compare)
	ctx, cancel := context.WithTimeout(ctx, giveUpWithin)
	defer cancel()
	for {
		err := setBack(ctx, live, ahead, to)
		again := errors.Is(err, projections.ErrHeld) || errors.Is(err, projections.ErrFenced)
		if !again || !kafka.Sleep(ctx, giveUpPause) {
			return err
		}
	}
}

// A worker that tries to take over by itself holds the live build for seconds, and lets it go for seconds.
const (
	giveUpWithin = 30 * time.Second
	giveUpPause  = 50 * time.Millisecond
)

// setBack writes that a build has taken of some partitions what another one has.
func setBack(
	ctx context.Context, build projections.OpenBuild, ahead []projections.Partition,
	to map[projections.Partition]projections.Progress,
) error {
	claimed, err := build.Claim(ctx, ahead)
	if err != nil {
		return err //nolint:wrapcheck // it says which build
	}
	back := &projections.Batch{}
	for _, p := range claimed {
		at := to[p.Partition]
		back.Advances = append(back.Advances, projections.Advance{
			Partition: p.Partition, Epoch: p.Epoch, From: p.Next, To: max(0, at.Next), End: at.End,
		})
	}
	return build.Write(ctx, back) //nolint:wrapcheck // it says which build
}

// progressOf returns that of all partitions of a build.
func progressOf(
	ctx context.Context, b projections.OpenBuild,
) (map[projections.Partition]projections.Progress, error) {
	all := make(map[projections.Partition]projections.Progress)
	err := b.Look(ctx, func(v projections.View) error {
		progress, err := v.Progress(ctx)
		for _, p := range progress {
			all[p.Partition] = p
		}
		return err //nolint:wrapcheck // it says which build
	})
	return all, err //nolint:wrapcheck // it says which build
}
