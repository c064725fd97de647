package projector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
	"refold/projections"
)

const (
	// idle is how long a poll waits. Then there is time for what need not be done at once: progress over the
	// markers of transactions, and offsets in Kafka.
	idle = 250 * time.Millisecond
	// heldPause is the pause while another build takes over: the build stands still for a moment only.
	heldPause = 20 * time.Millisecond
	// commitEvery is how often offsets are committed to Kafka, which only tools for lag look at.
	commitEvery = time.Second
	// movedMost is how often one batch may find the progress elsewhere: once if an answer was lost.
	movedMost = 3
	// restMost limits a rest between two batches, so that a slow store does not look like one that is away.
	restMost = time.Second
	// leaveTimeout limits the request to leave the group, whose coordinator may be away.
	leaveTimeout = 3 * time.Second
	// fetchPartitionBytes leaves room in an answer for several partitions.
	fetchPartitionBytes = 1 << 20
)

// errRejoin says that the partitions are somebody else's, or the store is not what it was: the member leaves
// its group and joins it anew.
var errRejoin = errors.New("the partitions have to be claimed anew")

// member takes a build's share of the events, as a member of the build's consumer group.
type member struct {
	*shared
	of      *Projected
	build   projections.Build
	open    projections.OpenBuild
	topics  []string // by source
	health  *health
	log     *slog.Logger
	metrics *buildMetrics

	// mu guards owned and the batcher. A revocation waits for it, and so for the batch that is under way.
	mu      sync.Mutex
	owned   map[projections.Partition]*partition
	batcher *batcher
	// showing guards shown, which is read while a batch is under way.
	showing sync.Mutex
	shown   []shown
	// end ends the session with a cause.
	end context.CancelCauseFunc
	// committed is when offsets were looked at for Kafka, told are those that it has.
	committed time.Time
	told      map[projections.Partition]int64
	// unfetched is when fetching failed last.
	unfetched time.Time
}

// Group returns the consumer group of a build, with the prefix of all groups in front.
func Group(prefix string, b projections.Build) string { return prefix + "projection-" + b.Name() }

// run returns nil when ctx ends, and projections.ErrNoBuild if the build was dropped.
func (m *member) run(ctx context.Context) error {
	backoff := m.options.Backoff
	for {
		began := time.Now()
		err := m.session(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, projections.ErrNoBuild):
			return err
		case errors.Is(err, errRejoin):
			m.log.Info("leaving the group and joining it anew", "error", err)
		default:
			m.health.failed(joining, err)
		}
		if time.Since(began) > m.options.BackoffMost {
			backoff = m.options.Backoff
		}
		if !kafka.Sleep(ctx, backoff) {
			return nil
		}
		backoff = min(2*backoff, m.options.BackoffMost)
	}
}

// joining names the fault of a member that can't even begin.
const joining = "join the projection's group"

// session is a member from joining the group to leaving it.
func (m *member) session(ctx context.Context) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	m.end = end
	m.owned = make(map[projections.Partition]*partition)
	m.batcher = m.newBatcher()
	client, err := m.settings.Client(
		kgo.ConsumerGroup(Group(m.options.Prefix, m.build)), kgo.ConsumeTopics(m.topics...),
		kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
		kgo.KeepControlRecords(), // so that the progress reaches the end of a partition
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), // assigned has others
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchMaxBytes(int32(m.options.BatchBytes)),
		kgo.FetchMaxPartitionBytes(int32(min(m.options.BatchBytes, fetchPartitionBytes))),
		kgo.AdjustFetchOffsetsFn(m.assigned),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) {
			m.health.ended(membership)
		}),
		kgo.OnPartitionsRevoked(m.revoked), kgo.OnPartitionsLost(m.revoked),
		kgo.WithHooks(groupErrors{m.health}),
	)
	if err != nil {
		return fmt.Errorf("make the consumer: %w", err)
	}
	defer m.leave(client)
	m.health.ended(joining)
	m.told = nil
	for {
		if err := m.turn(ctx, client); err != nil {
			return err
		}
	}
}

// membership names the fault of a member that can't be one.
const membership = "be a member of the projection's group"

// groupErrors notes why the process is not a member of the group. The client goes on trying by itself.
type groupErrors struct{ health *health }

var _ kgo.HookGroupManageError = groupErrors{}

// OnGroupManageError notes the error.
func (g groupErrors) OnGroupManageError(err error) {
	if !errors.Is(err, context.Canceled) && !errors.Is(err, kgo.ErrClientClosed) {
		g.health.failed(membership, err)
	}
}

func (m *member) newBatcher() *batcher {
	letters := &deadLetters{
		client: m.client, topic: m.deadLetters, projection: m.of.Projection.Name,
		group: Group(m.options.Prefix, m.build), version: m.options.Version, limit: m.letterBytes,
		logger: m.log,
	}
	decoders := 1
	if m.options.Share == 1 {
		decoders = runtime.GOMAXPROCS(0)
	}
	return &batcher{
		build: m.open, sources: m.of.Sources, letters: letters, stop: m.options.OnPoison == Stop,
		folding: projections.NewFolding(&m.of.Projection, m.of.Sources, m.options.States),
		records: m.options.BatchRecords, bytes: m.options.BatchBytes, rows: batchRows(m.of.Store),
		decoders: decoders, metrics: m.metrics,
	}
}

