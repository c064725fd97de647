package exactlyonce

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// session is one session of Goka's: from an assignment until it is taken away.
type session struct {
	engine     *engine
	handler    sarama.ConsumerGroupHandler
	consumer   *kgo.Client
	ids        map[string][16]byte // of the inputs
	assigned   map[string][]int32
	claims     map[kafka.TopicPartition]*claim
	begins     *begins
	standbys   standbys
	member     string
	generation int32

	// ctx is what all of Goka's contexts derive from. It does not end when the worker is asked to stop, but
	// when the session does, so that what is in hand can be finished.
	ctx    context.Context //nolint:containedctx // sarama.ConsumerGroupSession has to return it
	cancel context.CancelFunc

	inFlight atomic.Int64  // messages that were dispatched and are not marked yet
	handled  chan struct{} // signalled when inFlight comes down to zero

	// What the session reports to its run, from any goroutine.
	failed      func(error)                      // a claim ended by itself
	interrupted func()                           // what is in hand must not be committed
	lost        func(error)                      // a partition can't be read on from its position
	position    func(kafka.TopicPartition) int64 // asks where the session is in a partition

	holds  holds
	stalls stalls
	work   sync.WaitGroup

	mu       sync.Mutex
	tables   map[*sessionTable]struct{}
	released bool // the stores are being closed: no layer may be committed any more
}

var _ sarama.ConsumerGroupSession = (*session)(nil)

// Claims returns the partitions that the group gave this worker, by topic.
func (s *session) Claims() map[string][]int32 { return s.assigned }

// MemberID returns the group's name for this worker.
func (s *session) MemberID() string { return s.member }

// GenerationID returns the number of the group's rebalance.
func (s *session) GenerationID() int32 { return s.generation }

// MarkOffset reports that a record is done. Its offset does not matter: the offsets of a batch are committed,
// and a batch closes only when all its records are done. Once the session is over nothing is done any more: a
// callback may have left some of its records.
func (s *session) MarkOffset(string, int32, int64, string) {
	if s.inFlight.Add(-1) == 0 && s.ctx.Err() == nil {
		s.handled <- struct{}{}
	}
}

// MarkMessage is MarkOffset.
func (s *session) MarkMessage(m *sarama.ConsumerMessage, metadata string) {
	s.MarkOffset(m.Topic, m.Partition, m.Offset+1, metadata)
}

// Commit does nothing: batches commit.
func (*session) Commit() {}

// ResetOffset does nothing; Goka never calls it.
func (*session) ResetOffset(string, int32, int64, string) {}

// Context ends with the session.
func (s *session) Context() context.Context { return s.ctx }

// newSession prepares a session for what the group gave this worker.
func (r *run) newSession(a assignment) *session {
	s := &session{
		engine: r.engine, handler: r.handler, consumer: r.consumer, ids: r.topics.ids,
		assigned: a.partitions, member: a.member, generation: a.generation, begins: a.begins,
		standbys: a.standbys,
		claims:   make(map[kafka.TopicPartition]*claim),
		tables:   make(map[*sessionTable]struct{}),
		handled:  make(chan struct{}, 1),
	}
	s.ctx, s.cancel = context.WithCancel(context.WithValue(context.Background(), sessionKey{}, s))
	report := func(to func()) {
		r.post(func() {
			if r.session == s {
				to()
			}
		})
	}
	s.failed = func(err error) { report(func() { r.do(r.machine.CallbackFailed(err)) }) }
	s.interrupted = func() { report(func() { r.do(r.machine.Interrupt()) }) }
	s.lost = func(err error) { report(func() { r.do(r.machine.InputLost(err)) }) }
	s.position = func(tp kafka.TopicPartition) int64 {
		at, _, _ := r.whereabouts(s)
		return at[tp]
	}
	claims := 0
	for _, partitions := range a.partitions {
		claims += len(partitions)
	}
	buffer := r.engine.cfg.claimBuffer(claims)
	for topic, partitions := range a.partitions {
		for _, p := range partitions {
			tp := kafka.TopicPartition{Topic: topic, Partition: p}
			s.claims[tp] = &claim{
				at: tp, takesRecords: r.engine.records[topic],
				messages: make(chan *sarama.ConsumerMessage, buffer),
			}
		}
	}
	return s
}

// offsets are for the group to commit, by this session's member and generation.
func (s *session) offsets(next map[kafka.TopicPartition]int64) kafka.OffsetCommit {
	return kafka.OffsetCommit{
		Group: s.engine.group, Member: s.member, Generation: s.generation, IDs: s.ids, Next: next,
		Metadata: writtenBy(s.engine.cfg.TransactionalID),
	}
}

