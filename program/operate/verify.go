package operate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"refold/config"
	"refold/operator"
	"refold/program/command"
	"refold/program/operate/project"
)

// verifyFlags are those of verify beside the configuration's.
type verifyFlags struct {
	partitions string
	sample     string
	since      string
	workers    []string
	noWorkers  bool
	state      string
	rate       int
	projection string
	build      int
	mend       bool
}

func (p *commands) newVerify() *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify AGGREGATES | verify --projection NAME",
		Short: "Compare a table with its events, while everything runs",
		Long: `Compare a table with its events, while everything runs. Nothing is changed, but by --mend.

Verify folds the events again from offset zero, on this machine's disk. It compares them with the rows of
the table's topic, with the stores of the workers, and with the results that are still kept. Each row is
compared at its own sequence, so commands may go on.

Differences are lines of JSON on standard output: partition, key, where (the table, a worker, the
results), what (differs, missing, behind, ahead, unreadable, result-without-event,
event-without-result, other-command), sequence, fields (path, row, fold).

Workers are the members of the group, at their host and the port of http.address, or those that --worker
names. Members that don't answer are skipped, but at least one must answer. Standard error says of how
many workers, and for how many partitions, a store was compared.

With --projection, a build of a read model is compared with a fold of its events, at the progress that the
build has; --mend writes the rows that differ. Differences are lines of JSON: what (missing, extra, differs),
table, key, columns (name, stored, right); or of the states that the build keeps for its fold, which take a
rebuild: what (state-missing, state-behind, state-ahead, state-differs), aggregate, subject, sequence, events.

Exit codes: 0 all is equal, or mended, 1 there are differences, 2 it could not be verified or mended.`,
		Example: `  processor verify accounts
  processor verify --projection account_statement --mend
  processor verify orders --partition 0,3 --worker http://10.0.0.7:8080
  processor verify accounts --sample 1% --since 24h --state /var/tmp/verify`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.projection != "" {
				return unverified(cmd.ErrOrStderr(), p.verifyProjection(cmd, args, f))
			}
			return unverified(cmd.ErrOrStderr(), p.verify(cmd, args, f))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.partitions, "partition", "", "only these, such as 0,3 or 0-3")
	flags.StringVar(&f.sample, "sample", "100%", "only this share of the aggregates, always the same ones")
	flags.StringVar(&f.since, "since", "",
		"only aggregates with events since: RFC 3339, or a duration ago, such as 24h")
	flags.StringSliceVar(&f.workers, "worker", nil, "a worker's HTTP API; may be repeated")
	flags.BoolVar(&f.noWorkers, "no-workers", false, "don't compare the stores of workers")
	flags.StringVar(&f.state, "state", "",
		"a directory to keep what was done in, so that the same command goes on after an interruption")
	flags.IntVar(&f.rate, "events-per-second", 0, "fold no faster than this; 0: no limit")
	flags.StringVar(&f.projection, "projection", "", "verify this read model instead of a table")
	flags.IntVar(&f.build, "build", 0, "with --projection: the build of this number; 0: the live one")
	flags.BoolVar(&f.mend, "mend", false, "with --projection: write the rows that differ")
	p.Options.AddFlags(flags)
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return unverified(cmd.ErrOrStderr(), err)
	})
	return cmd
}

// unverified prints an error and gives it verify's exit code.
func unverified(w io.Writer, err error) error {
	var exit command.ExitError
	if err == nil || errors.As(err, &exit) {
		return err
	}
	fmt.Fprintln(w, "processor:", command.Explained(err))
	return command.ExitError{Code: command.ExitUnverified}
}

// verifyProjection verifies a read model.
func (p *commands) verifyProjection(cmd *cobra.Command, args []string, f verifyFlags) error {
	if len(args) > 0 || f.partitions != "" || f.since != "" || f.state != "" || len(f.workers) > 0 ||
		f.noWorkers {
		return errors.New("--projection goes with --build, --mend, --sample and --events-per-second only")
	}
	share, err := parseShare(f.sample)
	if err != nil {
		return err
	}
	return project.Verify(p.Program, cmd, project.Verification{
		Name: f.projection, Build: f.build, Sample: share, EventsPerSecond: f.rate, Mend: f.mend,
	})
}

