package refold

import (
	"context"
	"time"

	"golang.org/x/time/rate"
)

// The pace of the background.
const (
	// workAtATime is how long the background works between two rests: shorter than handling a command, so
	// that no command waits long where the CPU is shared.
	workAtATime = 5 * time.Millisecond
	// bursts is how many times a second what the rate allows is done at once.
	bursts = 100
	// stride is how many events or rows are worked on between two looks at the clock.
	stride = 256
)

// pace limits what the background takes from handling commands: to a number of events a second, and to a
// share of its own time. On a busy machine the work takes longer, and so do the rests.
type pace struct {
	limiter *rate.Limiter // nil: no limit
	share   float64
	begun   time.Time     // when the work since the last rest began; zero: now
	worked  time.Duration // since the last rest, before begun
}

func newPace(perSecond int, share float64) *pace {
	p := &pace{share: share}
	if perSecond > 0 {
		p.limiter = rate.NewLimiter(rate.Limit(perSecond), max(perSecond/bursts, 1))
	}
	return p
}

// stride returns how many events may be done after one wait.
func (p *pace) stride() int {
	if p.limiter == nil {
		return stride
	}
	return min(p.limiter.Burst(), stride)
}

// wait returns when n more events may be folded; n is at most stride. The error says that ctx ended.
func (p *pace) wait(ctx context.Context, n int) error {
	if p.limiter != nil && n > 0 {
		p.pause()
		if err := p.limiter.WaitN(ctx, n); err != nil {
			return contextError(ctx, err)
		}
	}
	return p.rest(ctx)
}

// rest pauses if it is time to, and starts the clock of the work.
func (p *pace) rest(ctx context.Context) error {
	p.pause()
	if p.share < 1 && p.worked >= workAtATime {
		rest := time.Duration(float64(p.worked) * (1 - p.share) / p.share)
		p.worked = 0
		if err := sleep(ctx, rest); err != nil {
			return err
		}
	}
	p.begun = time.Now()
	return ctx.Err()
}

// pause stops the clock of the work.
func (p *pace) pause() {
	if !p.begun.IsZero() {
		p.worked += time.Since(p.begun)
	}
	p.begun = time.Time{}
}

// sleep waits for a time, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// contextError returns why ctx ended if it did: a limiter has an error of its own for that, and returns it
// before a deadline has passed.
func contextError(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}
