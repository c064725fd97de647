package httpapi

import (
	"context"
	"time"

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
