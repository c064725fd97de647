//go:build system

package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"refold/bench/report"
)

// forQuick are the options of a quick run: the CPU of four subjects, in three rounds of a tenth of a full
// run, and no file but the baseline.
func (o options) forQuick() options {
	o.only = report.CPU
	o.subjects = strings.Join([]string{
		report.Engine, report.Commanded, report.Accounts, report.StreamsAccounts,
	}, ",")
	o.rounds, o.scale, o.out, o.timeout = 3, .1, "", 2*time.Minute
	return o
}

// compare compares the results with the baseline. What looks worse is measured again before it counts: the
// machine may have been busy with something else.
func (l *lab) compare(ctx context.Context, plan []measurement) error {
	if l.setBaseline {
		return report.BaselineOf(l.results).Write(l.baseline) //nolint:wrapcheck // it names the file
	}
	baseline, err := report.ReadBaseline(l.baseline)
	if err != nil {
		return err //nolint:wrapcheck // it names the file
	}
	err = baseline.Check(l.results)
	if err != nil {
		fmt.Printf("%v\nmeasuring again …\n", err)
		if err := l.measure(ctx, plan); err != nil {
			return err
		}
		err = baseline.Check(l.results)
	}
	now := report.BaselineOf(l.results)
	fmt.Printf("\n%-60s %10s %10s\n", "", "baseline", "now")
	for _, name := range slices.Sorted(maps.Keys(now)) {
		fmt.Printf("%-60s %10.2f %10.2f\n", name, baseline[name], now[name])
	}
	return err
}
