package inventory

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"refold/kafka"
)

// Aggregate is what Fit must know of an aggregate. Its topics have the same partitions; rows, events and
// results of a command are written in one transaction.
type Aggregate struct {
	// Events, Results and Table are topics; Results is empty if none are written.
	Events, Results, Table string
	// EventsExpire says that events are deleted after a time: that the events topic starts above offset zero
	// is no sign of a loss then.
	EventsExpire bool
	// EventSequence and RowSequence read the sequence of an event, and of a row that is no deletion; 0 of
	// what nobody can read. Eventful reports whether a result names events. An error is a fault.
	EventSequence, RowSequence func(*kgo.Record) (int64, error)
	Eventful                   func(*kgo.Record) (bool, error)
}

// Fit finds partitions of an aggregate whose topics don't fit together: something of them was lost, though
// the topics may be the right ones. It may be used by several at the same time.
//
// Refold deletes nothing from these topics, and a transaction writes to all of them or to none. So these are
// signs of a loss:
//
//   - a table or an events topic whose log starts above offset zero;
//   - events, and no row in the table;
//   - a row at sequence 1 or above, and no events;
//   - a result that names events, and neither events nor rows;
//   - a last row that is not at the sequence of the aggregate's last event.
//
// These are none: rows at sequence 0, results and offsets without events (rejected commands, dead
// letters); no results at all, since they are kept for a time.
type Fit struct {
	Aggregate

	settings   kafka.Settings
	rowsAtOnce int

	mu     sync.Mutex
	fitted map[int32]bool                 // partitions whose ends were compared
	passed map[kafka.TopicPartition]int64 // records below are known to be harmless
}

// NewFit returns a Fit.
func NewFit(settings kafka.Settings, a Aggregate) *Fit {
	return &Fit{
		Aggregate: a, settings: settings, rowsAtOnce: rowsAtOnce,
		fitted: make(map[int32]bool), passed: make(map[kafka.TopicPartition]int64),
	}
}

// ErrUnfit says that the topics of a partition don't fit together.
var ErrUnfit = errors.New("the partition's topics don't fit together")

// fitAtOnce is how many partitions are looked at at the same time; each look reads a few records.
const fitAtOnce = 8

// Check returns why partitions don't fit, each an ErrUnfit. It costs four questions for offsets; where a
// topic is empty and others are not, it reads what is there, once; and of each partition that this Fit has
// not seen before, the last records: nobody may be writing to it then. The error is a fault.
func (f *Fit) Check(ctx context.Context, partitions []int32) (map[int32]error, error) {
	if len(partitions) == 0 {
		return nil, nil //nolint:nilnil // none is unfit
	}
	client, err := f.settings.Client()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	at, err := f.ends(ctx, kadm.NewClient(client))
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	unfit := make(map[int32]error)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(fitAtOnce)
	for _, p := range partitions {
		group.Go(func() error {
			err := f.partition(ctx, client, at, p)
			if !errors.Is(err, ErrUnfit) {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			unfit[p] = err
			return nil
		})
	}
	return unfit, group.Wait()
}

// ends are where the logs of an aggregate's topics start and end.
type ends struct{ starts, stable, ends kadm.ListedOffsets }

// ends asks for stable ends before it asks for ends: rows of a transaction are there before its events are
// stable. So a topic that is empty by its end has nothing of what is stable in another.
func (f *Fit) ends(ctx context.Context, admin *kadm.Client) (e ends, err error) {
	topics := []string{f.Events, f.Table}
	if f.Results != "" {
		topics = append(topics, f.Results)
	}
	for _, question := range []struct {
		what   string
		list   func(context.Context, ...string) (kadm.ListedOffsets, error)
		answer *kadm.ListedOffsets
	}{
		{"stable", admin.ListCommittedOffsets, &e.stable},
		{"end", admin.ListEndOffsets, &e.ends},
		{"start", admin.ListStartOffsets, &e.starts},
	} {
		if *question.answer, err = question.list(ctx, topics...); err == nil {
			err = question.answer.Error()
		}
		if err != nil {
			return e, fmt.Errorf("ask for the %s offsets of %v: %w", question.what, topics, err)
		}
	}
	return e, nil
}

// log is where a partition of a topic starts and ends.
type log struct{ start, stable, end int64 }

func (e *ends) of(topic string, p int32) (l log, err error) {
	for _, from := range []struct {
		listed kadm.ListedOffsets
		to     *int64
	}{{e.starts, &l.start}, {e.stable, &l.stable}, {e.ends, &l.end}} {
		if *from.to, err = kafka.OffsetOf(topic, p)(from.listed, nil); err != nil {
			return l, err
		}
	}
	return l, nil
}

// partition returns an ErrUnfit, a fault, or nil.
func (f *Fit) partition(ctx context.Context, client *kgo.Client, at ends, p int32) error {
	r := reader{f, client, p}
	err := r.compare(ctx, at)
	if err == nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.fitted[p] = true
	}
	return err
}

// reader is what one Check has of a partition.
type reader struct {
	*Fit

	client *kgo.Client
	p      int32
}

