package projector

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/eventsourcing"
	"refold/kafka"
	"refold/projections"
)

const (
	// lookPause is the pause between two looks for a state that a partition waits for.
	lookPause = 20 * time.Millisecond
	// lookupPatience is how long the partition with an event that is referred to may stand still. Then its
	// log is read instead, from where the build is in it.
	lookupPatience = 2 * time.Second
	// unseenMost is how long nobody may have looked at a partition that counts as one that stands still.
	unseenMost = time.Second
	// leastMost is how many records a batch takes at least from a partition that has waited.
	leastMost = 64
)

// waiting is a record that refers to states as of events, which are not there yet.
type waiting struct {
	offset int64
	refs   []eventsourcing.EventRef
	what   string // the first of them
	// settled says that all states are found, or never will be.
	settled bool
	never   map[eventsourcing.EventRef]bool
	reads   map[eventsourcing.EventRef]*reading
}

// wait lets the partition wait before a record. What is known of what it refers to stays known.
func (p *partition) wait(r *kgo.Record, aggregate string, refs []eventsourcing.EventRef) {
	if p.waiting == nil || p.waiting.offset != r.Offset {
		p.waiting = &waiting{
			offset: r.Offset, never: make(map[eventsourcing.EventRef]bool),
			reads: make(map[eventsourcing.EventRef]*reading),
		}
	}
	w := p.waiting
	w.refs, w.settled = refs, false
	w.what = fmt.Sprintf("%s %q as of event %d", aggregate, refs[0].Subject, refs[0].Sequence)
}

// isAhead reports whether a state was read from the log, ahead of the build.
func (w *waiting) isAhead(ref eventsourcing.EventRef) bool {
	r := w.reads[ref]
	return r != nil && r.found
}

// ahead returns the states that were read from the log for a record.
func (p *partition) ahead(r *kgo.Record) map[eventsourcing.EventRef]any {
	if p.waiting == nil || p.waiting.offset != r.Offset {
		return nil
	}
	states := make(map[eventsourcing.EventRef]any)
	for ref, r := range p.waiting.reads {
		if r.found {
			states[ref] = r.state
		}
	}
	return states
}

// waits reports whether a record is not taken for now.
func (p *partition) waits(r *kgo.Record) bool {
	return p.waiting != nil && !p.waiting.settled && r.Offset >= p.waiting.offset
}

// due reports whether there is a record that may be taken.
func (p *partition) due() bool { return len(p.pending) > 0 && !p.waits(p.pending[0]) }

// passed forgets a record that has waited and that is taken.
func (p *partition) passed() {
	if p.waiting != nil && p.waiting.offset < p.written {
		p.waiting = nil
	}
}

// took notes how many records a batch has taken of those that it was given. Of a partition that is ahead of
// what it looks up, the next batch takes few more: all others would be decoded in vain.
func (p *partition) took(n, of, limit int) {
	switch {
	case n < of:
		p.most = max(leastMost, 2*n)
	case p.most > 0 && n >= p.most:
		p.most *= 2
	}
	if p.most >= limit {
		p.most = 0
	}
}

// full reports whether no more should be fetched of a partition that waits.
func (p *partition) full(records, bytes int) bool {
	if p.waiting == nil || len(p.pending) == 0 {
		return false
	}
	for _, r := range p.pending {
		bytes -= kafka.RecordBytes(len(r.Key), r.Value, r.Headers)
	}
	return len(p.pending) >= records || bytes <= 0
}

// look looks for the states that partitions wait for.
func (b *batcher) look(ctx context.Context, partitions []*partition) error {
	var due []*partition
	for _, p := range partitions {
		// Records before it may have what it refers to, so they are taken first.
		if p.waiting != nil && len(p.pending) > 0 && p.pending[0].Offset == p.waiting.offset &&
			!p.waiting.settled {
			due = append(due, p)
		}
	}
	if len(due) == 0 {
		return nil
	}
	// The progress is read before the states: so those of all events below it are there.
	next := make(map[projections.Partition]int64)
	err := b.build.Look(ctx, func(v projections.View) error {
		all, err := v.Progress(ctx)
		for _, p := range all {
			next[p.Partition] = max(p.Next, 0)
		}
		return err //nolint:wrapcheck // of the store
	})
	if err != nil {
		return fmt.Errorf("ask how far the build is: %w", err)
	}
	for _, p := range due {
		if err := b.settle(ctx, p, next); err != nil {
			return err
		}
	}
	return nil
}

