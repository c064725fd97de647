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

// consumerGroup is what Goka takes for Sarama's. It lives through any number of rebalances inside
// one Consume: after a Consume that returns, Goka sleeps five seconds.
type consumerGroup struct{ engine *engine }

var _ sarama.ConsumerGroup = consumerGroup{}

func (e *engine) buildGroup([]string, string, string) (sarama.ConsumerGroup, error) {
	return consumerGroup{e}, nil
}

// Consume runs until ctx ends, or until a callback of Goka's fails.
func (g consumerGroup) Consume(
	ctx context.Context, topics []string, h sarama.ConsumerGroupHandler,
) error {
	return g.engine.consume(ctx, topics, h)
}

// Errors is never used: what is passing is survived, and what is not comes from Consume.
func (consumerGroup) Errors() <-chan error { return nil }

// Close does nothing: Consume leaves nothing behind.
func (consumerGroup) Close() error { return nil }

// Goka never pauses.
func (consumerGroup) Pause(map[string][]int32)  {}
func (consumerGroup) Resume(map[string][]int32) {}
func (consumerGroup) PauseAll()                 {}
func (consumerGroup) ResumeAll()                {}

// session is one session of Goka's: from an assignment until it is taken away.
type session struct {
	engine     *engine
	handler    sarama.ConsumerGroupHandler
	assigned   map[string][]int32
	claims     map[topicPartition]*claim
	begins     map[topicPartition]int64 // where the group is when the session begins
	member     string
	generation int32

	// ctx is what all of Goka's contexts derive from. It does not end when the worker is asked to
	// stop, but when the session does, so that what is in hand can be finished.
	ctx    context.Context //nolint:containedctx // sarama.ConsumerGroupSession has to give it
	cancel context.CancelFunc

	inFlight    atomic.Int64  // records dispatched and not yet marked
	handled     chan struct{} // signalled when inFlight comes down to zero
	failed      func(error)   // told when a claim ends by itself
	interrupted func()        // told when what is in hand must not be committed
	lost        func(error)   // told when a partition can't be read on from where we are
	at          func(topicPartition) int64
	consumer    *kgo.Client
	holds       holds
	stalls      stalls
	work        sync.WaitGroup

	mu       sync.Mutex
	tables   map[*stagedTable]struct{}
	released bool // the stores are being closed: no layer may be committed any more
}

var _ sarama.ConsumerGroupSession = (*session)(nil)

// Claims are the partitions that the group gave us.
func (s *session) Claims() map[string][]int32 { return s.assigned }

// MemberID is the group's name for us.
func (s *session) MemberID() string { return s.member }

// GenerationID counts the group's rebalances.
func (s *session) GenerationID() int32 { return s.generation }

// MarkOffset says that a record is done. Its offset is of no consequence: what is committed is
// where the batch ends, and it ends only when all its records are done.
func (s *session) MarkOffset(string, int32, int64, string) {
	if s.inFlight.Add(-1) == 0 {
		s.handled <- struct{}{}
	}
}

// MarkMessage is MarkOffset.
func (s *session) MarkMessage(m *sarama.ConsumerMessage, metadata string) {
	s.MarkOffset(m.Topic, m.Partition, m.Offset+1, metadata)
}

// Commit does nothing: batches do.
func (*session) Commit() {}

// ResetOffset does nothing; Goka never calls it.
func (*session) ResetOffset(string, int32, int64, string) {}

// Context ends with the session.
func (s *session) Context() context.Context { return s.ctx }

// claim is one input partition in a session.
type claim struct {
	topicPartition
	framed   bool // the codec takes frames
	messages chan *sarama.ConsumerMessage
}

var _ sarama.ConsumerGroupClaim = (*claim)(nil)

func (c *claim) Topic() string    { return c.topic }
func (c *claim) Partition() int32 { return c.partition }

// InitialOffset is not known here; Goka only logs it.
func (*claim) InitialOffset() int64 { return 0 }

// HighWaterMarkOffset is not known here; Goka never asks.
func (*claim) HighWaterMarkOffset() int64                 { return 0 }
func (c *claim) Messages() <-chan *sarama.ConsumerMessage { return c.messages }

