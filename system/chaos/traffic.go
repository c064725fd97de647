//go:build system

package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"refold/system/realkafka"
)

// patience is how long the load waits for an answer: longer than all faults and what follows last,
// so that what has no answer by then has been lost.
func (o *options) patience() time.Duration {
	const less = 20 * time.Second
	return o.answersWithin() - less
}

// traffic is what customers do meanwhile: by HTTP, by the topics, and those who send everything
// twice.
type traffic struct {
	site    *site
	loads   []*realkafka.Process
	records []string // files of what they were told
}

func (s *site) startTraffic() (*traffic, error) {
	t := &traffic{site: s}
	var urls []string
	for _, w := range s.workers {
		urls = append(urls, w.url())
	}
	servers := strings.Join(urls, ",")
	const twiceShare = 5 // one in so many comes twice
	rate := func(r float64) string { return strconv.FormatFloat(r, 'f', 3, 64) }
	for name, args := range map[string][]string{
		"http":  {"--server", servers, "--rate", rate(s.rate)},
		"topic": {"--via", "topic", "--rate", rate(s.rate)},
		"twice": {"--server", servers, "--rate", rate(s.rate / twiceShare), "--twice-share", "1"},
	} {
		const longer = 5 * time.Second // than faults happen
		if err := t.start(name, time.Duration(s.plan.Length)+longer, args); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// startMeanwhile starts a load that sends for a moment, though no worker may handle anything.
func (t *traffic) startMeanwhile() error {
	const moment = 5 * time.Second
	rate := strconv.FormatFloat(t.site.rate, 'f', 3, 64)
	return t.start("meanwhile", moment, []string{"--via", "topic", "--rate", rate})
}

// start starts a load that goes on for some time.
func (t *traffic) start(name string, lasts time.Duration, args []string) error {
	record := filepath.Join(t.site.dir, "told-"+name+".jsonl")
	t.records = append(t.records, record)
	p, err := realkafka.Start(realkafka.Command{
		Name: "load-" + name, Dir: t.site.dir,
		Args: append([]string{
			t.site.program, "load", "--name", name, "--record", record,
			"--seed", strconv.FormatUint(t.site.plan.Seed, 10),
			"--duration", lasts.String(), "--patience", t.site.patience().String(),
			"--accounts", "200", "--order-share", "0.5",
		}, args...),
		Env: t.site.environment(t.site.cluster.Advertised(listener("load")), t.site.registry.URL()),
	})
	if err != nil {
		return err //nolint:wrapcheck // it names the load
	}
	t.loads = append(t.loads, p)
	return nil
}

// end waits until everything that was sent has its answer. That something has none is a problem,
// but no reason to leave out the audit.
func (t *traffic) end(ctx context.Context) error {
	limit := t.site.answersWithin()
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for _, load := range t.loads {
		select {
		case <-load.Exited():
			if err := load.Wait(); err != nil {
				t.site.problem("a load ended with %v: %s", err, load.Tail())
			}
		case <-within.Done():
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return fmt.Errorf("%w: no answers within %v\n%s", errBroken, limit, load.Tail())
		}
	}
	t.site.say("all that was sent has its answer")
	return nil
}
