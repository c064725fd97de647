package projector

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
	"refold/projections"
)

type offsetsByTopic = map[string]map[int32]kgo.Offset

// assigned claims the partitions that the group has given to the member, and returns where the store has them
// begin. It waits for a store that is away; ctx is that of the session.
func (m *member) assigned(ctx context.Context, offsets offsetsByTopic) (offsetsByTopic, error) {
	var given []projections.Partition
	for topic, partitions := range offsets {
		for number := range partitions {
			given = append(given, projections.Partition{Topic: topic, Partition: number})
		}
	}
	slices.SortFunc(given, projections.Partition.Compare)
	progress, err := m.claim(ctx, given)
	if err != nil {
		return nil, err
	}
	begin := make(offsetsByTopic)
	m.locked(func() {
		m.batcher.forget = true // others may have gone on since
		for _, at := range progress {
			if had := m.reached.of(at.Partition); at.Next < had {
				m.log.Warn("the store has gone back, as after a backup was restored: events are taken again "+
					"from there", "topic", at.Topic, "partition", at.Partition.Partition, "from", at.Next,
					"had", had)
			}
			m.owned[at.Partition] = &partition{
				Partition: at.Partition, source: slices.Index(m.topics, at.Topic), epoch: at.Epoch,
				written: at.Next, polled: at.Next, end: at.End, time: at.Time,
			}
			if begin[at.Topic] == nil {
				begin[at.Topic] = make(map[int32]kgo.Offset)
			}
			begin[at.Topic][at.Partition.Partition] = kgo.NewOffset().At(at.Next)
		}
	})
	return begin, nil
}

// claim claims partitions, and begins those that are new. It goes on until that has succeeded.
func (m *member) claim(
	ctx context.Context, partitions []projections.Partition,
) ([]projections.Progress, error) {
	for backoff := m.options.Backoff; ; backoff = min(2*backoff, m.options.BackoffMost) {
		progress, err := m.tryClaim(ctx, partitions)
		switch {
		case err == nil:
			m.health.ended(claiming)
			return progress, nil
		case ctx.Err() != nil: // the group gives them to somebody else, or to us again
			return nil, context.Cause(ctx) //nolint:wrapcheck // it is our own
		case errors.Is(err, projections.ErrNoBuild):
			m.end(err)
			return nil, err
		case !errors.Is(err, projections.ErrHeld):
			m.metrics.fault()
			m.health.failed(claiming, err)
		}
		if !kafka.Sleep(ctx, backoff) {
			return nil, context.Cause(ctx) //nolint:wrapcheck // it is our own
		}
	}
}

// claiming names the fault of a store that is away when partitions are given to the member.
const claiming = "claim partitions for the projection"

func (m *member) tryClaim(
	ctx context.Context, partitions []projections.Partition,
) ([]projections.Progress, error) {
	limited, cancel := context.WithTimeout(ctx, m.options.StoreTimeout)
	defer cancel()
	progress, err := m.open.Claim(limited, partitions)
	if err != nil {
		return nil, fmt.Errorf("claim: %w", err)
	}
	for i := range progress {
		if progress[i].Next < 0 {
			if err := m.first(ctx, &progress[i]); err != nil {
				return nil, err
			}
		}
	}
	return progress, nil
}

// first gives a partition that nobody has taken anything of a beginning: the log's start; or, filled from the
// table, the end that the events had before the table was read.
func (m *member) first(ctx context.Context, at *projections.Progress) error {
	next, filled, err := m.fill(ctx, at)
	if err == nil && !filled {
		next, err = m.startOf(ctx, at.Partition)
	}
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, m.options.StoreTimeout)
	defer cancel()
	err = m.open.Write(limited, &projections.Batch{Advances: []projections.Advance{{
		Partition: at.Partition, Epoch: at.Epoch, From: at.Next, To: next, End: next,
	}}})
	if err != nil {
		return fmt.Errorf("begin %s/%d: %w", at.Topic, at.Partition.Partition, err)
	}
	at.Next, at.End = next, next
	return nil
}

// revoked forgets partitions that the member has lost. It waits for the batch that is under way.
func (m *member) revoked(_ context.Context, client *kgo.Client, lost map[string][]int32) {
	client.ResumeFetchPartitions(lost) // a pause would outlive the assignment
	m.locked(func() {
		for topic, numbers := range lost {
			for _, number := range numbers {
				if p := m.owned[projections.Partition{Topic: topic, Partition: number}]; p != nil {
					m.forget(p)
				}
			}
		}
	})
}
