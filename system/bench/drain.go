//go:build system

package main

import (
	"context"
	"fmt"
	"strconv"

	"refold/bench"
	"refold/bench/report"
)

// drain is a measurement of commands that are there when the worker starts.
type drain struct {
	commands, warm, partitions int
	like                       pod
	// traffic returns the traffic anew for each measurement: drawn keys are drawn again.
	traffic func() traffic
}

func (d drain) take(ctx context.Context, l *lab, s *subject) (f figures, err error) {
	err = l.within(ctx, s, d.partitions, false, func(b *bench.Bench, p place) error {
		commands, err := s.traffic(l, p, d.traffic())
		if err != nil {
			return err
		}
		workers, _, err := l.pods(ctx, s, p, 1, d.like)
		if err != nil {
			return err
		}
		drained, err := b.Drain(ctx, bench.Load{
			Subject: commands, Commands: d.warm + d.commands, Warm: d.warm, Workers: workers,
		})
		if err != nil {
			return err
		}
		f = figures{
			report.CPUPerMillion: perMillion(drained.Steady),
			report.PerSecond:     float64(drained.Steady.Commands) / drained.Steady.Took.Seconds(),
			report.PeakMiB:       mib(drained.Worker.PeakBytes),
			report.TotalCPU:      drained.Worker.CPU.Seconds() * 1e6 / float64(d.warm+d.commands),
		}
		return nil
	})
	return f, err
}

func perMillion(s bench.Steady) float64 { return s.CPU.Seconds() * 1e6 / float64(s.Commands) }

func mib(bytes int64) float64 { return float64(bytes >> 20) }

// pods returns the command lines of so many pods of a subject, and the base URLs of their HTTP APIs.
func (l *lab) pods(
	ctx context.Context, s *subject, p place, count int, like pod,
) (commandLines [][]string, urls []string, err error) {
	for i := range count {
		like.number = i + 1
		if like.port, err = freePort(ctx); err != nil {
			return nil, nil, err
		}
		commandLines = append(commandLines, s.worker(l, p, like))
		urls = append(urls, "http://127.0.0.1:"+like.port)
	}
	return commandLines, urls, nil
}

// A full drain has this size. Before it counts, a fifth as many commands warm the process up.
const (
	drainCommands   = 3_000_000
	drainKeys       = 10_000
	drainPartitions = 4
	warmShare       = 5
)

// turns are keys that take turns.
func turns(keys int) func() traffic {
	return func() traffic { return traffic{keys: bench.Keys{Count: keys}} }
}

func planCPU(o options) []measurement {
	var all []measurement
	for _, s := range workers() {
		n := o.scaled(drainCommands / s.slow)
		d := drain{n, max(n/warmShare, 1), drainPartitions, pod{}, turns(min(drainKeys, n))}
		all = append(all, measurement{report.CPU, "", s, d.take})
	}
	return all
}

func planKeys(o options) (all []measurement) {
	const commands = 200_000
	for _, keys := range []int{10_000, 100_000, 1_000_000, 10_000_000} {
		for _, drawn := range []struct {
			name string
			of   func(int) bench.Keys
		}{{"uniform", bench.Uniform}, {"Zipf", bench.Zipf}} {
			n := max(o.scaled(keys), 2)
			d := drain{
				commands: o.scaled(commands), warm: n, partitions: drainPartitions,
				traffic: func() traffic { return traffic{keys: drawn.of(n)} },
			}
			of := fmt.Sprintf("%s keys, %s", report.Number(float64(n), 0), drawn.name)
			all = append(all, each(report.KeysGrow, of, d.take, report.Accounts, report.StreamsAccounts)...)
		}
	}
	return all
}

func planPartitions(o options) (all []measurement) {
	n := o.scaled(200_000)
	for _, partitions := range []int{1, 10, 100, 1000} {
		d := drain{n, max(n/warmShare, 1), partitions, pod{}, turns(min(drainKeys, n))}
		all = append(all,
			each(report.Partitions, strconv.Itoa(partitions), d.take,
				report.Accounts, report.StreamsAccounts)...)
	}
	return all
}

func planValues(o options) (all []measurement) {
	const most, bytes = 1_000_000, 400_000_000
	for _, size := range []int{100, 1_000, 10_000, 100_000} {
		n := o.scaled(min(most, bytes/size))
		d := drain{n, max(n/warmShare, 1), drainPartitions, pod{}, func() traffic {
			return traffic{keys: bench.Keys{Count: min(1_000, n)}, more: size}
		}}
		all = append(all, each(report.Values, report.Number(float64(size), 0)+" bytes", d.take,
			report.Franz, report.Engine, report.StreamsCount)...)
	}
	return all
}
