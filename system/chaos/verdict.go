//go:build system

package main

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"refold/system/audit"
)

// groups are the program's consumer groups.
var groups = []string{"accounts", "orders", "order-payments"}

// inputs are the topics that are read, each by one group.
var inputs = map[string]string{
	"account-commands": "accounts", "order-commands": "orders",
	"order-events": "order-payments", "account-results": "order-payments",
}

// ringSize is how many commands a row remembers, as the program is configured.
const ringSize = 16

// waitQuiet waits until nothing is under way: all workers are ready, all groups have come to the
// ends of all their inputs, and the ends have not moved while they were asked for.
func (s *site) waitQuiet(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, quietWithin,
		fmt.Errorf("%w: it is not quiet within %v", errBroken, quietWithin))
	defer cancel()
	if err := s.waitWhole(ctx); err != nil {
		return err
	}
	for _, w := range s.workers {
		if err := w.waitReady(ctx, quietWithin); err != nil {
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

// verdict is the audit's: everything that can be read, against everything that was promised and told.
func (s *site) verdict(ctx context.Context, t *traffic) error {
	ctx, cancel := context.WithTimeout(ctx, auditWithin)
	defer cancel()
	shop, err := audit.ReadShop(ctx, audit.Source{
		Brokers: s.cluster.Addresses(), RegistryURL: s.registry.URL(), RingSize: ringSize,
	})
	if err != nil {
		return fmt.Errorf("%w: the audit can't read: %w", errBroken, err)
	}
	breaches := shop.Check()
	answers := 0
	for _, record := range t.records {
		told, err := audit.ReadTold(record)
		if err != nil {
			return err //nolint:wrapcheck // it names the file
		}
		answers += len(told)
		breaches = append(breaches, shop.CheckTold(told)...)
	}
	breaches = append(breaches, s.poisonBreaches(shop)...)
	fmt.Printf("%scommands=%d events=%d aborted=%d told=%d poison=%d breaches=%d\n",
		audit.Report(breaches),
		len(shop.Accounts.Commands)+len(shop.Orders.Commands),
		len(shop.Accounts.Events)+len(shop.Orders.Events),
		shop.Accounts.Aborted+shop.Orders.Aborted, answers, len(s.poisoner.written()), len(breaches))
	switch {
	case len(breaches) > 0:
		return fmt.Errorf("%w: %d breaches", errBroken, len(breaches))
	case len(s.problems) > 0:
		return fmt.Errorf("%w: %s", errBroken, strings.Join(s.problems, "; "))
	}
	return nil
}

// poisonBreaches compares dead letters with the poison that was written (G8): the same, each once.
func (s *site) poisonBreaches(shop *audit.Shop) []audit.Breach {
	left := s.poisoner.written()
	for _, world := range []*audit.World{shop.Accounts, shop.Orders} {
		for _, letter := range world.DeadLetters {
			left[place{letter.Topic, letter.Partition, letter.Offset}]--
		}
	}
	var breaches []audit.Breach
	for at, n := range left {
		switch {
		case n > 0:
			breaches = append(breaches, audit.Breach{
				Promise: "G8", What: fmt.Sprintf("poison at %v is no dead letter", at),
			})
		case n < 0:
			breaches = append(breaches, audit.Breach{
				Promise: "G8", What: fmt.Sprintf("%v is a dead letter %d times too often", at, -n),
			})
		}
	}
	return breaches
}
