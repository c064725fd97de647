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

	"refold/kafka"
)

// linger is how long a producer may gather records before it sends them by itself: as long as the client
// allows, because a flush sends them, or a batch that is full.
const linger = time.Minute

// metadataMinAge is the least time between two requests for the leaders of partitions. A client asks before
// it repeats what failed, and with franz-go's default of 5 s a broken connection would stop the worker for as
// long.
const metadataMinAge = 100 * time.Millisecond

// fetchPartitionBytes leaves room in an answer for several partitions.
const fetchPartitionBytes = 1 << 20

// initTimeout limits the wait until the transaction that a predecessor left has ended: brokers write the
// markers of a decided transaction, or abort an open one, within seconds.
const initTimeout = time.Minute

// dial makes the clients. Every transactional ID is initialised before the group is joined: that ends the
// transaction that a dead process left under it, and fences a process that is not dead.
func (r *run) dial(ctx context.Context) error {
	e := r.engine
	topics := append(append([]string(nil), r.inputs...), e.writes...)
	if e.table != "" {
		topics = append(topics, e.table)
	}
	_, err := e.askFit(ctx, nil)
	if err != nil {
		return err
	}
	if r.features, err = kafka.AskFeatures(ctx, e.admin); err != nil {
		return err
	}
	if r.topics, err = e.describeTopics(ctx, topics...); err != nil {
		return err
	}
	e.outbox.Reset(r.outputPartitions(r.topics.partitions))
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
			// A fifth of the broker's own back-off: with two producers that take turns it is seldom
			// needed, and then the markers are nearly written.
			kgo.ConcurrentTransactionsBackoff(kafka.ConcurrentPause))
		p := &producer{id: id, features: &r.features}
		opts = append(append(opts, kgo.WithHooks(&p.ends)), r.features.Versions()...)
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
	// A member tells what its local stores hold when it joins the group. The first look takes seconds, so it
	// begins here.
	r.engine.balancer.self()
	return r.join(base)
}

// join makes the consumer, which joins the group by itself.
func (r *run) join(base []kgo.Opt) error {
	cfg := &r.engine.cfg
	var given assignment // the latest; the client's callbacks follow one another
	opts := append(append([]kgo.Opt(nil), base...),
		kgo.ConsumerGroup(r.engine.group),
		kgo.ConsumeTopics(r.inputs...),
		kgo.DisableAutoCommit(),
		// checkInputs judges offsets that are out of range.
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		r.engine.balancer.protocols(),
		kgo.FetchMaxWait(cfg.FetchMaxWait),
		kgo.FetchMaxBytes(cfg.FetchMaxBytes),
		kgo.FetchMaxPartitionBytes(min(cfg.FetchMaxBytes, fetchPartitionBytes)),
		kgo.WithHooks(groupErrors{r.engine}, r.lease),
		kgo.OnPartitionsAssigned(func(_ context.Context, cl *kgo.Client, m map[string][]int32) {
			member, generation := cl.GroupMetadata()
			a := newAssignment(m, member, generation)
			a.standbys = r.engine.balancer.told()
			given = a
			r.post(func() { r.onAssigned(a) })
		}),
		kgo.OnPartitionsRevoked(func(context.Context, *kgo.Client, map[string][]int32) {
			r.leaving(r.machine.Revoked)
		}),
		kgo.OnPartitionsLost(func(context.Context, *kgo.Client, map[string][]int32) {
			r.leaving(r.machine.Lost)
		}))
	if cfg.InstanceID != "" {
		opts = append(opts, kgo.InstanceID(cfg.InstanceID))
	}
	if cfg.Start == StartNewest {
		opts = append(opts, kgo.AdjustFetchOffsetsFn(func(ctx context.Context, offsets offsetsByTopic) (
			offsetsByTopic, error,
		) {
			return r.beginAt(ctx, given.begins, offsets)
		}))
	}
	consumer, err := kgo.NewClient(opts...)
	if err != nil {
		return fmt.Errorf("make the consumer: %w", err)
	}
	r.consumer = consumer
	return nil
}

// notAMember names the fault of a worker that can't join its group.
const notAMember = "be a member of the group"

// groupErrors notes why the worker is not a member of its group.
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

// assignment is the partitions that the group gave this worker, and as which member.
type assignment struct {
	partitions map[string][]int32
	member     string
	generation int32
	begins     *begins
	standbys   standbys
}

func newAssignment(partitions map[string][]int32, member string, generation int32) assignment {
	return assignment{
		partitions: partitions, member: member, generation: generation,
		begins: &begins{decided: make(chan struct{})},
	}
}

// leaveGroupTimeout limits the request to leave the group, whose coordinator may be away.
const leaveGroupTimeout = 3 * time.Second

// hangUp leaves the group, so that its other members need not wait for the session time-out, and closes the
// clients. A static member (Config.InstanceID) stays in the group: it comes back.
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