// newSession prepares a session for what the group gave us.
func (r *run) newSession(a assignment) *session {
	s := &session{
		engine: r.engine, handler: r.handler, assigned: a.partitions,
		member: a.member, generation: a.generation,
		claims:  make(map[topicPartition]*claim),
		tables:  make(map[*stagedTable]struct{}),
		handled: make(chan struct{}, 1), consumer: r.consumer,
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.failed = func(err error) {
		r.post(func() {
			if r.session == s {
				r.do(r.machine.callbackFailed(err))
			}
		})
	}
	told := func(tell func()) {
		r.post(func() {
			if r.session == s {
				tell()
			}
		})
	}
	s.interrupted = func() { told(func() { r.do(r.machine.interrupt()) }) }
	s.lost = func(err error) { told(func() { r.do(r.machine.inputLost(err)) }) }
	s.at = func(tp topicPartition) int64 {
		at, _, _ := r.whereabouts(s)
		return at[kafka.Place{Topic: tp.topic, Partition: tp.partition}]
	}
	claims := 0
	for _, partitions := range a.partitions {
		claims += len(partitions)
	}
	buffer := r.engine.cfg.claimBuffer(claims)
	for topic, partitions := range a.partitions {
		for _, p := range partitions {
			tp := topicPartition{topic, p}
			s.claims[tp] = &claim{
				topicPartition: tp,
				framed:         r.engine.framed[topic],
				messages:       make(chan *sarama.ConsumerMessage, buffer),
			}
		}
	}
	return s
}

// setUp has Goka open its stores, which restores them, and start its claims. It may take minutes;
// the end of the session's context cuts it short.
func (s *session) setUp() error {
	s.engine.session.Store(s)
	if err := s.handler.Setup(s); err != nil {
		return fmt.Errorf("set up Goka's session: %w", err)
	}
	for _, c := range s.claims {
		s.work.Go(func() {
			err := s.handler.ConsumeClaim(s, c)
			if s.ctx.Err() == nil {
				s.failed(errors.Join(fmt.Errorf("the handling of %s/%d ended",
					c.topic, c.partition), err))
			}
		})
	}
	return nil
}

// begin starts work that ends with the session, unless that is over.
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

// dispatch hands records to Goka, each of which has a claim. It never blocks the caller: partitions whose
// buffer is full get a goroutine that waits.
func (s *session) dispatch(fetches kgo.Fetches) {
	s.inFlight.Add(int64(fetches.NumRecords()))
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if len(p.Records) == 0 {
			return
		}
		c := s.claims[topicPartition{p.Topic, p.Partition}] // there is one, see strays
		if cap(c.messages)-len(c.messages) >= len(p.Records) {
			// Nobody else sends, so that there is room for all.
			eachMessage(p.Records, c.framed, func(m *sarama.ConsumerMessage) bool {
				c.messages <- m
				return true
			})
			return
		}
		s.work.Go(func() {
			eachMessage(p.Records, c.framed, func(m *sarama.ConsumerMessage) bool {
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

// errStray says that the client has fetched records of a partition that is not the session's. It does not
// as far as is known: a session begins when an assignment is told and ends before the next one is, and no
// poll is out in between. Were such a record passed over, the batch's offsets would count it as handled.
var errStray = errors.New("records of a partition that was not assigned")

// strays is errStray, with the partition, if a poll brought records that have no claim. Of no session (nil)
// everything is dropped anyhow.
func (s *session) strays(fetches kgo.Fetches) (found error) {
	if s == nil {
		return nil
	}
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if len(p.Records) > 0 && s.claims[topicPartition{p.Topic, p.Partition}] == nil {
			found = fmt.Errorf("%w: %s/%d from offset %d on",
				errStray, p.Topic, p.Partition, p.Records[0].Offset)
		}
	})
	return found
}

// messageSlab is how many messages share an allocation. The whole slab lives as long as one of
// them, so it must stay small beside a batch.
const messageSlab = 256

// eachMessage converts records to Sarama's form, until send says no.
func eachMessage(
	records []*kgo.Record, framed bool, send func(*sarama.ConsumerMessage) bool,
) {
	for len(records) > 0 {
		n := min(messageSlab, len(records))
		slab := make([]sarama.ConsumerMessage, n)
		var frames []byte
		if framed {
			frames = make([]byte, 0, frameBytes(records[:n]))
		}
		for i, r := range records[:n] {
			m := &slab[i]
			m.Topic, m.Partition, m.Offset = r.Topic, r.Partition, r.Offset
			m.Key, m.Value, m.Timestamp = r.Key, r.Value, kafka.TrueTime(r.Timestamp)
			if framed {
				start := len(frames)
				frames = kafka.AppendFrame(frames, r)
				m.Value = frames[start:len(frames):len(frames)]
			} else if len(r.Headers) > 0 {
				m.Headers = saramaHeaders(r.Headers)
			}
			if !send(m) {
				return
			}
		}
		records = records[n:]
	}
}

// frameBytes is enough for the frames of all the records.
func frameBytes(records []*kgo.Record) (n int) {
	for _, r := range records {
		n += kafka.FrameBytes(r)
	}
	return n
}

func saramaHeaders(headers []kgo.RecordHeader) []*sarama.RecordHeader {
	all := make([]sarama.RecordHeader, len(headers))
	out := make([]*sarama.RecordHeader, len(headers))
	for i, h := range headers {
		all[i] = sarama.RecordHeader{Key: []byte(h.Key), Value: h.Value}
		out[i] = &all[i]
	}
	return out
}

// commitLayers makes a committed batch's rows part of the local stores, unless these are being
// closed: then they read the rows from the topic when they are opened next.
func (s *session) commitLayers(layers []layer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.released {
		return nil
	}
	for _, l := range layers {
		if err := l.table.Commit(l.next()); err != nil {
			return fmt.Errorf("commit rows to the local store of %s/%d: %w",
				l.table.topic, l.table.partition, err)
		}
	}
	return nil
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

// size is how many bytes of rows the open batch has written.
func (s *session) size() (bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for t := range s.tables {
		bytes += int(t.written.Load())
	}
	return bytes
}
