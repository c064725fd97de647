package processors_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"refold/codecs"
	"refold/processors"
)

// guarded is a guard whose records are written as letters: p is poison, everything else is good.
type guarded struct {
	*processors.Guard
	metrics *prometheus.Registry
}

func newGuarded(limits processors.GuardLimits) guarded {
	reg := prometheus.NewRegistry()
	return guarded{processors.NewGuard("counters", limits, processors.NewMetrics(reg),
		slog.New(slog.DiscardHandler)), reg}
}

// handle returns the offset of the first record that is refused, or -1.
func (g guarded) handle(partition int32, records string) (int64, error) {
	for i, r := range records {
		var poison *codecs.Malformed
		if r == 'p' {
			poison = &codecs.Malformed{
				Reason: codecs.ReasonUndecodable, Err: fmt.Errorf("bytes of %d", i),
			}
		}
		if err := g.Handled("counter-commands", partition, int64(i), poison); err != nil {
			return int64(i), err
		}
	}
	return -1, nil
}

func TestGuardHoldsPartitionsOfTooMuchPoison(t *testing.T) {
	limits := processors.GuardLimits{Share: .5, Window: 10, Least: 4}
	good, poison := strings.Repeat("g", 100), strings.Repeat("p", 100)
	for name, test := range map[string]struct {
		limits  processors.GuardLimits
		records string
		held    int64 // at this offset; -1: never
	}{
		"good records":                   {limits, good, -1},
		"too few to say":                 {limits, "ppp", -1},
		"poison from the start":          {limits, poison, 3},
		"just the share":                 {limits, strings.Repeat("gp", 50), -1},
		"more than the share":            {limits, "gpgpp", 4},
		"a good record never is too bad": {limits, "pppg" + good, -1},
		"long after a good time":         {limits, good + poison, 105},
		"what is long ago is forgotten":  {limits, "ggpp" + good + "ppppp" + good, -1},
		"off by a share of 0":            {processors.GuardLimits{Window: 10, Least: 4}, poison, -1},
		"off by a share of 1":            {processors.GuardLimits{Share: 1, Least: 4}, poison, -1},
		"the least that can be":          {processors.GuardLimits{Share: .5}, poison, 0},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGuarded(test.limits)
			offset, _ := g.handle(0, test.records)
			equal(t, "held at", offset, test.held)
			equal(t, "held", g.Held("counter-commands", 0) != nil, test.held >= 0)
			equal(t, "ready", g.Ready() == nil, test.held < 0)
		})
	}
}

// Records of an aborted batch are handled again and say nothing new.
func TestGuardCountsRecordsOnce(t *testing.T) {
	g := newGuarded(processors.GuardLimits{Share: .5, Window: 10, Least: 4})
	for range 10 {
		if offset, err := g.handle(0, "ppp"); err != nil {
			t.Fatalf("held at %d: %v", offset, err)
		}
	}
}

// What is held stays held, says what is wrong and what to do, and is alone: other partitions go on.
func TestGuardSaysWhatItHolds(t *testing.T) {
	g := newGuarded(processors.GuardLimits{Share: .5, Window: 10, Least: 4})
	_, first := g.handle(1, "ggppp")
	_, again := g.handle(1, "gggggggggggggggg")
	if first == nil || !errors.Is(again, first) {
		t.Fatalf("first %v, then %v", first, again)
	}
	if offset, err := g.handle(0, "gggpp"); err != nil {
		t.Fatalf("another partition is held at %d: %v", offset, err)
	}
	ready := fmt.Sprint(g.Ready())
	for _, says := range []string{
		"counter-commands/1", "offset 4", "last 5 records 3 are poison", "(0.5)", "undecodable",
		"bytes of 4", "restart the worker", "docs/runbooks/poison.md",
	} {
		if !strings.Contains(ready, says) {
			t.Errorf("it does not say %q: %s", says, ready)
		}
	}
	must(t, testutil.GatherAndCompare(g.metrics, strings.NewReader(`
# HELP refold_held_partitions Input partitions that are held for too much poison, until a restart, by group.
# TYPE refold_held_partitions gauge
refold_held_partitions{group="counters"} 1
`), "refold_held_partitions"))
}
