//go:build system

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"refold/system/chaos/schedule"
	"refold/system/realkafka"
)

// starts is how often a broker is started before that is given up: on a busy machine it may take
// longer than it is given.
const starts = 3

// ofBroker lets something happen to a broker, and returns when it is back.
func (p *performance) ofBroker(ctx context.Context, f schedule.Fault) error {
	p.brokers.Lock()
	defer p.brokers.Unlock()
	if err := p.waitWhole(ctx); err != nil {
		return err
	}
	if !p.inTime(ctx, f) {
		return nil
	}
	node := p.choose(ctx, f)
	p.begins(f)
	p.count("broker-as-" + f.Target)
	p.say("  the %s is broker %d", f.Target, node.ID)
	switch f.Kind {
	case schedule.PauseBroker:
		node.Pause()
		pause(ctx, time.Duration(f.Lasts))
		node.Resume()
		return nil
	case schedule.StopBroker:
		node.Stop()
	default:
		node.Kill()
	}
	pause(ctx, time.Duration(f.Lasts))
	return p.startNode(ctx, node)
}

// startNode starts a broker, and again if it takes too long.
func (s *site) startNode(ctx context.Context, node *realkafka.Node) error {
	var errs []error
	for ctx.Err() == nil && len(errs) < starts {
		err := node.Start(ctx)
		if err == nil {
			return nil
		}
		s.say("  broker %d is started again: %v", node.ID, err)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// waitWhole waits until one more broker may be lost.
func (s *site) waitWhole(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, wholeWithin)
	defer cancel()
	err := until(ctx, func() error {
		for _, node := range s.cluster.Nodes() {
			if err := node.Check(); err != nil {
				return err //nolint:wrapcheck // it shows the log
			}
		}
		return s.admin.Whole(ctx) //nolint:wrapcheck // it names the partition
	})
	if err != nil {
		return fmt.Errorf("the cluster has not all copies in sync: %w", err)
	}
	return nil
}

// choose returns the broker with the role of the fault's target; any, if nobody can tell.
func (p *performance) choose(ctx context.Context, f schedule.Fault) *realkafka.Node {
	nodes := p.cluster.Nodes()
	pick := func(from []string) string { return from[f.Choice%uint64(len(from))] }
	const askWithin = 20 * time.Second
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	id, err := int32(1+f.Choice%uint64(len(nodes))), error(nil)
	var known int32
	switch f.Target {
	case schedule.Leader:
		known, err = p.admin.Leader(ctx, pick([]string{"account-commands", "order-commands"}),
			int32(f.Choice%partitions))
	case schedule.GroupCoordinator:
		known, err = p.admin.GroupCoordinator(ctx, pick(groups))
	case schedule.TransactionCoordinator:
		producer := pick(clients()[1:]) + "-" + pick(groups) + "-0"
		known, err = p.admin.TransactionCoordinator(ctx, producer)
	case schedule.Controller:
		known, err = p.admin.Controller(ctx)
	default:
		return nodes[id-1]
	}
	if err != nil {
		p.say("  who is the %s? %v; any will do", f.Target, err)
		return nodes[id-1]
	}
	return nodes[known-1]
}
