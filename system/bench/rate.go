//go:build system

package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"refold/bench"
	"refold/bench/report"
	"refold/kafka"
)

// paced is a measurement of commands that come at a rate.
type paced struct {
	rate, warmRate             float64
	commands, warm, partitions int
	keys, pods                 int
	like                       pod
	// meanwhile disturbs the workers, as bench.Load's. May be nil.
	meanwhile func(ctx context.Context, b *bench.Bench, lines [][]string, running []*bench.Process) error
	figures   func(bench.AtRate) figures
}

func (m paced) take(ctx context.Context, l *lab, s *subject) (f figures, err error) {
	err = l.within(ctx, s, m.partitions, true, func(b *bench.Bench, p place) error {
		commands, err := s.traffic(l, p, traffic{keys: bench.Keys{Count: m.keys}})
		if err != nil {
			return err
		}
		workers, _, err := l.pods(ctx, s, p, m.pods, m.like)
		if err != nil {
			return err
		}
		load := bench.Load{
			Subject: commands, Commands: m.warm + m.commands, Warm: m.warm,
			Rate: m.rate, WarmRate: m.warmRate, Workers: workers,
		}
		if m.meanwhile != nil {
			load.Meanwhile = func(ctx context.Context, running []*bench.Process) error {
				return m.meanwhile(ctx, b, workers, running)
			}
		}
		r, err := b.AtRate(ctx, load)
		if err == nil {
			f = m.figures(r)
		}
		return err
	})
	return f, err
}

// waits are the quantiles.
func waits(latency bench.Latency) figures {
	return figures{
		report.P50: latency.P50, report.P99: latency.P99,
		report.P999: latency.P999, report.Worst: latency.Worst,
	}
}

// What comes before it counts: compilers and caches are warm then.
const (
	warmRate     = 2_000
	warmCommands = 30_000
)

func planRates(o options) (all []measurement) {
	for _, r := range []struct{ rate, seconds int }{{10, 60}, {500, 40}, {5_000, 30}, {20_000, 20}} {
		m := paced{
			rate: float64(r.rate), warmRate: warmRate, commands: max(o.scaled(r.rate*r.seconds), 10),
			warm: o.scaled(warmCommands), partitions: drainPartitions, keys: o.scaled(drainKeys), pods: 1,
			figures: func(r bench.AtRate) figures {
				f := waits(r.Latency)
				f[report.CPUPerMillion] = perMillion(r.Steady)
				f[report.PeakMiB] = mib(r.Worker.PeakBytes)
				return f
			},
		}
		of := report.Number(float64(r.rate), 0) + "/s"
		for _, s := range workers() {
			if s.most == 0 || r.rate <= s.most {
				all = append(all, measurement{report.AtRate, of, s, m.take})
			}
		}
	}
	return all
}

func planPods(o options) (all []measurement) {
	const rate, seconds = 2_000, 40
	for _, pods := range []int{1, 2, 4, 8} {
		m := paced{
			rate: rate, warmRate: warmRate, commands: o.scaled(rate * seconds), warm: o.scaled(warmCommands),
			partitions: 8, keys: o.scaled(drainKeys), pods: pods, like: pod{threads: max(1, 2/pods)},
			figures: func(r bench.AtRate) figures {
				return figures{
					report.CPUPerMillion: perMillion(r.Steady), report.P99: r.Latency.P99,
					report.PeakMiB: mib(r.Worker.PeakBytes),
				}
			},
		}
		all = append(all, each(report.Pods, podsText(pods), m.take,
			report.Commanded, report.Accounts, report.StreamsAccounts)...)
	}
	return all
}

func podsText(n int) string {
	if n == 1 {
		return "1 pod"
	}
	return fmt.Sprintf("%d pods", n)
}

// disturbed is a measurement of two workers, of which something happens to one or both.
func (o options) disturbed(
	seconds int, meanwhile func(context.Context, *bench.Bench, [][]string, []*bench.Process) error,
) paced {
	const rate = 500
	return paced{
		rate: rate, warmRate: 2 * warmRate, commands: rate * seconds, warm: o.scaled(100_000),
		partitions: 8, keys: o.scaled(100_000), pods: 2,
		like:      pod{session: "6000", standby: true, threads: 1},
		meanwhile: meanwhile, figures: byPartition,
	}
}

// byPartition are the longest waits of the worst, the median and the best partition.
func byPartition(r bench.AtRate) figures {
	all := slices.Sorted(maps.Values(r.LongestWaits))
	return figures{
		report.Longest: all[len(all)-1], report.MedianPartition: all[len(all)/2],
		report.BestPartition: all[0],
	}
}

func planTakeOver(o options) []measurement {
	m := o.disturbed(50, func(
		ctx context.Context, _ *bench.Bench, _ [][]string, running []*bench.Process,
	) error {
		if !kafka.Sleep(ctx, 10*time.Second) {
			return ctx.Err()
		}
		err := running[0].Kill()
		running[0] = nil
		return err
	})
	return each(report.TakeOver, "", m.take, report.Accounts, report.StreamsAccounts, report.StreamsLow)
}

func planRolling(o options) []measurement {
	m := o.disturbed(60, func(
		ctx context.Context, b *bench.Bench, lines [][]string, running []*bench.Process,
	) error {
		for i := range running {
			if !kafka.Sleep(ctx, 15*time.Second) {
				return ctx.Err()
			}
			if _, err := running[i].Stop(); err != nil {
				return err
			}
			running[i] = nil
			again, err := b.Start(ctx, lines[i])
			if err != nil {
				return err
			}
			running[i] = again
		}
		return nil
	})
	return each(report.Rolling, "", m.take, report.Accounts, report.StreamsAccounts, report.StreamsLow)
}