// setUp has Goka open its stores, which restores them, and start its claims. It may take minutes; the end of
// the session's context cuts it short.
func (s *session) setUp() error {
	s.engine.session.Store(s)
	if err := s.handler.Setup(s); err != nil {
		return fmt.Errorf("set up Goka's session: %w", err)
	}
	for _, c := range s.claims {
		s.work.Go(func() {
			err := s.handler.ConsumeClaim(s, c)
			if s.ctx.Err() == nil {
				s.failed(errors.Join(fmt.Errorf("the handling of %s ended", c.at), err))
			}
		})
	}
	return nil
}

// begin starts work that ends with the session, unless the session is over.
func (s *session) begin(work func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.released {
		s.work.Go(work)
	}
}

// end stops Goka's session and closes its stores.
func (s *session) end() (err error) {
	defer func() {
		// Goka's Cleanup fails on partitions whose set-up never began.
		if p := recover(); p != nil {
			err = fmt.Errorf("clean up Goka's session: %v", p)
		}
		s.engine.session.CompareAndSwap(s, nil)
	}()
	s.cancel()
	s.mu.Lock()
	s.released = true
	s.mu.Unlock()
	s.work.Wait()
	return s.handler.Cleanup(s)
}

// dispatch hands records to Goka; each has a claim (see strays). It never blocks the caller: a partition
// whose buffer is full gets a goroutine that waits.
func (s *session) dispatch(fetches kgo.Fetches) {
	s.inFlight.Add(s.messagesOf(fetches))
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if len(p.Records) == 0 {
			return
		}
		c := s.claimOf(p) // there is one, see strays
		if cap(c.messages)-len(c.messages) >= c.messagesOf(p) {
			// There is room for all, because nothing else sends.
			c.send(p.Records, func(m *sarama.ConsumerMessage) bool {
				c.messages <- m
				return true
			})
			return
		}
		s.work.Go(func() {
			c.send(p.Records, func(m *sarama.ConsumerMessage) bool {
				select {
				case c.messages <- m:
					return true
				case <-s.ctx.Done():
					return false
				}
			})
		})
	})
}

// messagesOf returns how many messages Goka gets for what a poll brought.
func (s *session) messagesOf(fetches kgo.Fetches) (n int64) {
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if len(p.Records) > 0 {
			n += int64(s.claimOf(p).messagesOf(p))
		}
	})
	return n
}

// claimOf returns the claim of the partition that a poll brought, nil if there is none.
func (s *session) claimOf(p kgo.FetchTopicPartition) *claim {
	return s.claims[kafka.TopicPartition{Topic: p.Topic, Partition: p.Partition}]
}

// errStray says that the client has fetched records of a partition that is not the session's. That is not
// known to happen: a session begins when an assignment is told and ends before the next one is, and no poll
// is out in between. If such a record were passed over, the batch's offsets would count it as handled.
var errStray = errors.New("records of a partition that was not assigned")

// strays returns an errStray, with the partition, if a poll brought records that have no claim. Without a
// session (nil) everything is dropped anyway.
func (s *session) strays(fetches kgo.Fetches) (found error) {
	if s == nil {
		return nil
	}
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if len(p.Records) > 0 && s.claimOf(p) == nil {
			found = fmt.Errorf("%w: %s/%d from offset %d on",
				errStray, p.Topic, p.Partition, p.Records[0].Offset)
		}
	})
	return found
}

// commitLayers makes a committed batch's rows part of the local stores, unless these are being closed: they
// then read the rows from the topic when they are opened next.
func (s *session) commitLayers(layers []layer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.released {
		return nil
	}
	for _, l := range layers {
		if err := l.table.Commit(l.next()); err != nil {
			return fmt.Errorf("commit rows to the local store of %s: %w", l.table.at, err)
		}
	}
	return nil
}

// isReleased reports whether the stores are being closed: rows may not have joined them.
func (s *session) isReleased() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.released
}

// seal closes the layer of each table.
func (s *session) seal(now time.Time, headers map[string][]kgo.RecordHeader) []layer {
	s.mu.Lock()
	defer s.mu.Unlock()
	var layers []layer
	for t := range s.tables {
		t.written.Store(0)
		if rows := t.Seal(); len(rows) > 0 {
			layers = append(layers, layer{table: t, rows: rows, headers: headers, at: now})
		}
	}
	return layers
}

// discard forgets all uncommitted rows.
func (s *session) discard() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for t := range s.tables {
		t.written.Store(0)
		t.Discard()
	}
}

// size returns how many bytes of rows the open batch has written.
func (s *session) size() (bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for t := range s.tables {
		bytes += int(t.written.Load())
	}
	return bytes
}
