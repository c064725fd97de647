package views

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// Sarama's metrics library has one clock for the whole process, which never stops.
		goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

func TestWaiters(t *testing.T) {
	w := newWaiters(2, 0)
	key := waitKey{topic: "accounts-table", subject: "alice"}
	other := waitKey{topic: "accounts-table", subject: "bob"}
	var sequence atomic.Int64
	looked := make(chan int64, 10)
	done := make(chan error, 1)
	go func() {
		done <- w.wait(t.Context(), func() (bool, error) {
			looked <- sequence.Load()
			return sequence.Load() >= 2, nil
		}, key)
	}()
	<-looked // it is registered
	w.changed(other)
	sequence.Store(1)
	w.changed(key)
	if got := <-looked; got != 1 {
		t.Errorf("woken by something else: it saw %d", got)
	}
	sequence.Store(2)
	w.changedAll()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := w.waiting(); n != 0 || len(w.byKey) != 0 {
		t.Errorf("%d are waiting, keys: %v", n, w.byKey)
	}
}

func TestWaiters_limit(t *testing.T) {
	w := newWaiters(1, 0)
	never := func() (bool, error) { return false, nil }
	ctx, cancel := context.WithCancelCause(t.Context())
	looked := make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- w.wait(ctx, func() (bool, error) { close(looked); return false, nil },
			waitKey{topic: "t", subject: "a"})
	}()
	<-looked
	if err := w.wait(ctx, never, waitKey{topic: "t", subject: "b"}); !errors.Is(err, ErrTooManyWaiters) {
		t.Errorf("the second of one gets %v", err)
	}
	why := errors.New("the server stops")
	cancel(why)
	if err := <-done; !errors.Is(err, ErrNotYet) || !errors.Is(err, why) {
		t.Errorf("the wait ended with %v, want ErrNotYet and the reason", err)
	}
	broken := errors.New("disk")
	err := w.wait(t.Context(), func() (bool, error) { return false, broken })
	if !errors.Is(err, broken) {
		t.Errorf("a fault ends the wait: %v", err)
	}
}

// A wait goes on while the partition is away, until its patience ends: then it tells why.
func TestWaiters_patience(t *testing.T) {
	w := newWaiters(1, time.Minute)
	key := waitKey{topic: "t", subject: "a"}
	states := make(chan error, 3)
	states <- ErrNotHere
	states <- notReady("being restored")
	states <- nil
	looked := make(chan struct{}, 3)
	done := make(chan error, 1)
	go func() {
		done <- w.wait(t.Context(), func() (bool, error) {
			err := <-states
			looked <- struct{}{}
			return err == nil, err
		}, key)
	}()
	for range 2 {
		<-looked
		w.changed(key)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	away := func() (bool, error) { return false, ErrNotHere }
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.wait(ended, away, key); !errors.Is(err, ErrNotHere) {
		t.Errorf("the time to wait ends while the partition is away: %v", err)
	}
	w.patience = time.Millisecond
	if err := w.wait(t.Context(), away, key); !errors.Is(err, ErrNotHere) {
		t.Errorf("the patience ends: %v", err)
	}
}

// Wakes and waits cross at random: none may be missed, or the test hangs.
func TestWaiters_noneIsMissed(t *testing.T) {
	w := newWaiters(100, 0)
	key := waitKey{topic: "t", subject: "a"}
	for range 2000 {
		var ready atomic.Bool
		done := make(chan error, 2)
		for range 2 {
			go func() {
				done <- w.wait(t.Context(), func() (bool, error) { return ready.Load(), nil }, key)
			}()
		}
		ready.Store(true)
		w.changed(key)
		for range 2 {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
	}
}
