package client

import (
	"context"
	"testing"
	"time"
)

// A worker that was stopped takes connections and doesn't answer: it is asked by one at a time.
func TestASuspectIsProbed(t *testing.T) {
	s := &server{}
	ctx := context.Background()
	now := time.Now()
	for range 2 {
		if !s.free(now) {
			t.Error("a good one isn't free")
		}
	}
	s.failed(ctx)
	later := time.Now().Add(2 * downFor)
	if s.free(now) || !s.free(later) || s.free(later) {
		t.Error("a suspect isn't left alone, not probed, or probed by two")
	}
	s.failed(ctx)
	if s.free(now) || !s.free(later.Add(downFor)) {
		t.Error("a suspect that failed again isn't probed again")
	}
	s.answered()
	for range 2 {
		if !s.free(now) {
			t.Error("one that answers isn't free")
		}
	}
}
