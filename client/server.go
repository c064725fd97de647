package client

import (
	"sync/atomic"
	"time"
)

// downFor is how long a worker that couldn't be reached is left alone.
const downFor = time.Second

// server is one worker. One that didn't answer is left alone for a while, and then gets one request at a
// time until it answers: a process that was stopped accepts connections, and lets every request wait.
type server struct {
	url       string
	suspect   atomic.Bool
	downUntil atomic.Int64 // Unix ns, while suspect
	probed    atomic.Bool  // a request is there to see, while suspect
}

// free reports whether the worker may get a request.
func (s *server) free(now time.Time) bool {
	return !s.suspect.Load() ||
		s.downUntil.Load() <= now.UnixNano() && s.probed.CompareAndSwap(false, true)
}

// noted takes in how a request went. That its sender has given up says nothing about the worker.
func (s *server) noted(err error, gaveUp bool) {
	if err != nil && !gaveUp {
		s.downUntil.Store(time.Now().Add(downFor).UnixNano())
	}
	if err == nil || !gaveUp {
		s.suspect.Store(err != nil)
	}
	s.probed.Store(false)
}

// next returns a worker that isn't known to be down, if there is one. They take turns.
func (c *Client) next() *server {
	now := time.Now()
	n := uint64(len(c.servers))
	turn := c.turn.Add(1) - 1
	for i := range n {
		if s := c.servers[(turn+i)%n]; s.free(now) {
			return s
		}
	}
	return c.servers[turn%n]
}
