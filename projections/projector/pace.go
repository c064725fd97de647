package projector

import (
	"sync"
	"time"
)

// pace keeps what all builds of a process work together within a share of the time: a worker with six
// projections would otherwise spend six shares on them. A rest also makes batches larger, which cost less for
// each event. Its zero value is ready.
type pace struct {
	mu sync.Mutex
	// until is when what was worked so far is within the share.
	until time.Time
}

// rest returns how long to rest after work that began at a time, for restMost at most.
func (p *pace) rest(began, now time.Time, share float64) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.until.Before(began) {
		p.until = began
	}
	p.until = p.until.Add(time.Duration(float64(now.Sub(began)) / share))
	if most := now.Add(restMost); p.until.After(most) {
		p.until = most
	}
	return p.until.Sub(now)
}
