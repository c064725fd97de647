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

	"refold/installation"
	"refold/load"
	"refold/logging"
	"refold/program/command"
)

type loadOptions struct {
	servers                        []string
	rate, orderShare, twiceShare   float64
	concurrency, perAccount        int
	commands, orders               int
	duration, patience, orderDelay time.Duration
	accounts                       int
	seed                           uint64
	via, name, record              string
	json                           bool
}

// What there may be of each, so that a slip of the finger doesn't fill the memory.
const (
	maxConcurrency  = 10_000
	maxPerAccount   = 1024   // the most that a row remembers (accounts.recent-commands)
	maxOpenOrders   = 10_000 // each is a goroutine, and its plan
	maxLoadAccounts = 10_000_000
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
		Short: "Make believable traffic against a running system",
		Long: `Make believable traffic against a running system: accounts are opened and money is moved,
orders are placed, shipped, delivered and cancelled, some are declined, some commands are sent
twice, some are wrong. What there is no answer to is asked again, under the same ID.

With --via topic it writes the commands into their topics itself, and reads what came of them there;
the configuration says where the cluster and the registry are.

It ends with --commands, --orders (each driven to its end) or --duration, or when it is interrupted.
The same --seed and --name give the same commands: a second time, to the same system, they change
nothing, for as long as it remembers them. Without --name, every run has a name of its own.

Exit codes: 0 everything was answered, 1 something failed for good.`,
		Example: `  processor load --orders 200 --seed 1
  processor load --server http://a:8080,http://b:8080 --rate 500 --duration 10m --record told.jsonl
  processor load --via topic --kafka.brokers localhost:9092 --rate 2000 --accounts 10000`,
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
	flags.IntVar(&o.perAccount, "per-account", 4, "how far apart an account's commands may be that are "+
		"under way; beyond the 16 or so that a row remembers, what is sent again counts twice")
	flags.IntVar(&o.commands, "commands", 0, "end after so many commands; 0: no limit")
	flags.IntVar(&o.orders, "orders", 0, "end when so many orders have ended; 0: no limit")
	flags.DurationVar(&o.duration, "duration", 0, "end after such a time; 0: no limit")
	flags.DurationVar(&o.patience, "patience", 5*time.Minute,
		"how long an answer or a payment may be missing before that is a failure")
	flags.IntVar(&o.accounts, "accounts", 100, "how many accounts take part; a few far more than others")
	flags.Float64Var(&o.orderShare, "order-share", .4,
		"the share of orders in what customers begin, 0 to 1")
	flags.Float64Var(&o.twiceShare, "twice-share", .04,
		"the share of commands that are sent twice under their ID, 0 to 1")
	flags.DurationVar(&o.orderDelay, "order-delay", 200*time.Millisecond,
		"the mean time between the steps of an order")
	flags.Uint64Var(&o.seed, "seed", 1, "the same seed makes the same commands")
	flags.StringVar(&o.name, "name", "", "begins the IDs of all accounts and orders (default: a new one)")
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
	within("per-account", o.perAccount >= 1 && o.perAccount <= maxPerAccount,
		fmt.Sprintf("1 to %d", maxPerAccount))
	within("commands", o.commands >= 0, "0 or more")
	within("orders", o.orders >= 0, "0 or more")
	within("duration", o.duration >= 0, "0 or more")
	within("patience", o.patience > 0, "more than 0")
	within("accounts", o.accounts >= 1 && o.accounts <= maxLoadAccounts,
		fmt.Sprintf("1 to %d", maxLoadAccounts))
	within("order-share", o.orderShare >= 0 && o.orderShare <= 1, "0 to 1")
	within("twice-share", o.twiceShare >= 0 && o.twiceShare <= 1, "0 to 1")
	within("order-delay", o.orderDelay >= 0, "0 or more")
	if o.orders > 0 && o.orderShare == 0 {
		mistakes = append(mistakes, errors.New("--orders without orders: --order-share is 0"))
	}
	return errors.Join(mistakes...)
}

// lines come each second to somebody who looks, and seldom into a log.
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
	tastes := load.Tastes{
		Seed: o.seed, Name: o.name, Accounts: o.accounts, OrderShare: o.orderShare,
		TwiceShare: o.twiceShare, Delay: o.orderDelay,
	}
	system, closeSystem, err := o.open(ctx, in, logging.New(progress, in.Config.Log))
	if err != nil {
		return err
	}
	defer closeSystem()
	options := load.Options{
		Customers: load.NewCustomers(tastes), System: system,
		Rate: o.rate, Concurrency: o.concurrency, PerAccount: o.perAccount,
		Commands: o.commands, Orders: o.orders, Duration: o.duration,
		Patience: o.patience, OpenOrders: maxOpenOrders,
	}
	if o.record != "" {
		file, err := os.OpenFile(o.record, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("--record: %w", err)
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		options.Record = load.NewRecorder(file)
	}
	fmt.Fprintf(progress, "seed %d, name %s: the first account is %s, the first order %s\n",
		o.seed, o.name, tastes.FirstAccount(), tastes.FirstOrder())
	return o.drive(ctx, load.NewDriver(options), out, progress)
}

// open connects to the system in the way that --via names.
func (o *loadOptions) open(
	ctx context.Context, in *installation.Installation, logger *slog.Logger,
) (load.System, func(), error) {
	if o.via == viaTopic {
		return openTopics(ctx, in, logger)
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

// drive runs the driver, and tells how it goes and how it went.
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
