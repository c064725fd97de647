package views

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
	"refold/snapshots"
)

// Placement says which partitions a process keeps copies of.
type Placement uint8

const (
	// Everywhere lets each process keep all partitions, by Goka views that follow the topics.
	Everywhere Placement = iota
	// Owned lets a process keep the partitions that its processors own. Rows are read from the committed
	// table itself; commands, results and events are kept from what the process has just committed, and
	// only what it lacks at the beginning of a session is read from Kafka. Partitions of others answer
	// ErrNotHere. Dead letters, which are few and belong to no partition, are kept everywhere.
	Owned
)

// Session is the time in which this process owns partitions. exactlyonce.Session is one.
type Session interface {
	// Holds reports whether this process certainly owns the partitions now.
	Holds() bool
}

// Commit is what a transaction of this process has made visible. exactlyonce.Commit is one.
type Commit interface {
	Inputs(each func(at kafka.TopicPartition, records []*kgo.Record))
	Outputs(each func(at kafka.TopicPartition, records []kgo.Record))
	Rows(each func(at kafka.TopicPartition, rows map[string][]byte))
}

// holding is which partitions of an aggregate this process owns, and whether it may answer for them.
type holding struct {
	lives           []*live // fed by commits
	table, commands *live

	mu      sync.RWMutex
	session Session // nil: none is running
	number  uint64  // of the session; each has another one
	owned   map[int32]bool
	fed     map[kafka.TopicPartition]*fed
}

func newHolding(table, commands *live, others ...*live) *holding {
	h := &holding{
		table: table, commands: commands, lives: []*live{commands},
		owned: map[int32]bool{}, fed: map[kafka.TopicPartition]*fed{},
	}
	for _, l := range others {
		if l != nil {
			h.lives = append(h.lives, l)
		}
	}
	for _, l := range append([]*live{table}, h.lives...) {
		l.holding = h
	}
	return h
}

// has returns nil if this process certainly owns a partition now.
func (h *holding) has(partition int32) error {
	if h.serving(partition) == 0 {
		return fmt.Errorf("%w: partition %d", ErrNotHere, partition)
	}
	return nil
}

// serving returns the number of the session in which this process certainly owns a partition now; 0: it does
// not.
func (h *holding) serving(partition int32) uint64 {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.session == nil || !h.owned[partition] || !h.session.Holds() {
		return 0
	}
	return h.number
}

// holds returns nil if this process certainly owns the partitions that it has, which may be none.
func (h *holding) holds() error {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.session != nil && !h.session.Holds() {
		return fmt.Errorf("%w: the group may have given the partitions of this process to others", ErrNotHere)
	}
	return nil
}

// partitions returns those that this process owns, in order.
func (h *holding) partitions() []int32 {
	h.mu.RLock()
	defer h.mu.RUnlock()
	owned := make([]int32, 0, len(h.owned))
	for p := range h.owned {
		owned = append(owned, p)
	}
	slices.Sort(owned)
	return owned
}

// Begin makes partitions of an aggregate this process's, in Owned placement: their copies are brought to
// the end of their topics in the background, and from now on kept by Committed. It must be called when
// nothing of a former owner's can be committed any more, and before anything is committed here:
// Config.Prepare of exactlyonce is such a moment. What was begun before ends. Own lets readers in.
func (v *Views) Begin(aggregate string, partitions []int32) {
	a := v.Aggregate(aggregate)
	if a == nil || a.holding == nil {
		return
	}
	a.holding.end()
	a.holding.begin(partitions, int(v.options.Partitions()), v.options.Limits.QueueBytes)
}

// End ends what was begun, and closes its copies: of a session that was prepared and never ran, for which Own
// was not called. It must be called before a standby opens the stores of these partitions. Otherwise a look
// for a command in all copies would meet one whose store has another user by now, and fail.
func (v *Views) End(aggregate string) {
	if a := v.Aggregate(aggregate); a != nil && a.holding != nil {
		a.holding.end()
	}
}

