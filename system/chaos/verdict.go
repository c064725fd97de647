//go:build system

package main

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"refold/audit"
	"refold/system/chaos/schedule"
)

// groups are the program's consumer groups.
var groups = []string{"accounts", "orders", "order-payments"}

// inputs are the topics that are read, each by one group.
var inputs = map[string]string{
	"account-commands": "accounts", "order-commands": "orders",
	"order-events": "order-payments", "account-results": "order-payments",
}

// ringSize is how many commands a row remembers, as the program is configured. Through a minute of faults a
// busy account gets dozens more, while clients send theirs again: workers remember those for a time
// (docs/idempotency.md). Without that, the audit finds commands that were decided twice.
const ringSize = 16

// waitQuiet waits until nothing is under way: all workers are ready, all groups have come to the
// ends of all their inputs, and the ends have not moved while they were asked for.
func (s *site) waitQuiet(ctx context.Context) error {
	limit := s.quietWithin()
	ctx, cancel := context.WithTimeoutCause(ctx, limit,
		fmt.Errorf("%w: it is not quiet within %v", errBroken, limit))
	defer cancel()
	if err := s.waitWhole(ctx); err != nil {
		return err
	}
	for _, w := range s.workers {
		if err := w.waitReady(ctx, limit); err != nil {
			return fmt.Errorf("%w: %w", errBroken, err)
		}
	}
	last := map[string]map[int32]int64{}
	err := until(ctx, func() error {
		now, err := s.ends(ctx)
		if err != nil {
			return err
		}
		before := last
		last = now
		if !maps.EqualFunc(before, now, maps.Equal[map[int32]int64, map[int32]int64]) {
			return fmt.Errorf("the topics still grow: %v", now)
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.say("everything is quiet")
	return nil
}

// ends returns the ends of all inputs, if the groups have come there.
func (s *site) ends(ctx context.Context) (map[string]map[int32]int64, error) {
	now := map[string]map[int32]int64{}
	for topic, group := range inputs {
		committed, ends, err := audit.Offsets(ctx, s.cluster.Addresses(), group, topic)
		if err != nil {
			return nil, err //nolint:wrapcheck // it says what it was doing
		}
		if !maps.Equal(committed, ends) {
			return nil, fmt.Errorf("%s: the group %s is at %v of %v", topic, group, committed, ends)
		}
		now[topic] = ends
	}
	return now, nil
}

// sampled is of how many aggregates of a kind each worker is asked for the history.
const sampled = 2_000

// verdict is the audit's: everything that can be read, against everything that was promised and
// told. It reads with workers running, for their views, again when a topic was made again, and with workers
// stopped, for their local stores.
func (s *site) verdict(ctx context.Context, t *traffic) error {
	ctx, cancel := context.WithTimeout(ctx, auditWithin)
	defer cancel()
	o := s.auditOptions()
	o.Told = t.records
	var stores []string
	for _, w := range s.workers {
		o.Workers = append(o.Workers, w.url())
		stores = append(stores, w.disk.stores())
	}
	running, err := s.audit(ctx, o)
	if err != nil {
		return err
	}
	whole := running.Whole() && s.readers.Tally().Whole() && s.watcher.found == 0
	if s.breach && !whole {
		return errBreach
	}
	if s.plan.Remade.Target != "" {
		if err := s.remake(ctx, s.plan.Remade, t); err != nil {
			return err
		}
		o.Told = t.records
		again, err := s.audit(ctx, o)
		if err != nil {
			return err
		}
		whole = whole && again.Whole()
	}
	if err := s.grow(ctx, s.plan.Last); err != nil {
		return err
	}
	if err := s.stopWorkers(); err != nil {
		return err
	}
	o.Workers, o.Stores = nil, stores
	stopped, err := s.audit(ctx, o)
	switch {
	case err != nil:
		return err
	case !whole || !stopped.Whole():
		return errBreach
	case len(s.problems) > 0:
		return fmt.Errorf("%w: %s", errBroken, strings.Join(s.problems, "; "))
	}
	return nil
}

// auditOptions are those of all audits of a run.
func (s *site) auditOptions() audit.Options {
	return audit.Options{
		Source: audit.Source{
			Brokers: s.cluster.Addresses(), RegistryURL: s.registry.URL(), RingSize: ringSize,
		},
		Kinds:  []audit.Kind{audit.Accounts, audit.Orders},
		Poison: s.poisoner.files(), Sample: sampled,
		ReadModels: readModels, Databases: s.databases(),
	}
}

// stopWorkers stops all workers, so that their stores can be read.
func (s *site) stopWorkers() error {
	for _, w := range s.workers {
		if err := w.stop(); err != nil {
			s.problem("%v", err)
		}
		unopened, err := w.disk.removeUnopened()
		if err != nil {
			return err
		}
		for _, name := range unopened {
			s.say("  %s of %s was changed by a fault and not opened since: removed", name, w.name)
		}
	}
	return nil
}

// noticedWithin is how long workers may take to find that a topic was given more partitions.
const noticedWithin = time.Minute

// grow gives a topic more partitions than those that belong to it, and waits until every worker
// refuses to go on, and says why. What the topics have is as it was, so the verdict is, too.
func (s *site) grow(ctx context.Context, f schedule.Fault) error {
	if f.Target == "" {
		return nil
	}
	s.say("%v", f)
	s.count(string(f.Kind))
	if err := s.admin.Grow(ctx, f.Target); err != nil {
		return err //nolint:wrapcheck // it names the topic
	}
	return s.refuse(ctx, noticedWithin, fmt.Sprintf("%s has %d", f.Target, partitions+1))
}

// audit reads once, and says what it found.
func (s *site) audit(ctx context.Context, o audit.Options) (*audit.Summary, error) {
	summary, err := audit.Run(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("%w: the audit can't read: %w", errBroken, err)
	}
	for _, line := range summary.Lines {
		fmt.Println(line)
	}
	for _, note := range summary.Notes {
		fmt.Println("note:", note)
	}
	fmt.Print(summary.Tally.String())
	fmt.Println(summary, s.readers.Tally())
	return summary, nil
}
