//go:build system

package main

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"refold/system/chaos/schedule"
)

// When the time is over, or the run was interrupted, faults that waited are left out, and the
// performance ends.
func TestLeftOut(t *testing.T) {
	s := &site{
		counts: map[string]int{}, begun: time.Now().Add(-time.Hour),
		plan: schedule.Schedule{Length: schedule.Duration(time.Minute), Faults: []schedule.Fault{
			{Kind: schedule.RollWorkers},
			{Kind: schedule.KillWorker, Target: "worker-1"},
		}},
	}
	s.workers = []*worker{{site: s, name: "worker-1"}}
	if err := s.perform(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.counts["left-out"] != 2 || len(s.counts) != 1 {
		t.Errorf("what happened: %v", s.counts)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.begun = time.Now()
	if err := s.perform(ctx); err == nil {
		t.Error("an interrupted run has no error")
	}
	if len(s.counts) != 1 {
		t.Errorf("what happened after the interrupt: %v", s.counts)
	}
}

// The program's path must exist before anything is started.
func TestNotBuilt(t *testing.T) {
	s := &site{options: options{program: filepath.Join(t.TempDir(), "processor")}}
	if err := s.setUp(t.Context()); err == nil {
		t.Error("a program that isn't there was started")
	}
}
