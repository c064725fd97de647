package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"refold/kafka"
)

// fleet are the processes that share the work; nil in the place of one that is gone.
type fleet []*Process

// running are those that are not gone.
func (f fleet) running() fleet {
	return slices.DeleteFunc(slices.Clone(f), func(p *Process) bool { return p == nil })
}

// startAll starts a process for each command line.
func (b *Bench) startAll(ctx context.Context, commandLines [][]string) (fleet, error) {
	var all fleet
	for _, line := range commandLines {
		p, err := b.Start(ctx, line)
		if err != nil {
			_, stopErr := all.stop()
			return nil, errors.Join(err, stopErr)
		}
		all = append(all, p)
	}
	return all, nil
}

// used is what all have taken so far together.
func (f fleet) used() (sum Usage) {
	for _, p := range f.running() {
		sum = sum.and(p.Used())
	}
	return sum
}

func (u Usage) and(other Usage) Usage {
	return Usage{u.CPU + other.CPU, u.PeakBytes + other.PeakBytes}
}

// stop stops all at the same time.
func (f fleet) stop() (sum Usage, err error) {
	type stopped struct {
		Usage
		err error
	}
	all := make(chan stopped)
	running := f.running()
	for _, p := range running {
		go func() {
			used, err := p.Stop()
			all <- stopped{used, err}
		}()
	}
	for range running {
		one := <-all
		sum, err = sum.and(one.Usage), errors.Join(err, one.err)
	}
	return sum, err
}

// ended returns why a process has ended by itself; nil if all run.
func (f fleet) ended() error {
	for _, p := range f.running() {
		select {
		case <-p.ended:
			return fmt.Errorf("a worker ended by itself: %w", p.err)
		default:
		}
	}
	return nil
}

// A process is at rest when it takes less than restShare of a processor in restLooks looks in a row. It is
// never idle: it polls, and collects garbage now and then.
const (
	restLook   = 250 * time.Millisecond
	restLooks  = 4   // in a row
	restShare  = .15 // of a processor, for each process
	restAtMost = 2 * time.Minute
)

// rest waits until the processes have done all there was to do: behind the last result there may be more,
// such as a read side that catches up. It returns what they had taken when they came to rest.
func (f fleet) rest(ctx context.Context) (Usage, error) {
	last := f.used()
	idle, begun := last, 0
	most := time.Duration(restShare * float64(restLook) * float64(len(f)))
	for until := time.Now().Add(restAtMost); time.Now().Before(until); {
		if !kafka.Sleep(ctx, restLook) {
			return idle, ctx.Err()
		}
		if err := f.ended(); err != nil {
			return idle, err
		}
		now := f.used()
		switch {
		case now.CPU-last.CPU > most:
			idle, begun = now, 0
		case begun+1 == restLooks:
			return Usage{idle.CPU, now.PeakBytes}, nil
		default:
			begun++
		}
		last = now
	}
	return last, fmt.Errorf("the workers were still busy %v after the last result", restAtMost)
}
