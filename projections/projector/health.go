package projector

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"refold/kafka"
)

// health is what is wrong with a projection in this process, for the log and for readiness.
type health struct {
	name string // of the projection or the build
	log  *kafka.FaultLog

	mu     sync.Mutex
	faults map[string]lasting
}

// lasting is a fault that has not ended.
type lasting struct {
	since time.Time
	err   error
}

func newHealth(name string, log *slog.Logger) *health {
	return &health{name: name, log: kafka.NewFaultLog(log), faults: make(map[string]lasting)}
}

// failed notes that something failed. what names it; there are few such names.
func (h *health) failed(what string, err error) {
	h.log.Failed(slog.LevelWarn, what, err)
	h.mu.Lock()
	defer h.mu.Unlock()
	f := h.faults[what]
	if f.since.IsZero() {
		f.since = time.Now()
	}
	f.err = err
	h.faults[what] = f
}

// ended notes that something succeeded.
func (h *health) ended(what string) {
	h.mu.Lock()
	_, had := h.faults[what]
	delete(h.faults, what)
	h.mu.Unlock()
	if had {
		h.log.Ended(what)
	}
}

// forget ends a fault without a word: what failed is not this process's to do any more.
func (h *health) forget(what string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.faults, what)
}

// lasting returns the faults that have lasted for a time.
func (h *health) lasting(least time.Duration) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var errs []error
	for what, f := range h.faults {
		if age := time.Since(f.since); age >= least {
			errs = append(errs, fmt.Errorf("projection %s: %s, for %s: %w", h.name, what,
				age.Round(time.Second), f.err))
		}
	}
	return errors.Join(errs...)
}

// longest returns how long the oldest fault has lasted, 0 if there is none.
func (h *health) longest() (most time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range h.faults {
		most = max(most, time.Since(f.since))
	}
	return most
}
