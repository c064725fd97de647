package compare

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"refold/kafka"
	"refold/projections"
)

// statesAtOnce is how many states a store is asked for at once.
const statesAtOnce = 500

// pauseOfStates is between two looks at a state that is ahead in a store that writes states before progress.
const pauseOfStates = 100 * time.Millisecond

// compareStates compares the states of a partition, folded up to an offset, with those that the store has.
// The store may have gone on, so a state may be ahead if there are events that it is ahead by.
func (r *run) compareStates(ctx context.Context, f *folding, to int64) error {
	ahead := make(map[string]projections.StoredState)
	var subjects []string
	for _, subject := range slices.Sorted(maps.Keys(f.states)) {
		if hash(r.Seed, f.source.Name, subject) < r.end {
			subjects = append(subjects, subject)
		}
	}
	for some := range slices.Chunk(subjects, statesAtOnce) {
		stored, err := r.Open.States(ctx, f.source.Name, some)
		if err != nil {
			return fmt.Errorf("read states: %w", err)
		}
		has := make(map[string]projections.StoredState, len(stored))
		for _, s := range stored {
			has[s.Subject] = s
		}
		for _, subject := range some {
			r.outcome.States++
			s, is := has[subject]
			what, err := f.judge(subject, s, is)
			if err != nil {
				return err
			}
			if what == StateAhead {
				ahead[subject] = s
			} else if err := r.reportState(f, s, subject, what); err != nil {
				return err
			}
		}
	}
	return r.meet(ctx, f, ahead, to)
}

// judge compares a stored state with the one that was folded. It returns "" if it is the same.
func (f *folding) judge(subject string, stored projections.StoredState, is bool) (Kind, error) {
	state := f.states[subject]
	folded := f.source.Sequence(state)
	switch {
	case !is:
		return StateMissing, nil
	case stored.Sequence < folded:
		return StateBehind, nil
	case stored.Sequence > folded:
		return StateAhead, nil
	}
	encoded, err := f.source.EncodeState(state)
	if err != nil {
		return "", fmt.Errorf("the state of %s %q: %w", f.source.Name, subject, err)
	}
	if bytes.Equal(encoded, stored.State) {
		return "", nil
	}
	// Another release may have written it with another version of the schema.
	same, err := f.source.DecodeState(encoded)
	if err != nil {
		return "", fmt.Errorf("the state of %s %q: %w", f.source.Name, subject, err)
	}
	other, err := f.source.DecodeState(stored.State)
	if err != nil || !reflect.DeepEqual(same, other) {
		return StateDiffers, nil //nolint:nilerr // what can't be read differs
	}
	return "", nil
}

// meet folds the events that have come since, for states that are ahead, and reports those that are still.
func (r *run) meet(
	ctx context.Context, f *folding, ahead map[string]projections.StoredState, from int64,
) error {
	*f.room, f.rows, f.counts, f.tell = 0, nil, false, func(int64) {}
	rest := f.rest
	defer func() { f.rest = rest }()
	for round := 1; len(ahead) > 0 && round <= rounds; round++ {
		m, err := r.look(ctx, only(map[*projections.Table]map[string][]any{}))
		if err != nil {
			return err
		}
		to := m.reached(f.partition)
		if err := f.read(ctx, from, to); err != nil {
			return err
		}
		from = max(from, to)
		maps.DeleteFunc(ahead, func(subject string, s projections.StoredState) bool {
			return s.Sequence <= f.source.Sequence(f.states[subject])
		})
		if m.whole {
			break
		}
		if len(ahead) > 0 && !kafka.Sleep(ctx, pauseOfStates) {
			return ctx.Err()
		}
	}
	for _, subject := range slices.Sorted(maps.Keys(ahead)) {
		if err := r.reportState(f, ahead[subject], subject, StateAhead); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) reportState(f *folding, stored projections.StoredState, subject string, what Kind) error {
	if what == "" {
		return nil
	}
	return r.report(Difference{
		What: what, Aggregate: f.source.Name, Subject: subject, Sequence: stored.Sequence,
		Events: f.source.Sequence(f.states[subject]),
	})
}
