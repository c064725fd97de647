package httpapi

import (
	"context"
	"errors"
	"net/http"

	"refold/client/wire"
	"refold/views"
	"refold/views/httpapi/problem"
)

// meet holds an If-Match against the aggregate and returns the sequence that the command is to expect,
// nil if any will do. The aggregate itself compares that, when it decides; the state's digest is compared
// here, with this server's copy. The error is a 412 if what is expected is not so, or a 503 if the copy
// can't say.
//
// If the copy is already behind all that is expected, the aggregate is left to say so: it may know the
// command, which then has been there before, and has an outcome.
func (s *Server) meet(ctx context.Context, r *Resource, id string, e expectation) (*int64, error) {
	if !e.given {
		return nil, nil //nolint:nilnil // no header, no expectation: that is no error
	}
	if sequence, is := e.alone(); is {
		return &sequence, nil
	}
	if !e.exist && len(e.tags) == 0 {
		return nil, unmet(r, id, "If-Match has no strong tag of this service")
	}
	least, greatest := e.span()
	row, err := s.rowAt(ctx, r, id, least)
	if err != nil {
		return nil, err
	}
	if e.exist && row.Sequence > 0 {
		return nil, nil //nolint:nilnil // what exists does not cease to
	}
	now := tagOf(row.Sequence, encoded(rowOf(row)))
	for _, tag := range e.tags {
		if tag == now || tag.digest == "" && tag.sequence == now.sequence {
			return &tag.sequence, nil
		}
	}
	switch {
	case e.exist:
		return nil, unmet(r, id, "it is not there")
	case greatest > row.Sequence:
		return nil, problem.New(http.StatusServiceUnavailable, wire.CodeNotYet,
			"If-Match names sequence %d of the %s %q, this server has seen %d so far; nothing was sent, "+
				"try again", greatest, r.Name, id, row.Sequence).Retry()
	case greatest < row.Sequence:
		return &greatest, nil
	}
	return nil, unmet(r, id, "its state is another one than If-Match names, though no event was added")
}

// rowAt reads a row, waiting a moment for one that is not at the sequence yet. One that doesn't come is
// returned as it is; none at all is at sequence 0.
func (s *Server) rowAt(ctx context.Context, r *Resource, id string, atLeast int64) (
	row views.Row, err error,
) {
	if atLeast == 0 {
		row, err = r.Rows.Get(id)
	} else {
		var cancel context.CancelFunc
		ctx, cancel = s.endpoints.Waiting(ctx, s.limits.UnknownWait)
		defer cancel()
		row, err = r.Rows.WaitFor(ctx, id, atLeast)
	}
	late := errors.Is(err, views.ErrNotYet) && !errors.Is(err, problem.ErrStopping)
	if late || errors.Is(err, views.ErrNotFound) {
		err = nil // the caller sees by the sequence that it is too old
	}
	return row, err
}

// unmet says that an If-Match is not met. It is no rejection: nothing was sent.
func unmet(r *Resource, id, why string) *problem.Problem {
	return problem.New(http.StatusPreconditionFailed, wire.CodeUnmet,
		"the %s %q is not as this request expects: %s; nothing was sent", r.Name, id, why)
}
