// Command audit checks a whole installation of Refold by what can be read when the work is done: its
// topics, the local stores of its workers, their views, and what its clients were told. It shares no
// code with the worker.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"refold/audit"
)

// Exit codes, for scripts.
const (
	exitWhole      = 0
	exitBroken     = 1 // a promise was broken
	exitUnreadable = 2 // something could not be read: there is no verdict
)

// gcPercent has the collector work more: the memory that an audit needs grows with what there is to
// read, and its time is nobody's. GOGC overrides it.
const gcPercent = 40

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program without the process.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	code := exitUnreadable
	cmd := newCommand(&code)
	cmd.SetArgs(args)
	cmd.SetOut(out)
	cmd.SetErr(errs)
	if err := cmd.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(errs, "audit:", err)
		return exitUnreadable
	}
	return code
}

func newCommand(code *int) *cobra.Command {
	var o audit.Options
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Check an installation by what can be read when its work is done",
		Long: `Read every topic, read-committed and from offset zero, and check the promises of
docs/ARCHITECTURE.md: each command has one outcome, and its sender was told that one; events are
gap-free and in the order of their results; rows are the fold of their events to the last byte, in the
topic, in local stores and in views; all money is there; the dead letters are the poison that was sent;
every input was read to its end, and no transaction is open.

Nothing may be under way: stop the traffic first, and wait until the groups have no lag. The last line
counts what is wrong, all zeros if nothing is. Exit code: 0 all is well, 1 a promise was broken,
2 something could not be read.`,
		Args: cobra.NoArgs, SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			summary, err := audit.Run(cmd.Context(), o)
			if err != nil {
				return err //nolint:wrapcheck // it says what could not be read
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
	flags.StringVar(&o.Prefix, "prefix", "", "of the names of topics and groups (topics.prefix)")
	flags.IntVar(&o.RingSize, "ring", 16, "how many commands a row remembers (accounts.recent-commands)")
	flags.StringSliceVar(&o.Told, "told", nil, "files of processor load --record")
	flags.StringSliceVar(&o.Poison, "poison", nil,
		`files with what was sent as poison, JSON lines: {"topic": "account-commands", "partition": 0, `+
			`"offset": 17}; without any, there must be no dead letter`)
	flags.StringSliceVar(&o.Stores, "store", nil,
		"store.directory of workers that are stopped, or copies of such")
	flags.StringSliceVar(&o.Workers, "worker", nil, "URLs of running workers: compare their views")
	flags.IntVar(&o.Sample, "sample", 10_000,
		"of how many aggregates of a kind each worker is asked for the history, and how many traces it "+
			"is asked for; 0: all")
	flags.BoolVar(&asJSON, "json", false, "write JSON, one object on the last line")
	return cmd
}

// report writes what was found.
func report(out io.Writer, s *audit.Summary, asJSON bool) error {
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
func jsonOf(s *audit.Summary) map[string]any {
	fields := map[string]any{"commands": s.Commands, "events": s.Events}
	for _, counter := range audit.Counters {
		fields[string(counter)] = s.Counts[counter]
	}
	found := make([]map[string]any, len(s.Shown))
	for i, b := range s.Shown {
		found[i] = map[string]any{"promise": b.Promise, "counter": b.Counter, "what": b.What}
	}
	fields["breaches"], fields["read"], fields["notes"] = found, s.Lines, s.Notes
	return fields
}
