package bench

import (
	"context"
	"fmt"
	"time"

	"refold/kafka"
)

// Race is a process that takes what is there when it starts, and says itself how far it is.
type Race struct {
	// Total is how much there is. The first Warm of it are not counted.
	Total, Warm int64
	// Taken returns how much has been taken. It is asked again and again.
	Taken func(context.Context) (int64, error)
	// Beside returns the processor time that others have taken for it, such as a database. May be nil.
	Beside func() time.Duration
}

// Raced is what the process took for what came after the first part.
type Raced struct {
	Counted int64
	Took    time.Duration
	// CPU is the process's, Beside that of the others.
	CPU, Beside time.Duration
	PeakBytes   int64
	// All is the time from the start of the process to the end.
	All time.Duration
}

// look is how often a race is looked at.
const look = 20 * time.Millisecond

// instant is a moment of a race.
type instant struct {
	at          time.Time
	taken       int64
	cpu, beside time.Duration
}

// Race starts a process, waits until it has taken everything, and stops it.
func (b *Bench) Race(ctx context.Context, commandLine []string, r Race) (done Raced, err error) {
	p, err := b.Start(ctx, commandLine)
	if err != nil {
		return done, err
	}
	begin := time.Now()
	var warm, end instant
	for end.taken < r.Total {
		if !kafka.Sleep(ctx, look) {
			err = ctx.Err()
			break
		}
		if end, err = r.instant(ctx, p); err != nil {
			break
		}
		if warm.taken == 0 && end.taken >= max(r.Warm, 1) {
			warm = end
		}
		select {
		case <-p.ended:
			return done, fmt.Errorf("the process ended when it had taken %d of %d: %w", end.taken, r.Total,
				p.err)
		default:
		}
	}
	peak := p.Used().PeakBytes
	if _, stopErr := p.Stop(); err == nil {
		err = stopErr
	}
	if err == nil && warm.taken >= r.Total {
		err = fmt.Errorf("%w: all %d were taken at once", errNothingCounts, r.Total)
	}
	return Raced{
		Counted: end.taken - warm.taken, Took: end.at.Sub(warm.at), CPU: end.cpu - warm.cpu,
		Beside: end.beside - warm.beside, PeakBytes: peak, All: end.at.Sub(begin),
	}, err
}

func (r *Race) instant(ctx context.Context, p *Process) (i instant, err error) {
	if i.taken, err = r.Taken(ctx); err != nil {
		return i, err
	}
	i.at, i.cpu = time.Now(), p.Used().CPU
	if r.Beside != nil {
		i.beside = r.Beside()
	}
	return i, nil
}
