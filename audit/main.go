package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes, for scripts.
const (
	exitWhole      = 0
	exitBroken     = 1 // a promise was broken
	exitUnreadable = 2 // something could not be read: there is no verdict
)

// gcPercent trades time for memory: an audit needs memory for all that there is to read, and nobody waits
// for it. GOGC overrides it.
const gcPercent = 40

// Main is the main function of a program that audits an installation with these kinds of aggregates, and read
// models. It does not return.
func Main(all ...Definition) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := execute(ctx, os.Args[1:], os.Stdout, os.Stderr, all...)
	stop()
	os.Exit(code)
}

// execute is the program without the process.
func execute(ctx context.Context, args []string, out, errs io.Writer, all ...Definition) int {
	code := exitUnreadable
	cmd := newCommand(&code, all)
	cmd.SetArgs(args)
	cmd.SetOut(out)
	cmd.SetErr(errs)
	if err := cmd.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(errs, "audit:", err)
		return exitUnreadable
	}
	return code
}

func newCommand(code *int, all []Definition) *cobra.Command {
	var o Options
	o.Kinds, o.ReadModels = apart(all)
	var asJSON bool
	var projections []string
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Check an installation by what can be read when its work is done",
		Long: `Read every topic, read-committed and from offset zero, and check the promises of
docs/ARCHITECTURE.md: each command has one outcome, and its sender was told that one; events are
gap-free and in the order of their results; rows are the fold of their events to the last byte, in the
topic, in local stores and in views; so are the rows and states of read models; all money is there, and
all work is done; the dead letters are the poison that was sent; every input was read to its end, and no
transaction is open.

Nothing may be under way: stop the traffic first, and wait until the groups have no lag. The last line
counts what is wrong, all zeros if nothing is. Exit code: 0 all is well, 1 a promise was broken,
2 something could not be read.`,
		Args: cobra.NoArgs, SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.checkRings(); err != nil {
				return err
			}
			var err error
			if o.ReadModels, err = named(o.ReadModels, projections); err != nil {
				return err
			}
			summary, err := Run(cmd.Context(), o)
			if err != nil {
				return err
			}
			*code = exitWhole
			if !summary.Whole() {
				*code = exitBroken
			}
			return report(cmd.OutOrStdout(), summary, asJSON)
		},
	}
	cmd.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		fmt.Fprintf(cmd.OutOrStdout(), "%s\n\n%s", cmd.Long, cmd.UsageString())
		*code = exitWhole
	})
	flags := cmd.Flags()
	flags.StringSliceVar(&o.Brokers, "brokers", []string{"localhost:9092"}, "brokers, host:port")
	flags.StringVar(&o.RegistryURL, "registry", "http://localhost:8081", "URL of the schema registry")
	o.Registry.addFlags(flags)
	flags.StringVar(&o.Prefix, "prefix", "", "of the names of topics and groups (topics.prefix)")
	flags.IntVar(&o.RingSize, "ring", 16,
		"how many commands a row remembers (aggregates.NAME.recent-commands)")
	flags.StringToIntVar(&o.RingSizes, "ring-of", nil,
		"the same for the aggregates that differ from --ring, such as account=64,order=0")
	flags.StringSliceVar(&o.Told, "told", nil, "files of processor load --record")
	flags.StringSliceVar(&o.Poison, "poison", nil,
		`files with what was sent as poison, JSON lines: {"topic": "account-commands", "partition": 0, `+
			`"offset": 17}; without any, there must be no dead letter`)
	flags.StringSliceVar(&o.Stores, "store", nil,
		"store.directory of workers that are stopped, or copies of such")
	flags.StringSliceVar(&o.Workers, "worker", nil, "URLs of running workers: compare their views")
	flags.StringSliceVar(&o.Databases, "database", nil,
		"where read models are kept, to compare them: postgres://…, sqlite:FILE, redis://…")
	flags.StringSliceVar(&projections, "projections", nil,
		"names of the read models that there are (projections.only); without any, all of the program")
	flags.IntVar(&o.Sample, "sample", 10_000,
		"of how many aggregates of a kind each worker is asked for the history, and how many traces it "+
			"is asked for; 0: all")
	flags.BoolVar(&asJSON, "json", false, "write JSON, one object on the last line")
	return cmd
}

// checkRings checks that only kinds that there are have a ring of their own.
func (o *Options) checkRings() error {
	for name := range o.RingSizes {
		if !slices.ContainsFunc(o.Kinds, func(k Kind) bool { return k.Name == name }) {
			return fmt.Errorf("--ring-of %s: there is no such aggregate", name)
		}
	}
	return nil
}

// report writes what was found.
func report(out io.Writer, s *Summary, asJSON bool) error {
	if asJSON {
		line, err := json.Marshal(jsonOf(s))
		if err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
		fmt.Fprintln(out, string(line))
		return nil
	}
	for _, line := range s.Lines {
		fmt.Fprintln(out, line)
	}
	for _, note := range s.Notes {
		fmt.Fprintln(out, "note:", note)
	}
	fmt.Fprint(out, s.Tally.String())
	fmt.Fprintln(out, s)
	return nil
}

// jsonOf is the report as JSON: the counters under their names, and the rest beside them.
func jsonOf(s *Summary) map[string]any {
	fields := map[string]any{"commands": s.Commands, "events": s.Events}
	for _, counter := range Counters {
		fields[string(counter)] = s.Counts[counter]
	}
	found := make([]map[string]any, len(s.Shown))
	for i, b := range s.Shown {
		found[i] = map[string]any{"promise": b.Promise, "counter": b.Counter, "what": b.What}
	}
	fields["breaches"], fields["read"], fields["notes"] = found, s.Lines, s.Notes
	return fields
}