func (f reader) compare(ctx context.Context, at ends) error {
	p := f.p
	events, err := at.of(f.Events, p)
	if err != nil {
		return err
	}
	rows, err := at.of(f.Table, p)
	if err != nil {
		return err
	}
	var results log
	if f.Results != "" {
		if results, err = at.of(f.Results, p); err != nil {
			return err
		}
	}
	switch {
	case rows.start > 0:
		return unfit("%s/%d starts at offset %d: rows were deleted from it", f.Table, p, rows.start)
	case f.EventsExpire && events.start > 0 && events.start >= events.stable:
		return nil // nothing is left to compare with
	case events.start > 0 && !f.EventsExpire:
		return unfit("%s/%d starts at offset %d: events were deleted from it", f.Events, p, events.start)
	case events.stable > 0 && rows.end == 0:
		return f.search(ctx, f.Events, func(r *kgo.Record) error {
			return unfit("%s/%d has events, and %s/%d is empty: the table was lost, or made anew",
				f.Events, p, f.Table, p)
		})
	case rows.stable > 0 && events.end == 0:
		return f.searchRows(ctx)
	case results.stable > results.start && rows.end == 0 && events.end == 0:
		return f.search(ctx, f.Results, func(r *kgo.Record) error {
			named, err := f.Eventful(r)
			if err != nil || !named {
				return err
			}
			return unfit("%s/%d has results that name events, and %s/%d and %s/%d are empty: they were "+
				"lost, or made anew", f.Results, p, f.Events, p, f.Table, p)
		})
	case events.stable > 0 && rows.stable > 0:
		return f.compareEnds(ctx, events, rows)
	}
	return nil
}

// search looks for a record that ought not to be there. What it has looked at once it does not look at
// again.
func (f reader) search(ctx context.Context, topic string, judge func(*kgo.Record) error) error {
	next, err := f.read(ctx, topic, f.harmlessUntil(topic), judge)
	if errors.Is(err, kafka.ErrOffsetOutOfRange) { // retention went on, or the topic is another one by now
		next, err = f.read(ctx, topic, kafka.FromStart, judge)
	}
	if err == nil {
		f.harmless(topic, next)
	}
	return err
}

// rowsAtOnce is how many rows searchRows keeps in mind; where there are more, it reads once more.
const rowsAtOnce = 10_000

// searchRows looks for a row at sequence 1 or above, where there are no events. One that was deleted
// later, as a reset does with rows whose events are lost for good, is none.
func (f reader) searchRows(ctx context.Context) error {
	for from, more := f.harmlessUntil(f.Table), true; more; {
		rows, left := make(map[string]int64), int64(-1)
		next, err := f.read(ctx, f.Table, from, func(r *kgo.Record) error {
			n, err := f.rowSequence(r)
			key := string(r.Key)
			switch _, is := rows[key]; {
			case n == 0:
				delete(rows, key)
			case is || len(rows) < f.rowsAtOnce:
				rows[key] = n
			case left < 0:
				left = r.Offset
			}
			return err
		})
		if err != nil {
			return err
		}
		if len(rows) > 0 {
			key := slices.Min(slices.Collect(maps.Keys(rows)))
			return unfit("%s/%d has the row of %.100q at sequence %d, and %s/%d is empty: the events were "+
				"lost, or their topic was made anew", f.Table, f.p, key, rows[key], f.Events, f.p)
		}
		if from, more = left, left >= 0; !more {
			f.harmless(f.Table, next)
		}
	}
	return nil
}

// harmlessUntil is the offset below which a search has found nothing.
func (f reader) harmlessUntil(topic string) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.passed[kafka.TopicPartition{Topic: topic, Partition: f.p}]
}

func (f reader) harmless(topic string, next int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.passed[kafka.TopicPartition{Topic: topic, Partition: f.p}] = next
}

// tail is how many of the last offsets of events and rows are compared.
const tail = 500

// compareEnds compares the sequences of the aggregates that are among the last events and the last rows:
// they were written by the same transactions. It does so once for each partition, before anything is
// written to it: what it finds is that a broker has lost the end of a log, which it does when it starts.
func (f reader) compareEnds(ctx context.Context, events, rows log) error {
	p := f.p
	f.mu.Lock()
	done := f.fitted[p]
	f.mu.Unlock()
	if done {
		return nil
	}
	last := make(map[string]int64)
	if _, err := f.read(ctx, f.Events, max(0, events.stable-tail), func(r *kgo.Record) error {
		n, err := f.EventSequence(r)
		if n > 0 {
			last[string(r.Key)] = n
		}
		return err
	}); err != nil {
		return err
	}
	at := make(map[string]int64)
	if _, err := f.read(ctx, f.Table, max(0, rows.stable-tail), func(r *kgo.Record) error {
		n, err := f.rowSequence(r)
		at[string(r.Key)] = n
		return err
	}); err != nil {
		return err
	}
	for key, event := range last {
		row, is := at[key]
		if !is || row == 0 || row == event {
			continue
		}
		lost := "rows"
		if row > event {
			lost = "events"
		}
		return unfit("%s/%d has the row of %.100q at sequence %d, and its last event in %s/%d is %d: the "+
			"last %s were lost", f.Table, p, key, row, f.Events, p, event, lost)
	}
	return nil
}

// rowSequence is RowSequence, 0 of a deletion.
func (f reader) rowSequence(r *kgo.Record) (int64, error) {
	if r.Value == nil {
		return 0, nil
	}
	return f.RowSequence(r)
}

// read gives the committed records of a partition to judge, until that returns an error.
func (f reader) read(
	ctx context.Context, topic string, from int64, judge func(*kgo.Record) error,
) (next int64, err error) {
	return kafka.ReadPartitionBy(ctx, f.client, kafka.Range{Topic: topic, Partition: f.p, From: from},
		func(records []*kgo.Record, _ kafka.Progress) error {
			for _, r := range records {
				if err := judge(r); err != nil {
					return err
				}
			}
			return nil
		})
}

// unfit is an ErrUnfit that says what is wrong.
func unfit(format string, args ...any) error {
	return fmt.Errorf("%w: %s; nothing of it is handled: %s", ErrUnfit, fmt.Sprintf(format, args...), runbook)
}
