package httpapi

import (
	"context"
	"errors"
	"time"

	"refold/views"
	"refold/views/httpapi/problem"
)

// waiting returns a context that ends after the time to wait, or when the server stops.
func (s *Server) waiting(ctx context.Context, wait time.Duration) (
	context.Context, context.CancelFunc,
) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	ctx, stop := context.WithCancelCause(ctx)
	unregister := context.AfterFunc(s.stopping, func() { stop(problem.ErrStopping) })
	return ctx, func() {
		unregister()
		stop(nil)
		cancel()
	}
}

// notInTime reports whether a wait ended because its time was over, not because the server stops.
func notInTime(err error) bool {
	return errors.Is(err, views.ErrNotYet) && !errors.Is(err, problem.ErrStopping)
}
