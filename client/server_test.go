package client

import (
	"errors"
	"testing"
	"time"
)

// A worker that was stopped takes connections and doesn't answer: it is asked by one at a time.
func TestASuspectIsProbed(t *testing.T) {
	s := &server{}
	failed := errors.New("it hangs up")
	now := time.Now()
	for range 2 {
		if !s.free(now) {
			t.Error("a good one isn't free")
		}
	}
	s.noted(failed, false)
	later := time.Now().Add(2 * downFor)
	if s.free(now) || !s.free(later) || s.free(later) {
		t.Error("a suspect isn't left alone, not probed, or probed by two")
	}
	s.noted(failed, false)
	if s.free(now) || !s.free(later.Add(downFor)) {
		t.Error("a suspect that failed again isn't probed again")
	}
	s.noted(failed, true)
	if s.free(now) || !s.free(later.Add(downFor)) {
		t.Error("a suspect that was asked by an impatient one is no suspect any more")
	}
	s.noted(nil, false)
	for range 2 {
		if !s.free(now) {
			t.Error("one that answers isn't free")
		}
	}
}
