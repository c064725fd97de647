package views

import (
	"context"
	"errors"
	"testing"
)

// Readers are let in when the last partition is there, whatever Goka calls the view meanwhile, and
// not again before one that was closed is back (G10).
func TestReadersWaitForTheLastPartition(t *testing.T) {
	l := &live{topic: "rows-table", waiters: newWaiters(1, 0)}
	l.setCount(2)
	attach := func(partition int32) { l.attach(partition, &part{}) }
	for i, step := range []struct {
		do       func()
		readable bool
	}{
		{func() {}, false},
		{func() { attach(1) }, false},
		{func() { attach(0) }, true},
		{func() { l.detach(1) }, false},
		{func() { attach(1) }, true},
		{func() { l.setSession(nil) }, false},
		{func() { attach(0) }, false},
	} {
		step.do()
		err := l.read(func([]follower) error { return nil })
		if (err == nil) != step.readable || err != nil && !errors.Is(err, ErrNotReady) {
			t.Errorf("step %d: %v", i, err)
		}
	}
}

// swapping is a follower whose rebuilding brings the row at sequence 2 along.
type swapping struct {
	follower

	rows chan []byte
}

func (s *swapping) Get(string) ([]byte, error) {
	row := <-s.rows
	s.rows <- row
	return row, nil
}

func (*swapping) GetOffset(int64) (int64, error) { return 1, nil }

func (s *swapping) Rebuild(_ context.Context, exclusive func(swap func() error) error) error {
	return exclusive(func() error {
		<-s.rows
		s.rows <- []byte("2")
		return nil
	})
}

// G10: who waits for what a swapped store brings along is woken: the tail passes over it.
func TestSwapWakesWaiters(t *testing.T) {
	part := &swapping{rows: make(chan []byte, 1)}
	part.rows <- []byte("1")
	l := &live{topic: "rows-table", waiters: newWaiters(1, 0), count: 1}
	l.attach(0, part)
	looked, done := make(chan struct{}, 2), make(chan error, 1)
	go func() {
		done <- l.waiters.wait(t.Context(), func() (bool, error) {
			value, _, err := l.get("k")
			looked <- struct{}{}
			return string(value) == "2", err
		}, waitKey{topic: l.topic, subject: "k"})
	}()
	<-looked
	if err := l.rebuild(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
