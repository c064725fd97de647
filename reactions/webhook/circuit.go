package webhook

import (
	"sync"
	"time"
)

// circuit keeps requests from a receiver that is down. It is closed, and all go through; open, and none does;
// or half open, and one does, which decides. A library would not say how long to wait.
type circuit struct {
	most  int
	pause time.Duration

	mu     sync.Mutex
	faults int       // in a row
	until  time.Time // it is open; zero: it is closed
	trying bool      // it is half open, and one is under way
}

// halfOpenPause is how long others wait for the one that decides.
const halfOpenPause = time.Second

func newCircuit(most int, pause time.Duration) *circuit { return &circuit{most: most, pause: pause} }

// ask returns how long to wait before the next question; 0: a request may be made, and its outcome must be
// told.
func (c *circuit) ask(now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.until.IsZero():
		return 0
	case now.Before(c.until):
		return c.until.Sub(now)
	case c.trying:
		return halfOpenPause
	}
	c.trying = true
	return 0
}

// tell notes the outcome of a request: whether it was a fault, and how long the receiver asked to wait.
func (c *circuit) tell(now time.Time, fault bool, wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trying = false
	if !fault {
		c.faults, c.until = 0, time.Time{}
		return
	}
	c.faults++
	if c.faults >= c.most {
		wait = max(wait, c.pause)
	}
	if until := now.Add(wait); wait > 0 && until.After(c.until) {
		c.until = until
	}
}

// abandon notes that a request has no outcome.
func (c *circuit) abandon() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trying = false
}
