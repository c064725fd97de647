package load

import (
	"context"
	"encoding/json"
	"fmt"

	"refold/client"
)

// Watch does nothing: workers are asked, and nothing is kept.
func (h *HTTP) Watch(Subject) {}

// Forget does nothing.
func (h *HTTP) Forget(Subject) {}

// Wait looks at an aggregate, each time waiting for its next event.
func (h *HTTP) Wait(ctx context.Context, s Subject, until func(State) bool) (State, error) {
	var state State
	for retry := (backoff{}); ; {
		next, err := h.look(ctx, s, state.Sequence+1)
		if err == nil {
			state = next
			if until(state) {
				return state, nil
			}
			retry = backoff{}
			continue
		}
		if retry.wait(ctx) != nil {
			return state, fmt.Errorf("looking at it: %w", err)
		}
	}
}

// look asks for an aggregate that is at a sequence at least.
func (h *HTTP) look(ctx context.Context, s Subject, atLeast int64) (State, error) {
	row, err := h.client.Get(ctx, s.Plural, s.ID, client.Get{AtLeast: atLeast, Wait: waitFor})
	if err != nil {
		return State{}, err //nolint:wrapcheck // the caller says what was being done
	}
	state, err := client.State[json.RawMessage](row)
	return State{row.Sequence, state}, err //nolint:wrapcheck // it names the aggregate
}
