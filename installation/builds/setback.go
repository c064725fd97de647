package builds

import (
	"context"
	"errors"
	"slices"
	"time"

	"refold/kafka"
	"refold/projections"
)

// giveUp sets the live build back to where another one is, wherever it is ahead of that, so that the other
// can take over. Its rows are of events that the topics do not have any more.
func (s *Stored) giveUp(ctx context.Context, other projections.OpenBuild) error {
	b, err := s.Build(ctx, 0)
	if errors.Is(err, projections.ErrNoBuild) {
		return nil
	}
	if err != nil {
		return err
	}
	live, err := s.Store.Open(ctx, &s.Projection, b.Number)
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
