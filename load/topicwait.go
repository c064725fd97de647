package load

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/processors"
)

// watched is an aggregate that a story began with. Its state is the fold of its events.
type watched struct {
	state  State
	folded any           // by the one goroutine that reads
	moved  chan struct{} // closed when the state has changed
}

// Watch begins to fold an aggregate's events. Those from before are missing: it must have none.
func (t *Topic) Watch(s Subject) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.watched[s] == nil {
		t.watched[s] = &watched{moved: make(chan struct{})}
	}
}

// Forget watches an aggregate no longer.
func (t *Topic) Forget(s Subject) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.watched, s)
}

// Wait waits for the events of an aggregate that is watched.
func (t *Topic) Wait(ctx context.Context, s Subject, until func(State) bool) (State, error) {
	for {
		t.mu.Lock()
		w := t.watched[s]
		if w == nil {
			t.mu.Unlock()
			return State{}, fmt.Errorf("%s %s is not watched", s.Name, s.ID)
		}
		state, moved := w.state, w.moved
		t.mu.Unlock()
		if until(state) {
			return state, nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return state, fmt.Errorf("no event: %w", context.Cause(ctx))
		}
	}
}

// event folds an event of a watched aggregate. All events are read by one goroutine.
func (t *Topic) event(a *processors.OpenAggregate, record *kgo.Record) error {
	subject := Subject{a.AggregateName, string(record.Key)}
	t.mu.Lock()
	w := t.watched[subject]
	t.mu.Unlock()
	if w == nil {
		return nil
	}
	event, err := a.Fold.Decode(record)
	if err != nil {
		return err //nolint:wrapcheck // it says what is wrong with the event
	}
	folded, err := a.Fold.Apply(w.folded, event)
	if err != nil {
		return err //nolint:wrapcheck // it says what is wrong with the event
	}
	w.folded = folded
	state, err := stateOf(a, folded)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	w.state = state
	close(w.moved)
	w.moved = make(chan struct{})
	return nil
}

// stateOf returns what the fold of events shows.
func stateOf(a *processors.OpenAggregate, folded any) (State, error) {
	row, err := a.Fold.RowWith(folded, nil)
	if err != nil {
		return State{}, err //nolint:wrapcheck // it says what is wrong with the row
	}
	text, err := a.Fold.JSON(row)
	if err != nil {
		return State{}, err //nolint:wrapcheck // it says what is wrong with the row
	}
	var shown struct {
		Sequence int64           `json:"sequence"`
		State    json.RawMessage `json:"state"`
	}
	if err := json.Unmarshal(text, &shown); err != nil {
		return State{}, fmt.Errorf("read a row: %w", err)
	}
	return State{shown.Sequence, shown.State}, nil
}
