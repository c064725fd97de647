//go:build system

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"syscall"
	"time"

	"refold/system/chaos/schedule"
)

const (
	// takenWithin is how much longer a worker is held still until others have taken its partitions over, and
	// movedWithin how long these may handle commands then, so that what the worker knows is old.
	takenWithin = 20 * time.Second
	movedWithin = 3 * time.Second
	// deafFor is how long it hears nothing from the brokers after that.
	deafFor = time.Second
	// lookFor is how long clients look what has moved, and sendFor how long they then send.
	lookFor = 1500 * time.Millisecond
	sendFor = 500 * time.Millisecond
)

// pauseWorker holds a worker still, mostly until others have taken over what it owns. Then it hears nothing
// from the brokers for another moment. Reads are waiting for it when it goes on: it takes them before it can
// hear that its partitions are another's by now.
func (p *performance) pauseWorker(ctx context.Context, f schedule.Fault, w *worker) {
	w.signal(syscall.SIGSTOP)
	pause(ctx, max(time.Duration(f.Lasts)-lookFor-sendFor, 0))
	const of = 3
	deaf := f.Choice/of%of != 0
	if deaf {
		p.waitTaken(ctx, w)
	}
	p.readers.LookAround(w.url())
	pause(ctx, lookFor)
	p.readers.Aim(w.url(), aimed)
	pause(ctx, sendFor)
	if !deaf {
		w.signal(syscall.SIGCONT)
		return
	}
	for _, path := range p.paths[w.name] {
		path.CutAnswers()
	}
	w.signal(syscall.SIGCONT)
	pause(ctx, deafFor)
	for _, path := range p.paths[w.name] {
		path.Heal()
	}
}

// waitTaken waits until some worker knows that all partitions of another one have new owners.
func (p *performance) waitTaken(ctx context.Context, w *worker) {
	within, cancel := context.WithTimeout(ctx, takenWithin)
	defer cancel()
	err := until(within, func() error { return p.taken(within, w) })
	if err != nil { // all the others may be hurt, or the brokers
		p.say("  %s still owns what it had: %v", w.name, err)
		return
	}
	p.count("taken-over-while-paused")
	pause(ctx, movedWithin)
}

// taken reports whether another worker knows new owners for all that a worker had; the error says what it
// still has.
func (s *site) taken(ctx context.Context, w *worker) error {
	var errs []error
	for _, other := range s.workers {
		if other == w {
			continue
		}
		status, body, err := other.call(ctx, http.MethodGet, "/owners", "")
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("%s answers %d %s", other.name, status, body)
		}
		if err == nil {
			err = ownsNothing(body, w.peers.Address())
		}
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// ownsNothing returns nil if each partition has an owner, and none is at the address.
func ownsNothing(owners, address string) error {
	var told struct {
		Aggregates []struct {
			Aggregate  string
			Partitions []struct {
				Partition int32
				Address   string
			}
		}
	}
	if err := json.Unmarshal([]byte(owners), &told); err != nil {
		return fmt.Errorf("reading the owners: %w", err)
	}
	for _, a := range told.Aggregates {
		for _, at := range a.Partitions {
			if at.Address == "" || at.Address == address {
				return fmt.Errorf("the owner of partition %d of the %s is at %q", at.Partition, a.Aggregate,
					at.Address)
			}
		}
	}
	return nil
}
