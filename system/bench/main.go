//go:build system

// Command bench compares Refold with its peers on a real Kafka, by turns, and writes what it measures as
// JSON:
//
//	make bench                              # all scenarios, for hours
//	make bench ONLY=cpu,latency ROUNDS=3    # some; the file keeps the others
//	make bench-quick                        # the main ratios, compared with bench/baseline.json
//	make bench-report                       # docs/BENCHMARKS.md and README.md from the JSON
//
// A measurement that fails is noted with its error, and the others go on. docs/BENCHMARKS.md says how each
// scenario measures. An interrupt ends it; the file has what was measured until then.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// options are what is asked for.
type options struct {
	only, subjects string
	rounds         int
	scale          float64
	timeout        time.Duration // of a measurement
	out, note      string
	program        string
	quick          bool
	baseline       string
	setBaseline    bool
	render, keep   bool
}

func main() {
	var o options
	flag.StringVar(&o.only, "only", "", "scenarios, separated by commas; default: all")
	flag.StringVar(&o.subjects, "subjects", "", "subjects, separated by commas; default: all of a scenario")
	flag.IntVar(&o.rounds, "rounds", 5, "how often everything is measured, by turns")
	flag.Float64Var(&o.scale, "scale", 1, "the share of commands, keys, rows and time of a full run")
	flag.DurationVar(&o.timeout, "timeout", 40*time.Minute, "of one measurement")
	flag.StringVar(&o.out, "out", "bench/results/latest.json",
		"where results go, beside those of other scenarios")
	flag.StringVar(&o.note, "note", "", "what a reader has to know of the run")
	flag.StringVar(&o.program, "program", "bin/processor", "Refold's program")
	flag.BoolVar(&o.quick, "quick", false, "the main ratios only, compared with the baseline")
	flag.StringVar(&o.baseline, "baseline", "bench/baseline.json", "the ratios to compare with")
	flag.BoolVar(&o.setBaseline, "set-baseline", false,
		"with -quick: write the baseline instead of comparing")
	flag.BoolVar(&o.render, "report", false, "measure nothing; render what -out has")
	flag.BoolVar(&o.keep, "keep", false, "keep the logs, and say where they are")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if o.render {
		return render(o.out)
	}
	if o.rounds < 1 || o.scale <= 0 || o.scale > 1 {
		return errors.New("-rounds must be at least 1, and -scale more than 0 and at most 1")
	}
	if o.quick {
		o = o.forQuick()
	}
	plan, err := o.plan()
	if err != nil {
		return err
	}
	l, err := newLab(ctx, o, plan)
	if err != nil {
		return err
	}
	defer l.close()
	if err := l.measure(ctx, plan); err != nil {
		return err
	}
	if o.quick {
		return l.compare(ctx, plan)
	}
	return render(o.out)
}