// Own lets readers of the partitions that were begun in, while ctx goes on and the session holds them, and
// calls readable as soon as they may come. It returns when ctx has ended, and the partitions are no longer
// this process's.
func (v *Views) Own(ctx context.Context, aggregate string, session Session, readable func()) {
	a := v.Aggregate(aggregate)
	if a == nil || a.holding == nil {
		return
	}
	h := a.holding
	for _, p := range h.partitions() {
		rows, err := v.options.Tables.Committed(h.table.topic, p)
		if err != nil {
			v.options.Logger.ErrorContext(ctx, "rows can't be read", "topic", h.table.topic, "partition", p,
				"error", err)
			continue
		}
		h.table.attach(p, tablePart{rows})
	}
	h.mu.Lock()
	h.session = session
	h.number++
	h.mu.Unlock()
	v.waiters.changedAll()
	readable()
	<-ctx.Done()
	h.end()
}

// Serving returns the number of the time in which this process has a partition of an aggregate without a
// pause, in Owned placement; 0: it does not have it now, and its readers answer ErrNotHere. Whoever reads
// all partitions that are here knows by two equal numbers, of before and after, that this one was among them.
func (v *Views) Serving(aggregate string, partition int32) uint64 {
	if a := v.Aggregate(aggregate); a != nil && a.holding != nil {
		return a.holding.serving(partition)
	}
	return 0
}

// Committed keeps what a transaction has made visible, and wakes the readers that wait for it. It costs a
// write to each copy that the transaction concerns.
func (v *Views) Committed(aggregate string, c Commit) {
	if a := v.Aggregate(aggregate); a != nil && a.holding != nil {
		a.holding.committed(c)
	}
}

func (h *holding) begin(partitions []int32, count, queueBytes int) {
	for _, l := range append([]*live{h.table}, h.lives...) {
		l.setCount(count) // readers hold its lock when they ask for h's
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range partitions {
		h.owned[p] = true
	}
	for _, l := range h.lives {
		for _, p := range partitions {
			f := newFed(l, p, queueBytes)
			h.fed[kafka.TopicPartition{Topic: l.topic, Partition: p}] = f
			go f.run()
		}
	}
}

// end takes all partitions away from readers, and closes the copies.
func (h *holding) end() {
	h.mu.Lock()
	h.session = nil
	owned, all := h.owned, h.fed
	h.owned, h.fed = map[int32]bool{}, map[kafka.TopicPartition]*fed{}
	h.mu.Unlock()
	for p := range owned {
		h.table.detach(p)
	}
	for _, f := range all {
		f.cancel()
	}
	for _, f := range all {
		<-f.done
	}
}

// reopen has the copy of a partition opened anew, if there is one.
func (h *holding) reopen(at kafka.TopicPartition, why error) {
	h.mu.RLock()
	f := h.fed[at]
	h.mu.RUnlock()
	if f != nil {
		f.fail(why)
	}
}

// committed hands records to the copies. Their slices are made anew for each commit, by partition.
func (h *holding) committed(c Commit) {
	records := make(map[kafka.TopicPartition][]*kgo.Record)
	c.Inputs(func(at kafka.TopicPartition, some []*kgo.Record) {
		records[at] = append(records[at], some...)
	})
	c.Outputs(func(at kafka.TopicPartition, some []kgo.Record) {
		for i := range some {
			records[at] = append(records[at], &some[i])
		}
	})
	for at, some := range records {
		h.mu.RLock()
		f := h.fed[at]
		h.mu.RUnlock()
		if f != nil {
			f.feed(some)
		}
	}
	if h.table.waiters.waiting() == 0 {
		return
	}
	c.Rows(func(at kafka.TopicPartition, rows map[string][]byte) {
		for key := range rows {
			h.table.waiters.changed(waitKey{topic: at.Topic, subject: key})
		}
	})
}

// tablePart is a partition of the committed table in the place of a copy.
type tablePart struct{ *snapshots.Committed }

// Apply is refused.
func (tablePart) Apply(...*kgo.Record) error { return errOwnRows }

// Rebuild is refused: the rows are the processor's own.
func (tablePart) Rebuild(context.Context, func(func() error) error) error { return errOwnRows }

// Rebuilding reports that nothing is rebuilt beside the table: a refold goes on in it.
func (tablePart) Rebuilding() (p snapshots.RestoreProgress, going bool) { return p, false }

// Write is refused.
func (tablePart) Write(func(snapshots.Writer) error) error { return errOwnRows }

// errOwnRows says that the read side reads the table that the processor writes.
var errOwnRows = fmt.Errorf("%w: rows are read from the processor's own table; rebuild that", ErrNoView)
