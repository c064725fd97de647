package projections

import (
	"context"
	"fmt"
	"slices"
	"time"

	"refold/processors"
)

// waitPause is the time between two looks at a store. An event is a few milliseconds on its way.
const waitPause = 20 * time.Millisecond

// Wait returns when readers of a projection see a state at least as new as a position, such as that of a
// command which one has just sent. It looks at the live build, again and again, until ctx ends; its error is
// that of ctx then. While no build is live, it waits, too.
func Wait(ctx context.Context, s Store, p *Projection, at Position) error {
	takes := func(a processors.AggregateDefinition) bool { return a.Named().Name == at.Aggregate }
	if !slices.ContainsFunc(p.Reads(), takes) {
		return fmt.Errorf("projection %s takes no events of the aggregate %q", p.Name, at.Aggregate)
	}
	w := waiting{store: s, projection: p}
	for {
		reached, err := w.reached(ctx, at)
		if err != nil || reached {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s in %s: %w", at, p.Name, ctx.Err())
		case <-time.After(waitPause):
		}
	}
}

// waiting remembers the build that was live at the last look.
type waiting struct {
	store      Store
	projection *Projection
	number     int
	build      OpenBuild
}

func (w *waiting) reached(ctx context.Context, at Position) (reached bool, err error) {
	builds, err := w.store.Builds(ctx, w.projection.Name)
	if err != nil {
		return false, err //nolint:wrapcheck // it says which builds
	}
	live := slices.IndexFunc(builds, func(b Build) bool { return b.Status == Live })
	if live < 0 {
		return false, nil
	}
	if number := builds[live].Number; w.build == nil || w.number != number {
		if w.build, err = w.store.Open(ctx, w.projection, number); err != nil {
			return false, err //nolint:wrapcheck // it says which build
		}
		w.number = number
	}
	err = w.build.Look(ctx, func(v View) error {
		state, err := v.State(ctx, at.Aggregate, at.Subject)
		reached = state != nil && state.Sequence >= at.Sequence
		return err //nolint:wrapcheck // the caller says what was looked at
	})
	return reached, err //nolint:wrapcheck // it says which build
}
