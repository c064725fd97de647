//go:build system

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"refold/system/chaos/readers"
)

const (
	// readingClients read through each worker, each of them readEvery on average.
	readingClients = 6
	readEvery      = 100 * time.Millisecond
	// aimed is how many reads of each client wait for a worker that was held still.
	aimed = 16
)

// startReaders lets clients read through all workers, and writes what they find wrong into a file.
func (s *site) startReaders() error {
	file, err := os.Create(filepath.Join(s.dir, "readers.jsonl"))
	if err != nil {
		return fmt.Errorf("making a record of reads: %w", err)
	}
	var pods []string
	for _, w := range s.workers {
		pods = append(pods, w.url())
	}
	s.readers = readers.Start(readers.Options{
		Pods: pods, Kinds: []string{"accounts", "orders"}, Clients: readingClients, Pause: readEvery,
		Seed: s.plan.Seed, Record: file, Report: func(f readers.Finding) {
			s.say("READ: %s: %s%s (sent %.1f s ago): %s", f.Fault, f.Pod, f.Path,
				time.Since(f.Sent).Seconds(), f.Why)
		},
	})
	return nil
}

// waitAnswered waits until all workers answer reads again, of all partitions.
func (s *site) waitAnswered(ctx context.Context) error {
	limit := s.quietWithin()
	ctx, cancel := context.WithTimeoutCause(ctx, limit,
		fmt.Errorf("%w: not all workers answer reads within %v", errBroken, limit))
	defer cancel()
	if err := s.readers.WaitAnswered(ctx); err != nil {
		return err //nolint:wrapcheck // it names the worker
	}
	s.say("all workers answer reads of all partitions")
	return nil
}

// compare ends the readers, and has all workers show everything: the same, byte for byte.
func (s *site) compare(ctx context.Context) error {
	s.readers.Stop()
	limit := s.quietWithin()
	ctx, cancel := context.WithTimeoutCause(ctx, limit,
		fmt.Errorf("%w: the workers' answers are not compared within %v", errBroken, limit))
	defer cancel()
	aggregates, err := s.readers.Compare(ctx)
	if err != nil {
		return err //nolint:wrapcheck // it names the worker
	}
	tally := s.readers.Tally()
	s.say("all workers have shown %d aggregates: %s; refused: %v", aggregates, tally, s.readers.Refusals())
	if tally.Answered == 0 {
		s.problem("no read was answered")
	}
	if tally.Undocumented > 0 {
		s.problem("%d reads were answered in ways that the API does not describe", tally.Undocumented)
	}
	return nil
}
