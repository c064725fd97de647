package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"refold/codecs"
	"refold/installation"
	"refold/load"
	"refold/logging"
	"refold/processors"
	"refold/program/command"
)

type loadOptions struct {
	servers            []string
	rate, twiceShare   float64
	concurrency        int
	commands           int
	duration, patience time.Duration
	seed               uint64
	via, name, record  string
	json               bool
	plan               load.Plan
}

// What there may be of each, so that a slip of the finger doesn't fill the memory.
const (
	maxConcurrency = 10_000
	maxOpenStories = 10_000 // each is a goroutine, and its plan
)

// Ways of sending.
const (
	viaHTTP  = "http"
	viaTopic = "topic"
)

func (p *program) newLoad() *cobra.Command {
	var o loadOptions
	cmd := &cobra.Command{
		Use:   "load",
		Short: "Send sample traffic to a running system",
		Long: `Send sample traffic to a running system.

` + p.traffic.About() + `

Some commands are sent twice. A command that gets no answer is sent again under the same ID.

With --via topic, load writes the commands to their topics itself, and reads the outcomes from topics. The
configuration says where the cluster and the registry are.

The load ends with --commands, --duration, or the end of the traffic, or when you interrupt it. The same
--seed and --name give the same commands. If the same system gets them again, they change nothing, for as
long as it remembers them. Without --name, every run has its own name.

Exit codes: 0 everything was answered, 1 something failed for good.`,
		Example: `  processor load --commands 1000 --seed 1
  processor load --server http://a:8080,http://b:8080 --rate 500 --duration 10m --record told.jsonl
  processor load --via topic --kafka.brokers localhost:9092 --rate 2000`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			loaded, err := p.Load(cmd, nil)
			if err != nil {
				return err
			}
			return o.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), loaded.Installation)
		},
	}
	o.flags(cmd)
	o.plan = p.traffic.Flags(cmd.Flags())
	p.Options.AddFlags(cmd.Flags())
	return cmd
}

func (o *loadOptions) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVar(&o.servers, "server", []string{"http://localhost:8080"},
		"workers' HTTP APIs; when one is down, the next is asked")
	flags.StringVar(&o.via, "via", viaHTTP, "how commands travel: http or topic")
	flags.Float64Var(&o.rate, "rate", 0, "commands a second; 0: as many as --concurrency allows")
	flags.IntVar(&o.concurrency, "concurrency", 64, "the most commands under way at a time")
	flags.IntVar(&o.commands, "commands", 0, "end after so many commands; 0: no limit")
	flags.DurationVar(&o.duration, "duration", 0, "end after such a time; 0: no limit")
	flags.DurationVar(&o.patience, "patience", 5*time.Minute,
		"how long an answer, or what follows from it, may be missing before that is a failure")
	flags.Float64Var(&o.twiceShare, "twice-share", .04,
		"the share of commands that are sent twice under their ID, 0 to 1")
	flags.Uint64Var(&o.seed, "seed", 1, "the same seed makes the same commands")
	flags.StringVar(&o.name, "name", "", "begins the IDs of all keys (default: a new one)")
	flags.StringVar(&o.record, "record", "",
		"append to this file, as JSON lines, what was told of every command")
	flags.BoolVar(&o.json, "json", false, "print the summary as JSON")
}

// check finds what can't be meant.
func (o *loadOptions) check() error {
	var mistakes []error
	within := func(flag string, is bool, allowed string) {
		if !is {
			mistakes = append(mistakes, fmt.Errorf("--%s: allowed: %s", flag, allowed))
		}
	}
	within("via", o.via == viaHTTP || o.via == viaTopic, viaHTTP+", "+viaTopic)
	within("rate", o.rate >= 0 && o.rate <= 1e6, "0 to 1000000")
	within("concurrency", o.concurrency >= 1 && o.concurrency <= maxConcurrency,
		fmt.Sprintf("1 to %d", maxConcurrency))
	within("commands", o.commands >= 0, "0 or more")
	within("duration", o.duration >= 0, "0 or more")
	within("patience", o.patience > 0, "more than 0")
	within("twice-share", o.twiceShare >= 0 && o.twiceShare <= 1, "0 to 1")
	return errors.Join(append(mistakes, o.plan.Check())...)
}

// reportInterval is each second for a terminal, and seldom for a log.
func reportInterval(w io.Writer) time.Duration {
	if logging.IsTerminal(w) {
		return time.Second
	}
	return 10 * time.Second
}

func (o *loadOptions) run(
	ctx context.Context, out, progress io.Writer, in *installation.Installation,
) (err error) {
	if o.name == "" {
		o.name = "run" + strconv.FormatInt(time.Now().Unix(), 36)
	}
	logger := logging.New(progress, in.Config.Log)
	registry, opened, err := in.Open(func(s *codecs.RegistrySettings) { s.Logger = logger })
	if err != nil {
		return err
	}
	defer registry.Close()
	system, closeSystem, err := o.open(ctx, in, opened, logger)
	if err != nil {
		return err
	}
	defer closeSystem()
	run := load.Run{Aggregates: opened.Aggregates, Name: o.name, Seed: o.seed, TwiceShare: o.twiceShare}
	options := load.Options{
		Traffic: o.plan.Begin(run), System: system, Stories: o.plan.Stories(),
		Rate: o.rate, Concurrency: o.concurrency, PerLane: o.plan.PerLane(),
		Commands: o.commands, Duration: o.duration, Patience: o.patience, OpenStories: maxOpenStories,
	}
	if o.record != "" {
		file, err := os.OpenFile(o.record, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("--record: %w", err)
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		options.Record = load.NewRecorder(file)
	}
	fmt.Fprintf(progress, "seed %d, name %s: %s\n", o.seed, o.name, o.plan.First(run))
	return o.drive(ctx, load.NewDriver(options), out, progress)
}

// open connects to the system in the way that --via names.
func (o *loadOptions) open(
	ctx context.Context, in *installation.Installation, opened *processors.Opened, logger *slog.Logger,
) (load.System, func(), error) {
	if o.via == viaTopic {
		return openTopics(ctx, in, opened, o.plan.Follows(), logger)
	}
	system, err := load.NewHTTP(o.servers, o.concurrency)
	if err != nil {
		return nil, nil, fmt.Errorf("--server: %w", err)
	}
	if err := system.Reach(ctx); err != nil {
		system.Close()
		return nil, nil, fmt.Errorf("%w (is one running? --server names others)", err)
	}
	return system, system.Close, nil
}

// drive runs the driver, and prints how it goes and how it went.
func (o *loadOptions) drive(
	ctx context.Context, d *load.Driver, out, progress io.Writer,
) error {
	begin := time.Now()
	reporting, stop := context.WithCancel(ctx)
	reported := make(chan struct{})
	go func() {
		defer close(reported)
		d.Report(reporting, progress, reportInterval(progress))
	}()
	err := d.Run(ctx)
	took := time.Since(begin)
	stop()
	<-reported
	s := d.Tally().Summary()
	write := s.WriteText
	if o.json {
		write = s.WriteJSON
	}
	if err := errors.Join(err, write(out, took)); err != nil {
		return err
	}
	if s.Failed > 0 {
		return command.ExitError{Code: command.ExitFailed}
	}
	return nil
}
