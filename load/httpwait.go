package load

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
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
	var row struct {
		Sequence int64           `json:"sequence"`
		State    json.RawMessage `json:"state"`
		Code     string          `json:"code"`
		Detail   string          `json:"detail"`
	}
	path := "/" + s.Plural + "/" + url.PathEscape(s.ID) + "?atLeast=" + strconv.FormatInt(atLeast, 10)
	status, err := h.do(ctx, http.MethodGet, path, nil, func(header http.Header) {
		header.Set("Prefer", "wait="+strconv.Itoa(waitSeconds))
	}, &row)
	switch {
	case err != nil:
		return State{}, err
	case status != http.StatusOK:
		return State{}, fmt.Errorf("HTTP %d: %s: %s", status, row.Code, row.Detail)
	}
	return State{row.Sequence, row.State}, nil
}
