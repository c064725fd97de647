package projections

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// The time between two looks at a store. An event is a few milliseconds on its way; one that is not there
// after some looks may take longer.
const (
	waitPause     = 20 * time.Millisecond
	waitPauseMost = 200 * time.Millisecond
)

// Shows reports whether readers of a projection see what a point names, such as the state after a command
// which one has just sent. It looks at the live build; the error may be [ErrNoBuild].
func Shows(ctx context.Context, s LiveReader, p *Projection, at Point) (shows bool, err error) {
	if err := at.in(p); err != nil {
		return false, err
	}
	err = s.LookLive(ctx, p, func(v View) (err error) {
		shows, err = at.shown(ctx, v)
		return err
	})
	return shows, err //nolint:wrapcheck // it says what was looked at
}

// Wait returns when [Shows] is true. It looks again and again until ctx ends; its error wraps that of ctx
// then, and [ErrNoBuild] if no build is live yet.
func Wait(ctx context.Context, s LiveReader, p *Projection, at Point) error {
	var last error // before ctx ended
	for pause := waitPause; ; pause = min(2*pause, waitPauseMost) {
		shows, err := Shows(ctx, s, p, at)
		if ctx.Err() == nil {
			last = err
		}
		if shows || last != nil && !errors.Is(last, ErrNoBuild) {
			return last
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s in %s: %w", at, p.Name, errors.Join(context.Cause(ctx), last))
		case <-time.After(pause):
		}
	}
}