// settle finds out whether what a partition waits for is there, or never will be. next is the progress.
func (b *batcher) settle(
	ctx context.Context, p *partition, next map[projections.Partition]int64,
) error {
	missing, err := b.fetch(ctx, p.source, p.waiting.refs)
	if err != nil {
		return err
	}
	for _, ref := range missing {
		settled, err := b.judge(ctx, p, ref, next)
		if err != nil || !settled {
			return err
		}
	}
	p.waiting.settled = true
	return nil
}

// fetch reads states from the store that events of a source refer to, and returns what it does not have.
func (b *batcher) fetch(
	ctx context.Context, source int, refs []eventsourcing.EventRef,
) ([]eventsourcing.EventRef, error) {
	lacking := b.folding.Lacks(source, refs)
	if len(lacking) == 0 {
		return nil, nil
	}
	ids := make([]string, len(lacking))
	for i, ref := range lacking {
		ids[i] = ref.ID()
	}
	slices.Sort(ids)
	of := b.sources[source].LooksUp
	stored, err := b.build.States(ctx, projections.AsOf(b.sources[of].Name), slices.Compact(ids))
	if err != nil {
		return nil, fmt.Errorf("look states up: %w", err)
	}
	if err := b.folding.Found(of, stored); err != nil {
		return nil, err //nolint:wrapcheck // it says which state
	}
	return b.folding.Lacks(source, lacking), nil
}

// judge reports whether it is settled what comes of a reference to a state that the store does not have.
//
// It never will be there if the build has passed the end that the topic had when the event was there. In its
// own partition an event refers to one before it, or to none.
func (b *batcher) judge(
	ctx context.Context, p *partition, ref eventsourcing.EventRef, next map[projections.Partition]int64,
) (settled bool, err error) {
	w := p.waiting
	if w.never[ref] {
		return true, nil
	}
	if w.isAhead(ref) {
		return true, nil
	}
	if err := b.askEnds(ctx, p); err != nil {
		return false, err
	}
	at := projections.Partition{
		Topic:     b.topics[b.sources[p.source].LooksUp],
		Partition: kafka.Partition([]byte(ref.Subject), int32(len(p.ends))),
	}
	switch end := p.ends[at]; {
	case at == p.Partition || next[at] >= end:
		w.never[ref] = true
		return true, b.knowLatest(ctx, p.source, ref.Subject)
	case !b.stands(at, next[at]):
		return false, nil
	default:
		return b.readOn(ctx, p, ref, ahead{at, next[at], end})
	}
}

// askEnds asks where the topic ends that a waiting partition looks up, once for all records that have come.
func (b *batcher) askEnds(ctx context.Context, p *partition) error {
	if p.waiting.offset < p.endsFor {
		return nil
	}
	ends, err := b.logs.ends(ctx, []string{b.topics[b.sources[p.source].LooksUp]})
	if err == nil && len(ends) == 0 {
		err = kafka.ErrTopicMissing
	}
	if err != nil {
		return fmt.Errorf("ask where the topic ends that is looked up: %w", err)
	}
	p.ends, p.endsFor = ends, p.polled
	return nil
}

// knowLatest reads the latest state of an aggregate that is looked up, which tells why another one of it is
// not there.
func (b *batcher) knowLatest(ctx context.Context, source int, subject string) error {
	of := b.sources[source].LooksUp
	missing := b.folding.Missing(of, []string{subject})
	if len(missing) == 0 {
		return nil
	}
	stored, err := b.build.States(ctx, b.sources[of].Name, missing)
	if err != nil {
		return fmt.Errorf("read states: %w", err)
	}
	return b.folding.Know(of, missing, stored) //nolint:wrapcheck // it says which state
}

// stood is since when a partition has not moved, and when that was looked at.
type stood struct {
	next        int64
	since, last time.Time
}

// stands reports whether a partition has stood still for as long as lookups have patience.
func (b *batcher) stands(at projections.Partition, next int64) bool {
	now := time.Now()
	s, seen := b.stood[at]
	if !seen || s.next != next || now.Sub(s.last) > b.patience+unseenMost {
		s = stood{next: next, since: now}
	}
	s.last = now
	if b.stood == nil {
		b.stood = make(map[projections.Partition]stood)
	}
	b.stood[at] = s
	return now.Sub(s.since) >= b.patience
}
