package exactlyonce

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// linger is how long a producer may gather records by itself, the longest that there is: it is a
// flush that sends them, or a batch that is full.
const linger = time.Minute

// metadataMinAge is the least time between two questions for the leaders of partitions. A client
// asks before it repeats what failed, and franz-go's default of 5 s would let a broken connection
// stop the worker for as long.
const metadataMinAge = 100 * time.Millisecond

// fetchPartitionBytes leaves room in an answer for several partitions.
const fetchPartitionBytes = 1 << 20

// initTimeout limits the wait until what a predecessor left in a transaction has ended: brokers
// write the markers of a decided one, or abort an open one, within seconds.
const initTimeout = time.Minute

// producer is one transactional producer.
type producer struct {
	client *kgo.Client
	id     string // its transactional ID
	group  string
	feat   *features
	ends   unanswered
}

// dial makes the clients. Every transactional ID is initialised before the group is joined: that
// ends what a dead process left under it, and fences one that is not dead.
func (r *run) dial(ctx context.Context) error {
	e := r.engine
	topics := append(append([]string(nil), r.topics...), e.writes...)
	if e.table != "" {
		topics = append(topics, e.table)
	}
	_, err := e.askFit(ctx, nil)
	if err != nil {
		return err
	}
	if r.features, err = askFeatures(ctx, e.admin, topics); err != nil {
		return err
	}
	e.outputs.reset(r.outputCounts(r.features.partitions))
	base, err := e.cfg.Kafka.Options()
	if err != nil {
		return err
	}
	base = append(base, kgo.MetadataMinAge(metadataMinAge))
	for i := range e.cfg.Producers {
		id := e.cfg.TransactionalID + "-" + strconv.Itoa(i)
		opts := append(append([]kgo.Opt(nil), base...),
			kgo.TransactionalID(id),
			kgo.RecordPartitioner(kgo.ManualPartitioner()),
			kgo.ProducerLinger(linger),
			kgo.MaxBufferedRecords(math.MaxInt32), // Config.BatchBytes is the limit
			// A fifth of what the broker itself asks for: with two producers that take turns it
			// is seldom needed, and then the markers are all but written.
			kgo.ConcurrentTransactionsBackoff(concurrentPause))
		p := &producer{id: id, group: e.group, feat: &r.features}
		opts = append(append(opts, kgo.WithHooks(&p.ends)), r.features.versions()...)
		if p.client, err = kgo.NewClient(opts...); err != nil {
			return fmt.Errorf("make producer %s: %w", id, err)
		}
		r.producers = append(r.producers, p)
	}
	init, cancel := context.WithTimeout(ctx, initTimeout)
	defer cancel()
	for _, p := range r.producers {
		if _, _, err := p.client.ProducerID(init); err != nil {
			return fmt.Errorf("initialise transactional ID %s: %w", p.id, err)
		}
	}
	return r.join(base)
}

// join makes the consumer, which joins the group by itself.
func (r *run) join(base []kgo.Opt) error {
	cfg := &r.engine.cfg
	consumer, err := kgo.NewClient(append(append([]kgo.Opt(nil), base...),
		kgo.ConsumerGroup(r.engine.group),
		kgo.ConsumeTopics(r.topics...),
		kgo.DisableAutoCommit(),
		// Offsets that are out of range are ours to judge: see checkInputs.
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.Balancers(cfg.balancer()),
		kgo.FetchMaxWait(cfg.FetchMaxWait),
		kgo.FetchMaxBytes(cfg.FetchMaxBytes),
		kgo.FetchMaxPartitionBytes(min(cfg.FetchMaxBytes, fetchPartitionBytes)),
		kgo.WithHooks(groupErrors{r.engine}),
		kgo.OnPartitionsAssigned(func(_ context.Context, cl *kgo.Client, m map[string][]int32) {
			a := assignment{partitions: m}
			a.member, a.generation = cl.GroupMetadata()
			r.post(func() { r.onAssigned(a) })
		}),
		kgo.OnPartitionsRevoked(func(context.Context, *kgo.Client, map[string][]int32) {
			r.leaving(r.machine.revoked)
		}),
		kgo.OnPartitionsLost(func(context.Context, *kgo.Client, map[string][]int32) {
			r.leaving(r.machine.lost)
		}))...)
	if err != nil {
		return fmt.Errorf("make the consumer: %w", err)
	}
	r.consumer = consumer
	return nil
}

// notAMember is what fails while a worker can't be one.
const notAMember = "be a member of the group"

// groupErrors tells why the worker is not a member of its group.
type groupErrors struct{ engine *engine }

var _ kgo.HookGroupManageError = groupErrors{}

// OnGroupManageError notes the error. The client goes on trying by itself.
func (g groupErrors) OnGroupManageError(err error) {
	if errors.Is(err, context.Canceled) || errors.Is(err, kgo.ErrClientClosed) {
		return
	}
	g.engine.setStatus(fmt.Errorf("%s: %w", notAMember, err))
	g.engine.faults.Failed(slog.LevelWarn, notAMember, err)
}

// assignment is what the group gave us, and as whom.
type assignment struct {
	partitions map[string][]int32
	member     string
	generation int32
}

// leaveGroupTimeout limits the good-bye to a group whose coordinator may be away.
const leaveGroupTimeout = 3 * time.Second

// hangUp leaves the group, so that others need not wait for the session's time-out, and closes
// the clients.
func (r *run) hangUp() {
	if r.consumer != nil {
		ctx, cancel := context.WithTimeout(context.Background(), leaveGroupTimeout)
		if err := r.consumer.LeaveGroupContext(ctx); err != nil {
			r.engine.log.Warn("could not leave the group; it waits for the session time-out",
				"error", err)
		}
		cancel()
		r.consumer.Close()
	}
	for _, p := range r.producers {
		p.client.Close()
	}
}
