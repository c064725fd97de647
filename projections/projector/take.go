package projector

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
	"refold/projections"
)

const (
	// heldPause is the pause while another build takes over: the build stands still for a moment only.
	heldPause = 20 * time.Millisecond
	// movedMost is how often one batch may find the progress elsewhere: once if an answer was lost.
	movedMost = 3
)

// take writes all that is pending, but for what waits. It looks once for what that waits for.
func (m *member) take(ctx context.Context, client *kgo.Client) error {
	for first := true; ; first = false {
		pending := false
		m.locked(func() {
			for _, p := range m.owned {
				pending = pending || p.due() || first && len(p.pending) > 0
			}
		})
		if !pending {
			return nil
		}
		err := m.attempt(ctx, client, func(ctx context.Context, all []*partition) error {
			return m.batcher.step(ctx, all)
		})
		if err != nil {
			return err
		}
	}
}

// attempt calls do with the member's partitions, and again after faults: then the group may rebalance in
// between, and what is pending stays. The error ends the session.
func (m *member) attempt(
	ctx context.Context, client *kgo.Client, do func(context.Context, []*partition) error,
) error {
	moved := 0
	for backoff := m.options.Backoff; ; backoff = min(2*backoff, m.options.BackoffMost) {
		var err error
		m.locked(func() {
			limited, cancel := context.WithTimeout(ctx, m.options.StoreTimeout)
			defer cancel()
			err = do(limited, m.partitions())
			m.pause(client)
		})
		pause := backoff
		switch {
		case err == nil:
			m.health.ended(taking)
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx) //nolint:wrapcheck // it is our own
		case errors.Is(err, projections.ErrNoBuild):
			return err
		case errors.Is(err, projections.ErrFenced):
			return fmt.Errorf("%w: %w", errRejoin, err)
		case errors.Is(err, projections.ErrHeld):
			pause, backoff = heldPause, m.options.Backoff
		case errors.Is(err, projections.ErrMoved):
			moved++
			if moved > movedMost {
				return fmt.Errorf("%w: %w", errRejoin, err)
			}
			if err = m.resume(ctx); err == nil {
				continue
			}
			if errors.Is(err, errRejoin) {
				return err
			}
			fallthrough
		default:
			m.metrics.fault()
			m.health.failed(taking, err)
		}
		client.AllowRebalance()
		if !kafka.Sleep(ctx, pause) {
			return context.Cause(ctx) //nolint:wrapcheck // it is our own
		}
	}
}

// taking names the fault of a store, a registry or a dead-letter topic that is away.
const taking = "take the events of the projection"

// resume goes on after ErrMoved. If only the answer to a write was lost, the progress is within what is
// pending. Otherwise somebody has set it elsewhere, such as a restored backup.
func (m *member) resume(ctx context.Context) (err error) {
	m.locked(func() {
		limited, cancel := context.WithTimeout(ctx, m.options.StoreTimeout)
		defer cancel()
		m.batcher.forget = true
		var all []projections.Partition
		for _, p := range m.partitions() {
			all = append(all, p.Partition)
		}
		var found []projections.Progress
		if found, err = m.open.Claim(limited, all); err != nil {
			return
		}
		for _, at := range found {
			if p := m.owned[at.Partition]; p != nil && !p.resume(at) {
				err = p.elsewhere(at)
			}
		}
	})
	return err
}

// elsewhere says that the store is not where the member has left it.
func (p *partition) elsewhere(at projections.Progress) error {
	return fmt.Errorf("%w: the store is at offset %d of %s/%d, and this process at %d", errRejoin, at.Next,
		p.Topic, p.Partition.Partition, p.written)
}

