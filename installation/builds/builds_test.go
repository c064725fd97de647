package builds_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"refold/installation/builds"
	"refold/projections"
)

// failing is a store whose builds can't be opened.
type failing struct {
	projections.Store
	err error
}

func (f failing) Open(context.Context, *projections.Projection, int) (projections.OpenBuild, error) {
	return nil, f.err
}

// A build that is made or dropped while builds are listed is shown without its progress. A store that is away
// is an error.
func TestShownBuilds(t *testing.T) {
	errAway := errors.New("the store is away")
	for name, c := range map[string]struct{ is, want error }{
		"the build is made or dropped": {fmt.Errorf("open: %w", projections.ErrNoBuild), nil},
		"the store is away":            {errAway, errAway},
	} {
		t.Run(name, func(t *testing.T) {
			days := projections.Projection{Name: "days", Version: 1}
			s := builds.Stored{Projection: days, Store: failing{err: c.is}}
			shown, err := s.Shown(t.Context(), projections.Build{Number: 3, Version: 1})
			if !errors.Is(err, c.want) || c.want == nil && (err != nil || shown.Number != 3) {
				t.Errorf("build %d is shown, and the error is %v; want %v", shown.Number, err, c.want)
			}
		})
	}
}
