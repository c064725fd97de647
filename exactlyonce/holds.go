package exactlyonce

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"refold/kafka"
)

// cause is a kind of reason for which an input partition is held. A partition may be held for several, and
// goes on when the last of them is gone. It is a label of the metric held_partition.
type cause string

const (
	causeGiven cause = "config" // Config.Held
	causeUnfit cause = "topics" // Config.Fit
	causeFetch cause = "fetch"  // it can't be read
)

// hold is why an input partition is held.
type hold struct {
	cause cause
	why   error // what is wrong and what ends it, for Ready
	// again checks whether the cause is still there, after a pause that grows up to Config.BackoffMax. It
	// returns nil if the cause is gone, so that the partition goes on; otherwise what is wrong now. ctx is
	// the session's. Without the function, the hold ends with the session.
	again func(ctx context.Context, tp kafka.TopicPartition) error
	// drop: what is in hand of the partition must not be committed either.
	drop bool
}

// holds keeps which input partitions of a session are held, by cause.
type holds struct {
	mu   sync.Mutex
	held map[kafka.TopicPartition]map[cause]error
	// looks counts, by partition, the checks of causes since something of it was last committed: a
	// partition that is held again and again is checked as seldom as one that is held all the time.
	looks map[kafka.TopicPartition]int
}

// add notes a cause and reports whether it is new. A cause that was noted already gets the new error.
func (h *holds) add(tp kafka.TopicPartition, c cause, why error) (added bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.held == nil {
		h.held = make(map[kafka.TopicPartition]map[cause]error)
	}
	causes := h.held[tp]
	if causes == nil {
		causes = make(map[cause]error)
		h.held[tp] = causes
	}
	_, known := causes[c]
	causes[c] = why
	return !known
}

// remove forgets a cause and reports whether it was the partition's last.
func (h *holds) remove(tp kafka.TopicPartition, c cause) (last bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.held[tp], c)
	if len(h.held[tp]) > 0 {
		return false
	}
	delete(h.held, tp)
	return true
}

// hasCause reports whether a partition is held for a cause.
func (h *holds) hasCause(tp kafka.TopicPartition, c cause) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, is := h.held[tp][c]
	return is
}

// has reports whether a partition is held.
func (h *holds) has(tp kafka.TopicPartition) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.held[tp]) > 0
}

// look counts one more check of a partition's cause, and returns how many there were.
func (h *holds) look(tp kafka.TopicPartition) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.looks == nil {
		h.looks = make(map[kafka.TopicPartition]int)
	}
	h.looks[tp]++
	return h.looks[tp]
}

// moves notes that a partition makes progress.
func (h *holds) moves(tp kafka.TopicPartition) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.held[tp]) == 0 {
		delete(h.looks, tp)
	}
}

// because returns nil while nothing is held; otherwise an error that names each partition and why.
func (h *holds) because() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []error
	for _, tp := range slices.SortedFunc(maps.Keys(h.held), kafka.TopicPartition.Compare) {
		for _, c := range slices.Sorted(maps.Keys(h.held[tp])) {
			all = append(all, fmt.Errorf("%s is held: %w", tp, h.held[tp][c]))
		}
	}
	return errors.Join(all...)
}

// hold pauses input partitions in the consumer, for a cause: from now on nothing of them is handled, while
// the session's other partitions go on. Any goroutine may call it, also while the session is being set up.
// Partitions that the session does not have are left out.
//
// The client drops what it has fetched of them already, and keeps their position. Records that are in hand
// are finished, or with hold.drop given up and read again without these partitions (see Machine.Interrupt). A
// transaction that is under way ends as it would have.
func (s *session) hold(h hold, partitions ...kafka.TopicPartition) {
	var fresh []kafka.TopicPartition
	pause := make(map[string][]int32)
	for _, tp := range partitions {
		if s.claims[tp] != nil && s.holds.add(tp, h.cause, h.why) {
			fresh = append(fresh, tp)
			pause[tp.Topic] = append(pause[tp.Topic], tp.Partition)
			s.engine.cfg.Metrics.hold(tp, h.cause, 1)
		}
	}
	if len(fresh) == 0 {
		return
	}
	s.consumer.PauseFetchPartitions(pause)
	s.engine.log.Error("partitions are held; nothing of them is handled", "partitions", pause,
		"cause", string(h.cause), "error", h.why)
	if h.drop {
		s.interrupted()
	}
	if h.again == nil {
		return
	}
	for _, tp := range fresh {
		s.begin(func() { s.lookAgain(tp, h) })
	}
}

// lookAgain ends a hold when its cause is gone.
func (s *session) lookAgain(tp kafka.TopicPartition, h hold) {
	for kafka.Sleep(s.ctx, s.engine.cfg.backoff(s.holds.look(tp))) {
		err := h.again(s.ctx, tp)
		if s.ctx.Err() != nil {
			return
		}
		if err == nil {
			s.letGo(tp, h.cause)
			return
		}
		s.holds.add(tp, h.cause, err)
	}
}

// letGo ends a hold. If it was the partition's last, the consumer goes on from its position.
func (s *session) letGo(tp kafka.TopicPartition, c cause) {
	s.engine.cfg.Metrics.hold(tp, c, 0)
	if !s.holds.remove(tp, c) {
		return
	}
	s.engine.log.Info("a partition goes on; the cause for which it was held is gone",
		"topic", tp.Topic, "partition", tp.Partition, "cause", string(c))
	s.consumer.ResumeFetchPartitions(map[string][]int32{tp.Topic: {tp.Partition}})
}

// holdGiven begins a session with exactly those partitions held that Config.Held names. No poll is out.
func (s *session) holdGiven() {
	s.consumer.ResumeFetchPartitions(s.consumer.PauseFetchPartitions(nil))
	if s.engine.cfg.Held == nil {
		return
	}
	again := func(ctx context.Context, tp kafka.TopicPartition) error {
		if still := s.engine.cfg.HeldStill; still != nil {
			return still(ctx, tp.Topic, tp.Partition)
		}
		return s.engine.cfg.Held(tp.Topic, tp.Partition)
	}
	for tp := range s.claims {
		if why := s.engine.cfg.Held(tp.Topic, tp.Partition); why != nil {
			s.hold(hold{cause: causeGiven, why: why, again: again}, tp)
		}
	}
}