// check looks now and then whether the store is where the member has left it: a backup may have been
// restored, and while nothing comes no write finds out.
func (m *member) check(ctx context.Context) error {
	if time.Since(m.checked) < m.options.LookEvery {
		return nil
	}
	m.checked = time.Now()
	limited, cancel := context.WithTimeout(ctx, m.options.StoreTimeout)
	defer cancel()
	stored := make(map[projections.Partition]projections.Progress)
	err := m.open.Look(limited, func(v projections.View) error {
		all, err := v.Progress(limited)
		for _, at := range all {
			stored[at.Partition] = at
		}
		return err //nolint:wrapcheck // what was done is told below
	})
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx) //nolint:wrapcheck // it is our own
	case errors.Is(err, projections.ErrNoBuild):
		return err //nolint:wrapcheck // it says which build
	case err != nil:
		m.health.failed(checking, err)
		return nil
	}
	m.health.ended(checking)
	m.locked(func() {
		for _, p := range m.partitions() {
			if at := stored[p.Partition]; at.Epoch != p.epoch || at.Next != p.written {
				err = p.elsewhere(at)
			}
		}
	})
	return err
}

// checking names the fault of a store that does not say how far it is.
const checking = "ask the store how far it is"

// accept notes what a poll has brought.
func (m *member) accept(ctx context.Context, fetches kgo.Fetches) {
	if time.Since(m.unfetched) > fetchedWell {
		m.health.ended(fetching)
	}
	fetches.EachError(func(topic string, number int32, err error) {
		switch p := m.owned[projections.Partition{Topic: topic, Partition: number}]; {
		case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled),
			errors.As(err, new(*kgo.ErrGroupSession)): // groupErrors has it
		case p != nil && errors.Is(err, kerr.OffsetOutOfRange):
			p.held, p.heldSince = m.missing(ctx, p, err), time.Now()
		case p != nil && errors.As(err, new(*kgo.ErrDecompressTooLarge)): // the client does not try again
			p.held, p.heldSince = fmt.Errorf("%s/%d can't be read on: %w", topic, number, err), time.Now()
		default:
			m.unfetched = time.Now()
			m.health.failed(fetching, err)
		}
	})
	fetches.EachPartition(func(f kgo.FetchTopicPartition) {
		if p := m.owned[projections.Partition{Topic: f.Topic, Partition: f.Partition}]; p != nil {
			p.accept(f.Records, f.LastStableOffset)
		}
	})
}

// missing says why a partition does not have the record that is due.
func (m *member) missing(ctx context.Context, p *partition, err error) error {
	ctx, cancel := context.WithTimeout(ctx, m.options.StoreTimeout)
	defer cancel()
	why := "it has lost records"
	start, err1 := m.startOf(ctx, p.Partition)
	end, err2 := m.stableEnd(ctx, p.Partition)
	switch {
	case err1 != nil || err2 != nil:
	case p.polled < start:
		why = fmt.Sprintf("it begins at %d, as records were deleted", start)
	case p.polled > end:
		why = fmt.Sprintf("it ends at %d, as it was restored from a backup or made anew, and the build has "+
			"rows of other events", end)
	}
	return fmt.Errorf("%s/%d does not have offset %d, which is due: %s; see read-models.md, "+
		"\"Kafka was restored\": %w", p.Topic, p.Partition.Partition, p.polled, why, err)
}

// fetchedWell is how long fetching has not failed when it goes well again: the client reports an error now
// and then, and tries again by itself.
const fetchedWell = 30 * time.Second

// fetching names the fault of events that can't be fetched.
const fetching = "fetch events for the projection"

// pause stops fetching what is held, and tells of it once; and what waits, as long as enough of it has come.
func (m *member) pause(client *kgo.Client) {
	for _, p := range m.owned {
		of := map[string][]int32{p.Topic: {p.Partition.Partition}}
		stop := p.held != nil || p.full(m.options.BatchRecords, m.options.BatchBytes)
		switch {
		case stop && !p.paused:
			client.PauseFetchPartitions(of)
		case !stop && p.paused:
			client.ResumeFetchPartitions(of)
		}
		p.paused = stop
		if p.held != nil && !p.told {
			p.told = true
			m.log.Error("a partition is held until this process is restarted", "error", p.held)
		}
	}
}
