package views

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// waiters lets readers wait, without polling, until a view makes something readable.
type waiters struct {
	limit int // of the waits at the same time
	// How long a wait goes on although the partition is not readable here; 0: not at all.
	patience time.Duration

	mu    sync.Mutex
	count int
	byKey map[waitKey]map[chan struct{}]struct{}
}

// waitKey names what is waited for: what a topic's view has of a subject, or of a command to it. A reader
// that waits for any command of an ID names no subject.
type waitKey struct{ topic, subject, command string }

func newWaiters(limit int, patience time.Duration) *waiters {
	return &waiters{limit: limit, patience: patience, byKey: make(map[waitKey]map[chan struct{}]struct{})}
}

// wait returns nil as soon as ready says true, ready's error if it has one, ErrNotYet when ctx ends
// first, and ErrTooManyWaiters at once if the limit is reached. ready is called once, and again after
// each change of one of the keys. In Owned placement a partition is away between two sessions, and often
// comes back at once: a wait goes on then until its patience ends.
//
// No change is missed: a waiter is registered before it looks. Either the change came before the
// look, and ready sees it; or it came after it, hence after the registration, and is signalled.
func (w *waiters) wait(ctx context.Context, ready func() (bool, error), keys ...waitKey) error {
	signal := make(chan struct{}, 1) // several changes are one reason to look again
	if !w.add(signal, keys) {
		return ErrTooManyWaiters
	}
	defer w.remove(signal, keys)
	patience := time.NewTimer(w.patience)
	patience.Stop() // until the partition is away
	defer patience.Stop()
	for here, last := true, false; ; {
		ok, err := ready()
		if !away(err) || last || w.patience == 0 {
			if ok || err != nil {
				return err
			}
			here = true
		} else if here {
			here = false
			patience.Reset(w.patience)
		}
		select {
		case <-signal:
		case <-patience.C:
			last = !here
		case <-ctx.Done():
			if err != nil {
				return err
			}
			return fmt.Errorf("%w: %w", ErrNotYet, context.Cause(ctx))
		}
	}
}

// away reports whether an error says that a partition can't be read here now.
func away(err error) bool {
	var restored notReady
	return errors.Is(err, ErrNotHere) || errors.As(err, &restored)
}

// changed wakes the readers that wait for the key, or for any command of its ID.
func (w *waiters) changed(key waitKey) {
	w.mu.Lock()
	defer w.mu.Unlock()
	wake(w.byKey[key])
	if key.command != "" {
		wake(w.byKey[waitKey{topic: key.topic, command: key.command}])
	}
}

// changedAll wakes all readers: a restore does not say what it has changed.
func (w *waiters) changedAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, signals := range w.byKey {
		wake(signals)
	}
}

func wake(signals map[chan struct{}]struct{}) {
	for signal := range signals {
		select {
		case signal <- struct{}{}:
		default: // it has been told and has not looked yet
		}
	}
}

func (w *waiters) add(signal chan struct{}, keys []waitKey) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.count >= w.limit {
		return false
	}
	w.count++
	for _, key := range keys {
		if w.byKey[key] == nil {
			w.byKey[key] = make(map[chan struct{}]struct{}, 1)
		}
		w.byKey[key][signal] = struct{}{}
	}
	return true
}

func (w *waiters) remove(signal chan struct{}, keys []waitKey) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count--
	for _, key := range keys {
		delete(w.byKey[key], signal)
		if len(w.byKey[key]) == 0 {
			delete(w.byKey, key)
		}
	}
}

// waiting returns how many wait now.
func (w *waiters) waiting() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.count
}
