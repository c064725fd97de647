package operate

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"refold/audittrail"
	"refold/installation"
	"refold/logging"
	"refold/operator"
	"refold/processors"
	"refold/program/command"
	"refold/snapshots/rebuild"
)

type resetFlags struct {
	toZero, yes, dryRun, eventsLost, allCommands bool
	dir                                          string
}

func (p *commands) newReset() *cobra.Command {
	var f resetFlags
	cmd := &cobra.Command{
		Use:   "reset AGGREGATES --to-zero",
		Short: "Make a table again from offset zero of its events, while no worker runs",
		Long: `Make a table again from offset zero of its events, while no worker runs. Use it for a
table that is lost, that you no longer trust, or whose events topic was restored from a backup.
While workers run, use "processor rebuild".

The reset refuses while the group has members, and keeps workers out while it works. It shows what it would
do and asks. Then it makes every row of the table again: the state from its events, the ring of recent
commands from events and results. Rows without events get tombstones. It verifies the result, and sets the
group's offsets after the last command that has an outcome. It never changes events or results.

You may kill it at any time: run it again. Until it has ended, workers that start exit at once and say that
the group's offsets are beyond the end of any topic.

Exit codes: 0 done, 1 it failed half-way: run it again, 2 refused: nothing was done, 3 the table was made,
but verify finds differences, which are lines of JSON on standard output.`,
		Example: `  processor reset accounts --to-zero --dry-run
  processor reset accounts --to-zero --yes`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return refused(cmd.ErrOrStderr(), p.reset(cmd, args, f))
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.toZero, "to-zero", false, "from offset zero of the events: there is no other way yet")
	flags.BoolVar(&f.yes, "yes", false, "don't ask")
	flags.BoolVar(&f.dryRun, "dry-run", false, "only show what would be done")
	flags.BoolVar(&f.eventsLost, "events-lost", false,
		"go on though results or rows know of events that are lost for good")
	flags.BoolVar(&f.allCommands, "all-commands", false,
		"have all commands handled where none is known to have been, though others were")
	flags.StringVar(&f.dir, "directory", "", "where to work; default is a temporary directory")
	p.Options.AddFlags(flags)
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return refused(cmd.ErrOrStderr(), refusal{err})
	})
	return cmd
}

// refusal is an error before anything was done.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

// refused prints an error, and gives a refusal its exit code.
func refused(w io.Writer, err error) error {
	var exit command.ExitError
	if err == nil || errors.As(err, &exit) {
		return err
	}
	fmt.Fprintln(w, "processor:", command.Explained(err))
	if errors.As(err, new(refusal)) {
		return command.ExitError{Code: command.ExitRefused}
	}
	return command.ExitError{Code: command.ExitFailed}
}

// resetting is a reset, as it is asked for and shown.
type resetting struct {
	flags    resetFlags
	plural   string
	topics   processors.Topics
	beyond   *processors.Beyond
	reset    *operator.Reset
	in       io.Reader
	out, err io.Writer
}

func (p *commands) reset(cmd *cobra.Command, args []string, f resetFlags) error {
	if len(args) != 1 || !f.toZero {
		return refusal{errors.New("say what, and from where: reset accounts --to-zero")}
	}
	loaded, err := p.Load(cmd, nil)
	if err != nil {
		return refusal{err}
	}
	ctx, c := cmd.Context(), loaded.Config
	opened, err := openFolded(ctx, loaded.Installation, args[0])
	if err != nil {
		return refusal{err}
	}
	defer opened.registry.Close()
	o := resetOptions(loaded.Installation, f, logging.New(cmd.ErrOrStderr(), c.Log))
	o.Aggregate = opened.operated()
	if o.Dir == "" {
		if o.Dir, err = os.MkdirTemp("", "refold-reset-"); err != nil {
			return refusal{fmt.Errorf("make a directory to work in: %w", err)}
		}
		defer os.RemoveAll(o.Dir)
	}
	client, err := operator.Connect(ctx, o.Kafka)
	if err != nil {
		return refusal{fmt.Errorf("%w (kafka.brokers: %s)", err, strings.Join(c.Kafka.Brokers, ","))}
	}
	defer client.Close()
	r := &resetting{
		flags: f, plural: opened.aggregate.Plural, topics: o.Aggregate.Topics, beyond: opened.messages.Beyond,
		in: cmd.InOrStdin(), out: cmd.OutOrStdout(), err: cmd.ErrOrStderr(),
	}
	if r.reset, err = operator.NewReset(ctx, client, o); err != nil {
		return refusal{err}
	}
	if err := r.plan(ctx); err != nil {
		return refusal{err}
	}
	if f.dryRun {
		fmt.Fprintln(r.err, "nothing was done")
		return nil
	}
	if err := r.ask(); err != nil {
		return err
	}
	return loaded.Audited(ctx, r.err, audittrail.Record{
		What: "reset", On: r.plural, Parameters: map[string]string{
			"eventsLost": strconv.FormatBool(f.eventsLost), "allCommands": strconv.FormatBool(f.allCommands),
		},
	}, func() error { return r.run(ctx) })
}

// resetOptions are what the configuration and the flags say.
func resetOptions(
	in *installation.Installation, f resetFlags, logger *slog.Logger,
) operator.ResetOptions {
	settings, c := in.Kafka(nil), in.Config
	o := operator.ResetOptions{
		Kafka: settings, EventsLost: f.eventsLost, AllCommands: f.allCommands, Dir: f.dir,
		Rebuilds: rebuild.TopicOptions{
			Kafka: settings, Name: rebuild.TopicName(c.Topics.Prefix), StallAfter: c.Processor.StallAfter,
			Logger: logger,
		},
		By: "processor reset, " + command.Whoami(),
	}
	if c.Store.Directory != "" {
		o.StoreDir = filepath.Join(c.Store.Directory, c.Topics.Prefix+"tables")
	}
	return o
}

// ask asks whether what was shown shall be done.
func (r *resetting) ask() error {
	if r.flags.yes {
		return nil
	}
	if !logging.IsTerminal(r.out) {
		return refusal{errors.New("there is nobody to ask: say --yes")}
	}
	fmt.Fprint(r.out, "Go on? [y/N] ")
	answer, err := bufio.NewReader(r.in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return refusal{fmt.Errorf("read the answer: %w", err)}
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return refusal{errors.New("nothing was done")}
}
