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

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
	"refold/projections"
)

const (
	// idle is how long a poll waits. Then there is time for what need not be done at once: progress over the
	// markers of transactions, and offsets in Kafka.
	idle = 250 * time.Millisecond
	// commitEvery is how often offsets are committed to Kafka, which only tools for lag look at.
	commitEvery = time.Second
	// restMost limits a rest between two batches, so that a slow store does not look like one that is away.
	restMost = time.Second
	// leaveTimeout limits the request to leave the group, whose coordinator may be away.
	leaveTimeout = 3 * time.Second
	// metadataMinAge is the least time between two requests for the leaders of partitions. A client asks
	// before it repeats what failed, and with franz-go's default of 5 s a broken connection would stop it for
	// as long.
	metadataMinAge = 100 * time.Millisecond
	// fetchMaxWait is how long a broker waits for something new. A partition that is added is fetched when
	// the request before has been answered.
	fetchMaxWait = 500 * time.Millisecond
	// fetchPartitionBytes leaves room in an answer for several partitions, and limits what is fetched ahead:
	// events compress well, and one of some ten bytes takes a kilobyte in memory.
	fetchPartitionBytes = 1 << 20
	// gatherMost is how long a member waits for more records while its batch is not full.
	gatherMost = 50 * time.Millisecond
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
	// checked is when the store was asked how far it is.
	checked time.Time
	reached *reached
}

// reached is how far the store was when members of a build lost partitions: all members of this process, as
// one may be given what another one had.
type reached struct {
	mu   sync.Mutex
	next map[projections.Partition]int64
}

func (r *reached) note(p *partition) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next[p.Partition] = p.written
}

func (r *reached) of(p projections.Partition) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.next[p]
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
			return nil //nolint:nilerr // it was told to stop
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
		kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(), kgo.MetadataMinAge(metadataMinAge),
		// The progress reaches the end of a partition, also behind the markers of transactions.
		kgo.KeepControlRecords(),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), // assigned has others
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchMaxWait(fetchMaxWait),
		kgo.FetchMaxBytes(int32(m.options.BatchBytes)),
		kgo.FetchMaxPartitionBytes(int32(min(m.options.BatchBytes, fetchPartitionBytes))),
		kgo.AdjustFetchOffsetsFn(m.assigned),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) {
			m.health.ended(membership)
			m.health.forget(claiming) // of what we were given before: another member may have it now
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
	records, rows := m.options.BatchRecords, batchRows(m.of.Store)
	if rows > 0 {
		records = min(records, rows) // nearly each record makes one; fewer are found by halves
	}
	return &batcher{
		build: m.open, sources: m.of.Sources, letters: letters, stop: m.options.OnPoison == Stop,
		folding: projections.NewFolding(&m.of.Projection, m.of.Sources, m.options.States),
		records: records, bytes: m.options.BatchBytes, rows: rows,
		decoders: decoders, metrics: m.metrics,
		logs: m.shared, topics: m.topics, patience: m.options.patience,
	}
}

// poll polls once, for a time at most, and returns how many records have come, and whether there are more.
func (m *member) poll(
	ctx context.Context, client *kgo.Client, most int, wait time.Duration,
) (n int, behind bool) {
	polling, cancel := context.WithTimeout(ctx, wait)
	fetches := client.PollRecords(polling, most)
	cancel()
	if ctx.Err() != nil {
		return 0, false
	}
	m.locked(func() {
		m.accept(ctx, fetches)
		for _, p := range m.owned {
			behind = behind || p.held == nil && p.polled < p.end
		}
	})
	return fetches.NumRecords(), behind
}

// turn polls until a batch is full or nothing more is there, and takes what has come.
func (m *member) turn(ctx context.Context, client *kgo.Client) error {
	polled, behind := m.poll(ctx, client, m.options.BatchRecords, m.idle())
	for more := polled; behind && more > 0 && polled < m.options.BatchRecords; polled += more {
		more, behind = m.poll(ctx, client, m.options.BatchRecords-polled, gatherMost)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx) //nolint:wrapcheck // it is our own
	}
	began := time.Now()
	err := m.take(ctx, client)
	if err == nil && polled == 0 {
		err = m.attempt(ctx, client, func(ctx context.Context, all []*partition) error {
			return m.batcher.markers(ctx, all)
		})
		if err == nil {
			err = m.check(ctx)
		}
	}
	client.AllowRebalance()
	if err != nil {
		return err
	}
	m.commit(client)
	m.rest(ctx, began)
	return nil
}

// idle is how long a poll waits for something new.
func (m *member) idle() time.Duration {
	waits := false
	m.locked(func() {
		for _, p := range m.owned {
			waits = waits || p.waiting != nil
		}
	})
	if waits {
		return lookPause
	}
	return idle
}

// partitions returns those of the member in a fixed order.
func (m *member) partitions() []*partition {
	return slices.SortedFunc(maps.Values(m.owned), func(a, b *partition) int {
		return a.Partition.Compare(b.Partition)
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

// rest lets others work: see Options.Share.
func (m *member) rest(ctx context.Context, began time.Time) {
	if m.options.Share < 1 {
		kafka.Sleep(ctx, m.pace.rest(began, time.Now(), m.options.Share))
	}
}

// leave leaves the group, so that its other members need not wait for the session time-out.
func (m *member) leave(client *kgo.Client) {
	m.locked(func() {
		for _, p := range m.owned {
			m.reached.note(p) // now: another member of this process may claim it as soon as this one has left
		}
	})
	client.AllowRebalance()
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	if err := client.LeaveGroupContext(ctx); err != nil {
		m.log.Warn("could not leave the group; it waits for the session time-out", "error", err)
	}
	client.CloseAllowingRebalance()
	m.locked(func() {
		for _, p := range m.owned {
			m.forget(p)
		}
	})
}

// forget ends that the member has a partition.
func (m *member) forget(p *partition) {
	m.reached.note(p)
	m.batcher.lost(p.Partition)
	delete(m.owned, p.Partition)
}