func (p *commands) verify(cmd *cobra.Command, args []string, f verifyFlags) error {
	if len(args) != 1 {
		return errors.New("name the aggregates: verify accounts; or a read model: verify --projection NAME")
	}
	if f.build != 0 || f.mend {
		return errors.New("--build and --mend go with --projection only; processor rebuild mends a table")
	}
	loaded, err := p.Load(cmd, nil)
	if err != nil {
		return err
	}
	ctx, c := cmd.Context(), loaded.Config
	opened, err := openFolded(ctx, loaded.Installation, args[0])
	if err != nil {
		return err
	}
	defer opened.registry.Close()
	o, err := f.options(c)
	if err != nil {
		return err
	}
	o.Kafka, o.Aggregate = loaded.Kafka(nil), opened.operated()
	o.Question = f.question(c, o.Aggregate.Topics.Table)
	remove, err := f.directory(&o)
	if err != nil {
		return err
	}
	defer remove()
	v, err := planVerification(ctx, cmd.ErrOrStderr(), c, o)
	if err != nil {
		return err
	}
	r := verifyReport{
		flags: f, verification: v, plural: opened.aggregate.Plural, topics: o.Aggregate.Topics,
		out: cmd.OutOrStdout(), err: cmd.ErrOrStderr(),
	}
	report, err := r.run(ctx)
	if err != nil {
		return err
	}
	return r.conclude(report, opened.messages.Beyond)
}

// planVerification reaches Kafka, finds out what there is to verify, and names the workers that don't
// answer.
func planVerification(
	ctx context.Context, w io.Writer, c config.Config, o operator.VerificationOptions,
) (*operator.Verification, error) {
	client, err := operator.Connect(ctx, o.Kafka)
	if err != nil {
		return nil, fmt.Errorf("%w (kafka.brokers: %s)", err, strings.Join(c.Kafka.Brokers, ","))
	}
	defer client.Close()
	v, err := operator.PlanVerification(ctx, client, o)
	if v != nil {
		for _, silent := range v.Silent {
			fmt.Fprintf(w, "the store of %s is not compared: %v\n", silent.Server, silent.Err)
		}
	}
	if errors.As(err, new(*operator.StoresError)) {
		err = fmt.Errorf("%w; %s", err, otherStores)
	}
	return v, err
}

// otherStores is what to do where workers are not found.
const otherStores = "name the workers with --worker, or compare the table alone with --no-workers"

// options are what the flags say.
func (f *verifyFlags) options(c config.Config) (o operator.VerificationOptions, err error) {
	o.Workers, o.NoWorkers, o.EventsPerSecond = f.workers, f.noWorkers, f.rate
	o.Choose = func(count int32) ([]int32, error) { return parsePartitions(f.partitions, count) }
	if o.Share, err = parseShare(f.sample); err != nil {
		return o, err
	}
	if o.Since, err = command.ParseMoment(f.since, time.Now()); err != nil {
		return o, fmt.Errorf("--since: %w", err)
	}
	for _, worker := range f.workers {
		u, err := url.Parse(worker)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return o, fmt.Errorf("--worker %q is no URL such as http://10.0.0.7:8080", worker)
		}
	}
	if _, o.WorkersPort, err = net.SplitHostPort(c.HTTP.Address); err != nil {
		return o, fmt.Errorf("http.address: %w", err)
	}
	return o, nil
}

// question is what tells verifications apart that use the same directory.
func (f *verifyFlags) question(c config.Config, table string) string {
	return strings.Join([]string{
		strings.Join(c.Kafka.Brokers, ","), table, f.sample, f.since,
		strings.Join(f.workers, ","), strconv.FormatBool(f.noWorkers),
	}, " ")
}

// directory is where the verification works.
func (f *verifyFlags) directory(o *operator.VerificationOptions) (remove func(), err error) {
	if o.Dir = f.state; o.Dir != "" {
		if err := os.MkdirAll(o.Dir, 0o700); err != nil {
			return nil, fmt.Errorf("--state: %w", err)
		}
		return func() {}, nil
	}
	if o.Dir, err = os.MkdirTemp("", "refold-verify-"); err != nil {
		return nil, fmt.Errorf("make a directory to work in: %w", err)
	}
	return func() { _ = os.RemoveAll(o.Dir) }, nil
}

// parsePartitions reads 0,3 or 0-3; all for an empty text.
func parsePartitions(text string, count int32) ([]int32, error) {
	var found []int32
	if text == "" {
		text = "0-" + strconv.Itoa(int(count)-1)
	}
	for part := range strings.SplitSeq(text, ",") {
		from, to, is := strings.Cut(part, "-")
		if !is {
			to = from
		}
		first, err := strconv.ParseInt(strings.TrimSpace(from), 10, 32)
		last, err2 := strconv.ParseInt(strings.TrimSpace(to), 10, 32)
		if errors.Join(err, err2) != nil || first < 0 || last < first || last >= int64(count) {
			return nil, fmt.Errorf("--partition %q: there are partitions 0 to %d", text, count-1)
		}
		for p := first; p <= last; p++ {
			found = append(found, int32(p))
		}
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

// parseShare reads 1% or 0.01.
func parseShare(text string) (float64, error) {
	number, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	share, err := strconv.ParseFloat(number, 64)
	if percent {
		share /= 100
	}
	if err != nil || !(share > 0 && share <= 1) { // NaN, too
		return 0, fmt.Errorf("--sample %q: it must be a share above 0 and at most 100%%, such as 1%%", text)
	}
	return share, nil
}
