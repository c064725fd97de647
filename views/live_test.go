package views

import (
	"errors"
	"testing"
)

// Readers are let in when the last partition is there, whatever Goka calls the view meanwhile, and
// not again before one that was closed is back (G10).
func TestReadersWaitForTheLastPartition(t *testing.T) {
	l := &live{topic: "rows-table", waiters: newWaiters(1)}
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
