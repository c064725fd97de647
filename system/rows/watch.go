package rows

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	lookEvery = 200 * time.Millisecond
	// lookTimeout limits a look: the store may have gone.
	lookTimeout = 10 * time.Second
	// mostBreaches is how many are kept.
	mostBreaches = 20
)

// Look reads a store as its readers do, and notes what it sees. An error says that the store is away, which
// is no breach.
type Look func(ctx context.Context, s *Seen) error

// Seen is what readers of a store have seen.
type Seen struct {
	least    map[string]int64
	breaches []string
}

// NotBelow notes a number that must never be less than it was.
func (s *Seen) NotBelow(what string, n int64) {
	if least, known := s.least[what]; known && n < least {
		s.Breach("%s is %d, and was %d before", what, n, least)
		return
	}
	s.least[what] = n
}

// Breach notes that readers have seen what they must not.
func (s *Seen) Breach(format string, args ...any) {
	if len(s.breaches) < mostBreaches {
		s.breaches = append(s.breaches, fmt.Sprintf(format, args...))
	}
}

// Watch looks at a store all the time.
type Watch struct {
	look Look

	mu    sync.Mutex // held by a look
	seen  Seen
	looks int
	away  error // of the last look that failed
}

// NewWatch returns a watch that has not looked yet.
func NewWatch(look Look) *Watch {
	return &Watch{look: look, seen: Seen{least: make(map[string]int64)}}
}

// Run looks five times a second until ctx ends.
func (w *Watch) Run(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			w.once(ctx)
		}
	}
}

func (w *Watch) once(ctx context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	limited, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	if err := w.look(limited, &w.seen); err != nil {
		w.away = err
		return
	}
	w.looks++
}

// Restored calls restore, by which the store goes back to a backup. Nobody looks meanwhile; what was seen
// before is forgotten.
func (w *Watch) Restored(restore func() error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.seen.least)
	return restore()
}

// Looks returns how many looks have succeeded, and the last error of those that have not.
func (w *Watch) Looks() (succeeded int, away error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.looks, w.away
}

// Breaches returns what readers must not have seen.
func (w *Watch) Breaches() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string{}, w.seen.breaches...)
}
