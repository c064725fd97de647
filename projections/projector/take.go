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
			p := m.owned[at.Partition]
			if p != nil && !p.resume(at) {
				err = fmt.Errorf("%w: the store is at offset %d of %s/%d, and this process at %d", errRejoin,
					at.Next, at.Topic, at.Partition.Partition, p.written)
			}
		}
	})
	return err
}

// accept notes what a poll has brought.
func (m *member) accept(fetches kgo.Fetches) {
	if time.Since(m.unfetched) > fetchedWell {
		m.health.ended(fetching)
	}
	fetches.EachError(func(topic string, number int32, err error) {
		switch p := m.owned[projections.Partition{Topic: topic, Partition: number}]; {
		case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled),
			errors.As(err, new(*kgo.ErrGroupSession)): // groupErrors has it
		case p != nil && errors.Is(err, kerr.OffsetOutOfRange):
			p.held, p.heldSince = fmt.Errorf("%s/%d does not have offset %d, which is due: rebuild the "+
				"projection: %w", topic, number, p.polled, err), time.Now()
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
