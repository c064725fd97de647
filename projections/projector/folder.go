package projector

import (
	"context"
	"fmt"
	"sync"

	"refold/fold"
)

// folder folds the records of one batch.
type folder struct {
	*batcher
	items    []item
	events   []any // by item; nil: it is not taken
	last     map[subject]item
	poisoned []poisoned
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
	if len(f.items) == 1 {
		if refusal, refused := f.refused[f.items[0].place()]; refused {
			f.poison(f.items[0], refusal.why)
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
			f.poison(i, err)
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

// take folds the events. An error is a fault.
func (f *folder) take() error {
	for n, i := range f.items {
		if f.events[n] == nil {
			continue
		}
		id := string(i.record.Key)
		f.last[subject{i.source, id}] = i
		err := f.folding.Take(i.source, id, f.events[n])
		switch {
		case err == nil:
		case fold.CodeOf(err) != "":
			f.poison(i, err)
		default:
			return fmt.Errorf("fold the event at %s/%d offset %d: %w", i.Topic, i.Partition.Partition,
				i.record.Offset, err)
		}
	}
	return nil
}
