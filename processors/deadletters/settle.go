package deadletters

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"refold/kafka"
)

// A transaction of Settle is limited: whoever reads committed waits for its end, all of it is in
// memory, and it must end long before the brokers end it by themselves (kafka.transaction-timeout).
// So many records are sent within a fraction of a second; more would not be faster.
const (
	transactionLetters = 500
	transactionBytes   = 4 << 20
)

// Action says how the dead letters of a selection are settled.
type Action struct {
	// Disposition is Replayed or Discarded.
	Disposition Disposition
	// By is who does it, Note why, Time when: all three are kept in the marker.
	By, Note string
	Time     time.Time
	// DryRun reports what would be done and does nothing. It fences no other process.
	DryRun bool
}

// Status is what Settle did with a dead letter.
type Status int

// The statuses.
const (
	Done       Status = iota // it is settled now (DryRun: would be)
	Already                  // it was settled before
	Impossible               // it can't be settled; Report.Err says why
)

// Report tells of one dead letter that Settle came to.
type Report struct {
	Status Status
	Ref    Ref
	// Letter is nil if there is none at the place that was named. It is the receiver's to keep.
	Letter *Letter
	// Topic is where it was put back to.
	Topic string
	// Err is why it is Impossible.
	Err error
}

// ErrTakenOver says that another replay or discard has begun meanwhile. What was reported as done is done;
// the other one does the rest.
var ErrTakenOver = errors.New("another replay or discard has taken over")

// Settle puts back, or discards, the dead letters of a selection: each once, whoever else tries to,
// and whatever dies in between. Those that are settled already are only reported, and only if
// Selection.Open does not leave them out. report gets every letter, in the order of Each, after its
// transaction was committed; what it returns ends the work.
//
// At most one Settle runs in an installation: a later one fences an earlier one, which then returns
// ErrTakenOver. An error may leave it open whether the last transaction was committed; Settle of the
// same selection finds out, and goes on.
//
// Dead letters that are replayed may come back as new ones; those are not part of the selection.
func (q *Queue) Settle(
	ctx context.Context, s Selection, a Action, report func(Report) error,
) (Reading, error) {
	w := &settling{queue: q, action: a, report: report, topics: make(map[string]error)}
	if !a.DryRun {
		if err := q.requireSettled(ctx); err != nil {
			return Reading{}, err
		}
		t, err := q.transactions(ctx) // before anything is read: see the package's comment
		if err != nil {
			return Reading{}, err
		}
		defer t.close()
		w.transactions = t
	}
	p, err := q.plan(ctx, &s)
	if err != nil {
		return Reading{}, err
	}
	m, err := q.readMarkers(ctx, p)
	if err != nil {
		return Reading{}, err
	}
	reading, err := q.each(ctx, s, p, m, func(l *Letter) error { return w.take(ctx, l) })
	if err != nil {
		return reading, err
	}
	if err := w.commit(ctx); err != nil {
		return reading, err
	}
	for _, ref := range slices.SortedFunc(maps.Keys(reading.Missing), compareRefs) {
		missing := Report{Status: Impossible, Ref: ref, Err: reading.Missing[ref]}
		if err := report(missing); err != nil {
			return reading, err
		}
	}
	return reading, w.tidy(ctx, m)
}

func compareRefs(a, b Ref) int {
	return cmp.Or(cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset))
}

// requireSettled tells that the topic of markers is missing before anything waits for it.
func (q *Queue) requireSettled(ctx context.Context) error {
	if _, err := q.bounds(ctx, q.settings.Names.Settled); err != nil {
		return err
	}
	return nil
}

// settling is one Settle on its way.
type settling struct {
	queue        *Queue
	action       Action
	report       func(Report) error
	transactions *transactions    // nil: a dry run
	topics       map[string]error // why nothing can be put back into a topic; nil: it can

	pending      []change
	pendingBytes int
}

// take does with a letter what is to be done, or puts it into the open batch.
func (w *settling) take(ctx context.Context, l *Letter) error {
	if l.Settled != nil {
		return w.report(Report{Status: Already, Ref: l.Ref, Letter: l.clone()})
	}
	l = l.clone()
	c, err := w.change(ctx, l)
	if impossible(err) {
		return w.report(Report{Status: Impossible, Ref: l.Ref, Letter: l, Err: err})
	}
	if err != nil {
		return err
	}
	w.pending = append(w.pending, c)
	w.pendingBytes += l.size()
	if len(w.pending) == transactionLetters || w.pendingBytes >= transactionBytes {
		return w.commit(ctx)
	}
	return nil
}

// change is what a letter's settling writes.
func (w *settling) change(ctx context.Context, l *Letter) (change, error) {
	c := change{letter: l, settlement: Settlement{
		Disposition: w.action.Disposition, Time: w.action.Time.UTC(), By: w.action.By, Note: w.action.Note,
		Letter: l.Time,
	}}
	if w.action.Disposition != Replayed {
		return c, nil
	}
	var err error
	if c.record, err = w.queue.settings.putBack(l); err != nil {
		return change{}, err
	}
	c.settlement.Topic = c.record.Topic
	return c, w.exists(ctx, c.record.Topic)
}

// impossible reports whether an error is about one letter, and not about everything.
func impossible(err error) bool {
	return errors.Is(err, ErrNoReplayTopic) || errors.Is(err, ErrFacts) ||
		errors.Is(err, ErrTooLarge) || errors.Is(err, ErrCut) || errors.Is(err, ErrProjection) ||
		errors.Is(err, kafka.ErrTopicMissing)
}

// exists reports whether there is a topic to write to; it asks once. A producer would go on trying.
func (w *settling) exists(ctx context.Context, topic string) error {
	known, is := w.topics[topic]
	if is {
		return known
	}
	_, err := w.queue.bounds(ctx, topic)
	if err == nil || impossible(err) {
		w.topics[topic] = err
	}
	return err
}

// commit settles what is pending, and reports it.
func (w *settling) commit(ctx context.Context) error {
	if len(w.pending) == 0 {
		return nil
	}
	if w.transactions != nil {
		if err := w.transactions.commit(ctx, w.pending); err != nil {
			return err
		}
	}
	for _, c := range w.pending {
		c.letter.Settled = &c.settlement
		r := Report{Status: Done, Ref: c.letter.Ref, Letter: c.letter, Topic: c.settlement.Topic}
		if err := w.report(r); err != nil {
			return err
		}
	}
	w.pending, w.pendingBytes = w.pending[:0], 0
	return nil
}

// tidy writes tombstones over markers whose dead letters are gone.
func (w *settling) tidy(ctx context.Context, m markers) error {
	if w.transactions == nil || len(m.stale) == 0 {
		return nil
	}
	stale := slices.SortedFunc(maps.Keys(m.stale), compareRefs)
	for refs := range slices.Chunk(stale, transactionLetters) {
		if err := w.transactions.forget(ctx, refs); err != nil {
			return fmt.Errorf("remove markers of dead letters that are gone: %w", err)
		}
	}
	return nil
}

// clone returns a letter with memory of its own.
func (l *Letter) clone() *Letter {
	c := *l
	c.Key, c.Value = bytes.Clone(l.Key), bytes.Clone(l.Value)
	c.Headers = slices.Clone(l.Headers)
	for i := range c.Headers {
		c.Headers[i].Value = bytes.Clone(c.Headers[i].Value)
	}
	return &c
}
