package load

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestPaceKeepsItsSchedule(t *testing.T) {
	p := newPace(100, 0)
	start := time.Unix(1000, 0)
	for i := range 5 {
		// Asked late or early: what is due is due.
		due, err := p.take(start.Add(time.Duration(i) * 3 * time.Millisecond))
		if want := start.Add(time.Duration(i) * 10 * time.Millisecond); err != nil || !due.Equal(want) {
			t.Errorf("command %d is due at %v, %v; want %v", i, due, err, want)
		}
	}
	late := start.Add(30 * time.Second)
	if due, _ := p.take(late); !due.Equal(start.Add(50 * time.Millisecond)) {
		t.Errorf("due at %v: what the system owes is forgotten", due)
	}
	asleep := start.Add(time.Hour)
	if due, _ := p.take(asleep); !due.Equal(asleep) {
		t.Errorf("due at %v: an hour is made up for", due)
	}
}

func TestPaceEnds(t *testing.T) {
	p := newPace(0, 2)
	for range 2 {
		if _, err := p.wait(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if _, err := p.wait(t.Context()); !errors.Is(err, errEnough) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newPace(.001, 0).wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestLatenciesAreNearlyExact(t *testing.T) {
	var l latencies
	if l.quantile(.5) != 0 {
		t.Error("none, yet a quantile")
	}
	for i := range 1000 {
		l.add(time.Duration(i+1) * time.Millisecond)
	}
	for _, want := range []struct {
		share float64
		d     time.Duration
	}{{.5, 500 * time.Millisecond}, {.99, 990 * time.Millisecond}, {1, time.Second}} {
		if got := l.quantile(want.share); got < want.d || got > want.d*107/100 {
			t.Errorf("%g: %v, want %v", want.share, got, want.d)
		}
	}
	l.add(1000 * time.Hour) // beyond the last class
	l.add(-time.Second)
	if l.quantile(1) < time.Hour {
		t.Errorf("the longest is %v", l.quantile(1))
	}
	for i := 1; i < classes; i++ {
		if class(uint64(classEnd(i).Microseconds())) != i || classEnd(i) <= classEnd(i-1) {
			t.Fatalf("class %d ends at %v", i, classEnd(i))
		}
	}
}
