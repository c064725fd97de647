//go:build system

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"refold/system/chaos/schedule"
)

// How long the parts of a run may take that have no length of their own. They are bounds against a
// run that never ends, on a machine that has other things to do; nothing is measured by them.
const (
	setUpWithin   = 10 * time.Minute // the first run downloads
	healsWithin   = 5 * time.Minute
	auditWithin   = 10 * time.Minute
	cleanUpWithin = 2 * time.Minute
	// breachWithin is what is left for a program to heal that is known not to.
	breachWithin = 45 * time.Second
)

// Exit statuses.
const (
	exitBroken = 1
	exitNotRun = 2
	exitHangs  = 3
)

// errBroken is a run that showed that something is wrong with the program, and errBreach one in which
// the audit did.
var (
	errBroken = errors.New("the run has failed")
	errBreach = fmt.Errorf("%w: the audit has found breaches", errBroken)
)

// options are what is asked for.
type options struct {
	minutes  float64
	seed     uint64
	replay   string
	rate     float64
	program  string
	keep     bool
	schedule string
	only     string
	breach   bool
}

func main() {
	var o options
	flag.Float64Var(&o.minutes, "minutes", 10, "how long faults happen")
	flag.Uint64Var(&o.seed, "seed", uint64(time.Now().Unix()), "the same seed is the same schedule")
	flag.StringVar(&o.replay, "replay", "", "file of a schedule to run again, instead of -minutes and -seed")
	flag.StringVar(&o.schedule, "schedule", "", "where to write the schedule (default: the run's folder)")
	flag.Float64Var(&o.rate, "rate", 40, "commands a second by HTTP, and as many by the topics")
	flag.StringVar(&o.program, "program", "bin/processor", "the program")
	flag.StringVar(&o.only, "only", "", "kinds of workers' faults, with commas in between; no others happen")
	flag.BoolVar(&o.breach, "expect-breach", false,
		"the program is known to be broken: it is a failure if the audit finds nothing")
	flag.BoolVar(&o.keep, "keep", false, "keep the run's folder, with all data, also if all is well")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second Ctrl-C doesn't wait
	switch err := run(ctx, o); {
	case o.breach && errors.Is(err, errBreach):
		fmt.Println("as expected:", err)
	case o.breach && err == nil:
		fmt.Println("FAILED: the program is broken, and nothing was found")
		os.Exit(exitBroken)
	case err == nil:
	case errors.Is(err, errBroken):
		fmt.Println("FAILED:", err)
		os.Exit(exitBroken)
	default:
		fmt.Println("chaos:", err)
		os.Exit(exitNotRun)
	}
}

// answersWithin is how long the load may wait for its answers, and quietWithin how long it may take
// until nothing moves any more, after everything is healed.
func (o *options) answersWithin() time.Duration {
	if o.breach {
		return breachWithin
	}
	return healsWithin
}

func (o *options) quietWithin() time.Duration { return o.answersWithin() }

// plan is the schedule that is asked for.
func (o *options) plan() (schedule.Schedule, error) {
	length := time.Duration(o.minutes * float64(time.Minute))
	switch {
	case o.replay != "":
		return schedule.Read(o.replay) //nolint:wrapcheck // it names the file
	case o.only != "":
		var kinds []schedule.Kind
		for _, kind := range strings.Split(o.only, ",") {
			kinds = append(kinds, schedule.Kind(kind))
		}
		return schedule.Only(o.seed, length, kinds...) //nolint:wrapcheck // it names the kind
	}
	return schedule.New(o.seed, length), nil
}

func run(ctx context.Context, o options) (err error) {
	plan, err := o.plan()
	if err != nil {
		return err
	}
	if o.program, err = filepath.Abs(o.program); err != nil {
		return fmt.Errorf("looking for the program: %w", err)
	}
	dir, err := os.MkdirTemp("", "refold-chaos-")
	if err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	if o.schedule == "" {
		o.schedule = filepath.Join(dir, "schedule.json")
	}
	if err := plan.Write(o.schedule); err != nil {
		return err //nolint:wrapcheck // it names the file
	}
	fmt.Printf("seed %d: %d faults in %v; the schedule is in %s\n", plan.Seed, len(plan.Faults),
		plan.Length, o.schedule)
	within := setUpWithin + time.Duration(plan.Length) + 2*healsWithin + auditWithin
	ctx, cancel := context.WithTimeoutCause(ctx, within,
		fmt.Errorf("%w: not done within %v", errBroken, within))
	defer cancel()
	s := &site{options: o, dir: dir, plan: plan, begun: time.Now(), counts: make(map[string]int)}
	// Should even the clean-up hang, children die with this process.
	watchdog := time.AfterFunc(within+cleanUpWithin, func() {
		fmt.Println("chaos: it hangs, and is ended; its folder is", dir)
		s.unmount()
		os.Exit(exitHangs)
	})
	defer watchdog.Stop()
	defer func() {
		expected := o.breach && errors.Is(err, errBreach)
		s.cleanUp(o.keep || err != nil && !expected)
	}()
	return s.run(ctx)
}
