package views

import (
	"context"
	"errors"
	"fmt"
	"time"

	"refold/views/history"
)

// Moment is a point of an aggregate's past.
type Moment = history.Moment

// ErrUnfoldable says that the past can't be known: one of the events before can't be folded, or is
// not there.
var ErrUnfoldable = history.ErrUnfoldable

// PastRow is an aggregate's state at a moment.
type PastRow struct {
	Row

	Time time.Time // of its last event
}

// At returns the state of an aggregate at a moment. The error is ErrNotFound if it did not exist
// then, ErrNotYet beside the newest sequence here (in Row.Sequence) if m.Sequence is beyond it,
// ErrNoHistory, ErrNotReady, ErrUnfoldable, that of ctx, or a fault. For the cost see history.Past.
func (a *Aggregate) At(ctx context.Context, id string, m Moment) (PastRow, error) {
	if a.events == nil || a.description.Fold == nil {
		return PastRow{}, ErrNoHistory
	}
	at, found, err := a.past(ctx, id, m)
	switch {
	case errors.Is(err, history.ErrBeyond):
		return PastRow{Row: Row{ID: id, Sequence: found.Newest}}, fmt.Errorf("%w: %w", ErrNotYet, err)
	case errors.Is(err, history.ErrNotNow):
		err = fmt.Errorf("%w: %w", ErrNotReady, err)
	case err == nil && found.Sequence == 0:
		if err = a.events.ready(); err == nil {
			err = fmt.Errorf("%w: %s %q had no event then", ErrNotFound, a.description.Name, id)
		}
	}
	if err != nil {
		return PastRow{}, err
	}
	row, err := a.row(id, found.Value)
	row.Position = at
	return PastRow{Row: row, Time: found.Time}, err
}

// Each calls fn with the states after the events from first to last, in order; first is 1 at least. Errors
// are those of At, and that of fn, which ends it. For the cost see history.Past.
func (a *Aggregate) Each(ctx context.Context, id string, first, last int64, fn func(PastRow) error) error {
	if a.events == nil || a.description.Fold == nil {
		return ErrNoHistory
	}
	past, at := a.pastOf(id)
	err := past.Each(ctx, id, first, last, func(found history.State) error {
		row, err := a.row(id, found.Value)
		if err != nil {
			return err
		}
		row.Position = *at
		return fn(PastRow{Row: row, Time: found.Time})
	})
	switch {
	case errors.Is(err, history.ErrBeyond):
		return fmt.Errorf("%w: %w", ErrNotYet, err)
	case errors.Is(err, history.ErrNotNow):
		return fmt.Errorf("%w: %w", ErrNotReady, err)
	case err != nil:
		return fmt.Errorf("the past of %s %q: %w", a.description.Name, id, err)
	}
	return nil
}

// past makes a state of the past, and returns where the copy stood before.
func (a *Aggregate) past(ctx context.Context, id string, m Moment) (Position, history.State, error) {
	past, at := a.pastOf(id)
	found, err := past.At(ctx, id, m)
	if err != nil {
		err = fmt.Errorf("the past of %s %q: %w", a.description.Name, id, err)
	}
	return *at, found, err
}

// pastOf reads the past of an aggregate, and notes where the copy stands when it begins.
func (a *Aggregate) pastOf(id string) (past *history.Past, at *Position) {
	began := false
	at = &Position{}
	past = &history.Past{
		Fold: a.description.Fold, Every: int64(a.limits.StateEvery),
		Read: func(fn func(history.Part) error) error {
			return a.events.readAt(id, func(partition int32, part follower) (err error) {
				if !began {
					if *at, err = position(partition, part); err != nil {
						return err
					}
					began = true
				}
				return fn(part)
			})
		},
	}
	if refolded := a.description.Refolded; refolded != nil {
		past.Refolded = func() string { return refolded(at.Partition) }
	}
	return past, at
}
