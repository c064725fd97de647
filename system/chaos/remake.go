//go:build system

package main

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"time"

	"refold/system/chaos/schedule"
)

// remadeWithin is how long workers may take to find that a topic is another one.
const remadeWithin = time.Minute

// remade are the topics that may be made again, and what the operator's command makes anew in each.
var remade = map[string]string{"accounts-table": "accounts", "orders-table": "orders"}

// remake deletes a topic below running workers. Every other time somebody makes it again at once, by hand
// and with the settings that it had. All workers must refuse to go on, and say why; commands that come
// meanwhile wait. Then it is done what the runbook for lost topics says, and everything goes on: what is in
// the other topics and was told is as it was.
func (s *site) remake(ctx context.Context, f schedule.Fault, t *traffic) error {
	table, can := remade[f.Target]
	if !can {
		if f.Target == "" {
			return nil
		}
		return fmt.Errorf("what was in %s can't be made anew from the others", f.Target)
	}
	s.say("%v", f)
	s.count(string(f.Kind))
	lose, says := s.admin.Remake, "was made anew"
	if f.Choice%2 == 0 {
		lose, says = s.admin.Delete, "is lost"
	}
	if err := lose(ctx, f.Target); err != nil {
		return err //nolint:wrapcheck // it names the topic
	}
	if err := s.refuse(ctx, remadeWithin, "topic "+f.Target+" "+says); err != nil {
		return err
	}
	if err := t.startMeanwhile(); err != nil {
		return err
	}
	for _, w := range s.workers {
		if err := w.stop(); err != nil {
			s.problem("%v", err)
		}
	}
	for _, args := range [][]string{
		{"topics", "adopt", f.Target, "--note", "chaos"},
		{"topics", "apply"},
		{"reset", table, "--to-zero", "--yes"},
	} {
		cmd := exec.CommandContext(ctx, s.program, args...)
		cmd.Env = s.environment(s.cluster.Addresses(), s.registry.URL())
		printed, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: processor %s: %w\n%s", errBroken, strings.Join(args, " "), err, printed)
		}
		s.say("  processor %s", strings.Join(args, " "))
	}
	for _, w := range s.workers {
		if err := w.start(); err != nil {
			return err
		}
	}
	if err := t.end(ctx); err != nil {
		return err
	}
	if err := s.waitQuiet(ctx); err != nil {
		return err
	}
	return s.waitLevel(ctx)
}

// refuse waits until no worker is ready, and each says so much of why.
func (s *site) refuse(ctx context.Context, within time.Duration, says string) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for _, w := range s.workers {
		err := until(ctx, func() error {
			status, body, err := w.readiness(ctx)
			if err != nil {
				return err
			}
			if status == http.StatusOK || !strings.Contains(body, says) {
				return fmt.Errorf("%s goes on, though %s: %d %s", w.name, says, status, body)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("%w: %w", errBroken, err)
		}
	}
	s.say("  all workers refuse to go on, since %s", says)
	return nil
}
