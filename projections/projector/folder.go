package projector

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"refold/eventsourcing"
	"refold/fold"
)

// folder folds the records of one batch.
type folder struct {
	*batcher
	items    []item
	events   []any                      // by item; nil: it is not taken
	errs     []error                    // by item: poison
	refs     [][]eventsourcing.EventRef // by item: what it looks up; nil: nothing does
	taken    []item
	last     map[subject]item
	poisoned []poisoned
	// stretches are those of the batch, if some of its events look something up.
	stretches []stretch
}

// run decodes and folds the records that can be taken. An error is a fault.
func (f *folder) run(ctx context.Context) error {
	if err := f.decode(); err != nil {
		return err
	}
	if err := f.know(ctx); err != nil {
		return err
	}
	if err := f.refer(ctx); err != nil {
		return err
	}
	return f.take()
}

// subject is an aggregate.
type subject struct {
	source int
	id     string
}

// poison notes that the projection can't take a record. A record is noted once, with the first error.
func (f *folder) poison(i item, err error) {
	for _, p := range f.poisoned {
		if p.item == i {
			return
		}
	}
	f.poisoned = append(f.poisoned, poisoned{i, err})
}

// decode decodes the records. An error is a fault.
func (f *folder) decode() error {
	f.events = make([]any, len(f.items))
	f.errs = make([]error, len(f.items))
	if len(f.items) == 1 {
		if refusal, refused := f.refused[f.items[0].place()]; refused {
			f.errs[0] = refusal.why
			if refusal.times == withoutState {
				return nil
			}
		}
	}
	for n, err := range f.decodeAll() {
		i := f.items[n]
		switch {
		case err == nil:
		case fold.CodeOf(err) != "":
			f.errs[n] = err
		default:
			return fmt.Errorf("decode the event at %s/%d offset %d: %w", i.Topic, i.Partition.Partition,
				i.record.Offset, err)
		}
	}
	return nil
}

// leastDecoded is how many events are worth a goroutine.
const leastDecoded = 256

// decodeAll decodes the records, by several goroutines if there are many.
func (f *folder) decodeAll() []error {
	errs := make([]error, len(f.items))
	var work sync.WaitGroup
	share := max(leastDecoded, (len(f.items)+f.decoders-1)/max(f.decoders, 1))
	for from := 0; from < len(f.items); from += share {
		work.Go(func() {
			for n := from; n < min(from+share, len(f.items)); n++ {
				i := f.items[n]
				event, err := f.sources[i.source].Decode(i.record)
				if errs[n] = err; err == nil {
					f.events[n] = event
				}
			}
		})
	}
	work.Wait()
	return errs
}

// know reads the states that are missing from the store.
func (f *folder) know(ctx context.Context) error {
	subjects := make([][]string, len(f.sources))
	for n, i := range f.items {
		if f.events[n] != nil {
			subjects[i.source] = append(subjects[i.source], string(i.record.Key))
		}
	}
	for source, all := range subjects {
		missing := f.folding.Missing(source, all)
		if len(missing) == 0 {
			continue
		}
		stored, err := f.build.States(ctx, f.sources[source].Name, missing)
		if err != nil {
			return fmt.Errorf("read states: %w", err)
		}
		if err := f.folding.Know(source, missing, stored); err != nil {
			return err //nolint:wrapcheck // it says which state
		}
	}
	return nil
}

// mostReferences limits how many states one batch looks up, unless it is of one event.
const mostReferences = 10_000

// refer reads the states that are looked up from the store, as far as it has them.
func (f *folder) refer(ctx context.Context) error {
	wanted, total := make(map[int][]eventsourcing.EventRef), 0
	for n, i := range f.items {
		references := f.sources[i.source].References
		if references == nil || f.events[n] == nil {
			continue
		}
		if f.refs == nil {
			f.refs = make([][]eventsourcing.EventRef, len(f.items))
		}
		f.refs[n] = references(string(i.record.Key), f.events[n])
		if total += len(f.refs[n]); total > mostReferences && n > 0 {
			f.items = f.items[:n]
			break
		}
		wanted[i.source] = append(wanted[i.source], f.refs[n]...)
	}
	for source, refs := range wanted {
		if _, err := f.fetch(ctx, source, refs); err != nil {
			return err
		}
	}
	return nil
}

// lacks returns what an event looks up that is not there yet.
func (f *folder) lacks(n int) []eventsourcing.EventRef {
	if len(f.refs) == 0 || len(f.refs[n]) == 0 {
		return nil
	}
	i := f.items[n]
	lacking := f.folding.Lacks(i.source, f.refs[n])
	if w := i.waiting; w != nil && w.offset == i.record.Offset {
		lacking = slices.DeleteFunc(lacking, func(ref eventsourcing.EventRef) bool {
			return w.never[ref] || w.isAhead(ref)
		})
	}
	return lacking
}

// stretch is the records of one partition in a batch, from one position to another; next is the one whose
// turn it is.
type stretch struct{ from, next, to int }

// take folds the events of each partition in their order. Of those that look states up, it does so as far as
// the states are there: what other partitions of the batch lead to counts. The partition then waits.
func (f *folder) take() error {
	var all []stretch
	for _, s := range spans(f.items) {
		from := 0
		if len(all) > 0 {
			from = all[len(all)-1].to
		}
		all = append(all, stretch{from, from, from + s.n})
	}
	for moved := true; moved; {
		moved = false
		for at := range all {
			s := &all[at]
			for ; s.next < s.to && len(f.lacks(s.next)) == 0; s.next++ {
				moved = true
				if err := f.takeOne(s.next); err != nil {
					return err
				}
			}
		}
	}
	if f.refs == nil {
		f.taken = f.items
		return nil
	}
	f.stretches = all
	for _, s := range all {
		f.taken = append(f.taken, f.items[s.from:s.next]...)
	}
	return nil
}

// cut lets the partitions wait whose records were not all taken. It is called when the others are written: a
// batch that fails is made again, of other records, and what is known of the first ones must stay known.
func (f *folder) cut() {
	for _, s := range f.stretches {
		p := f.items[s.from].partition
		p.took(s.next-s.from, s.to-s.from, f.records)
		if s.next == s.to {
			continue
		}
		if lacking := f.lacks(s.next); len(lacking) > 0 {
			p.wait(f.items[s.next].record, f.sources[f.sources[p.source].LooksUp].Name, lacking)
		}
	}
}

// takeOne folds an event. An error is a fault.
func (f *folder) takeOne(n int) error {
	i := f.items[n]
	if f.errs[n] != nil {
		f.poison(i, f.errs[n])
	}
	if f.events[n] == nil {
		return nil
	}
	id := string(i.record.Key)
	f.last[subject{i.source, id}] = i
	err := f.folding.TakeWith(i.source, id, f.events[n], i.ahead(i.record))
	switch {
	case err == nil:
	case fold.CodeOf(err) != "":
		f.poison(i, err)
	default:
		return fmt.Errorf("fold the event at %s/%d offset %d: %w", i.Topic, i.Partition.Partition,
			i.record.Offset, err)
	}
	return nil
}
