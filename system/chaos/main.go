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
	"syscall"
	"time"

	"refold/system/chaos/schedule"
)

// How long the parts of a run may take that have no length of their own. They are bounds against a
// run that never ends, on a machine that has other things to do; nothing is measured by them.
const (
	setUpWithin   = 10 * time.Minute // the first run downloads
	answersWithin = 5 * time.Minute  // after everything is healed, for the load
	quietWithin   = 5 * time.Minute
	auditWithin   = 10 * time.Minute
	cleanUpWithin = 2 * time.Minute
)

// Exit statuses.
const (
	exitBroken = 1
	exitNotRun = 2
	exitHangs  = 3
)

// errBroken is a run that showed that something is wrong with the program.
var errBroken = errors.New("the run has failed")

// options are what is asked for.
type options struct {
	minutes  float64
	seed     uint64
	replay   string
	rate     float64
	program  string
	keep     bool
	schedule string
}

func main() {
	var o options
	flag.Float64Var(&o.minutes, "minutes", 10, "how long faults happen")
	flag.Uint64Var(&o.seed, "seed", uint64(time.Now().Unix()), "the same seed is the same schedule")
	flag.StringVar(&o.replay, "replay", "", "file of a schedule to run again, instead of -minutes and -seed")
	flag.StringVar(&o.schedule, "schedule", "", "where to write the schedule (default: the run's folder)")
	flag.Float64Var(&o.rate, "rate", 40, "commands a second by HTTP, and as many by the topics")
	flag.StringVar(&o.program, "program", "bin/processor", "the program")
	flag.BoolVar(&o.keep, "keep", false, "keep the run's folder, with all data, also if all is well")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second Ctrl-C doesn't wait
	switch err := run(ctx, o); {
	case err == nil:
	case errors.Is(err, errBroken):
		fmt.Println("FAILED:", err)
		os.Exit(exitBroken)
	default:
		fmt.Println("chaos:", err)
		os.Exit(exitNotRun)
	}
}

func run(ctx context.Context, o options) (err error) {
	plan := schedule.New(o.seed, time.Duration(o.minutes*float64(time.Minute)))
	if o.replay != "" {
		if plan, err = schedule.Read(o.replay); err != nil {
			return err //nolint:wrapcheck // it names the file
		}
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
	within := setUpWithin + time.Duration(plan.Length) + answersWithin + quietWithin + auditWithin
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
	defer func() { s.cleanUp(err != nil || o.keep) }()
	return s.run(ctx)
}