// turn polls once, and takes what has come.
func (m *member) turn(ctx context.Context, client *kgo.Client) error {
	polling, cancel := context.WithTimeout(ctx, idle)
	fetches := client.PollRecords(polling, m.options.BatchRecords)
	cancel()
	if ctx.Err() != nil {
		return context.Cause(ctx) //nolint:wrapcheck // it is our own
	}
	began := time.Now()
	m.locked(func() { m.accept(fetches) })
	err := m.take(ctx, client)
	if err == nil && fetches.NumRecords() == 0 {
		err = m.attempt(ctx, client, func(ctx context.Context, all []*partition) error {
			return m.batcher.markers(ctx, all)
		})
	}
	client.AllowRebalance()
	if err != nil {
		return err
	}
	m.commit(client)
	m.rest(ctx, time.Since(began))
	return nil
}

// take writes all that is pending.
func (m *member) take(ctx context.Context, client *kgo.Client) error {
	for {
		pending := false
		m.locked(func() {
			for _, p := range m.owned {
				pending = pending || len(p.pending) > 0
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
			m.pauseHeld(client)
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
			if moved++; moved > movedMost {
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

// resume goes on after ErrMoved. If only the answer to a write was lost, the progress is within what is pending.
// Otherwise somebody has set it elsewhere, such as a restored backup.
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

// fetchedWell is how long fetching has not failed when it goes well again: the client reports an error now and
// then, and tries again by itself.
const fetchedWell = 30 * time.Second

// fetching names the fault of events that can't be fetched.
const fetching = "fetch events for the projection"

// pauseHeld stops fetching what is held, and tells of it once.
func (m *member) pauseHeld(client *kgo.Client) {
	for _, p := range m.owned {
		if p.held != nil && !p.paused {
			p.paused = true
			client.PauseFetchPartitions(map[string][]int32{p.Topic: {p.Partition.Partition}})
			m.log.Error("a partition is held until this process is restarted", "error", p.held)
		}
	}
}

// partitions returns those of the member in a fixed order.
func (m *member) partitions() []*partition {
	return slices.SortedFunc(maps.Values(m.owned), func(a, b *partition) int {
		return comparePartitions(a.Partition, b.Partition)
	})
}

// locked calls do with the lock, and shows what has come of it.
func (m *member) locked(do func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	do()
	m.showing.Lock()
	defer m.showing.Unlock()
	m.shown = m.shown[:0]
	for _, p := range m.owned {
		m.shown = append(m.shown, p.show())
	}
}

// lag returns how far the member's partitions are behind, now.
func (m *member) lag(ends map[projections.Partition]int64) []Lag {
	m.showing.Lock()
	defer m.showing.Unlock()
	all := make([]Lag, len(m.shown))
	for i, s := range m.shown {
		all[i] = s.lag(ends[s.Partition])
		all[i].Projection, all[i].Build = m.build.Projection, m.build.Number
	}
	return all
}

// commit tells Kafka in the background how far the store is.
func (m *member) commit(client *kgo.Client) {
	if time.Since(m.committed) < commitEvery {
		return
	}
	m.committed = time.Now()
	next := make(map[projections.Partition]int64)
	m.locked(func() {
		for _, p := range m.owned {
			next[p.Partition] = p.written
		}
	})
	if maps.Equal(next, m.told) {
		return
	}
	offsets := make(map[string]map[int32]kgo.EpochOffset)
	for p, n := range next {
		if offsets[p.Topic] == nil {
			offsets[p.Topic] = make(map[int32]kgo.EpochOffset)
		}
		offsets[p.Topic][p.Partition] = kgo.EpochOffset{Epoch: -1, Offset: n}
	}
	m.told = next
	client.CommitOffsets(context.Background(), offsets, nil) // one that is lost is of no consequence
}

// rest lets others work while there is a backlog: see Options.Share.
func (m *member) rest(ctx context.Context, worked time.Duration) {
	if m.options.Share == 1 {
		return
	}
	backlog := false
	m.locked(func() {
		for _, p := range m.owned {
			backlog = backlog || p.held == nil && p.polled < p.end
		}
	})
	if backlog {
		rest := time.Duration(float64(worked) * (1 - m.options.Share) / m.options.Share)
		kafka.Sleep(ctx, min(rest, restMost))
	}
}

// leave leaves the group, so that its other members need not wait for the session time-out.
func (m *member) leave(client *kgo.Client) {
	client.AllowRebalance()
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	if err := client.LeaveGroupContext(ctx); err != nil {
		m.log.Warn("could not leave the group; it waits for the session time-out", "error", err)
	}
	client.CloseAllowingRebalance()
	m.locked(func() { clear(m.owned) })
}
