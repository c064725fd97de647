package httpapi

import (
	"errors"

	"refold/views"
	"refold/views/httpapi/problem"
)

// notInTime reports whether a wait ended because its time was over, not because the server stops.
func notInTime(err error) bool {
	return errors.Is(err, views.ErrNotYet) && !errors.Is(err, problem.ErrStopping)
}
