package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/config"
	"refold/installation"
	"refold/kafka"
	"refold/processors"
	"refold/snapshots/verify"
)

// Exit codes of verify, which scripts ask one question only: equal or not. They are its own.
const (
	exitDiffers    = 1
	exitUnverified = 2
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
}

func (p *program) newVerify() *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify AGGREGATES",
		Short: "Compare a table with its events, while everything runs",
		Long: `Compare a table with its events, while everything runs. Nothing is changed.

The events are folded anew from offset zero, on this machine's disk, and compared with the rows of the
table's topic, with the stores of the workers, and with the results as far as these are kept. Each row is
compared at its own sequence, so that commands may go on.

Differences are lines of JSON on standard output: partition, key, where (the table, a worker, the
results), what (differs, missing, behind, ahead, unreadable, result-without-event,
event-without-result, other-command), sequence, fields (path, row, fold).

Workers are the members of the group, at their host and the port of http.address, or those that --worker
names. Of the members those are passed over that don't answer, but not all of them. Standard error says of how
many workers, and for how many partitions, a store was compared.

Exit codes: 0 all is equal, 1 there are differences, 2 it could not be verified.`,
		Example: `  processor verify accounts
  processor verify orders --partition 0,3 --worker http://10.0.0.7:8080
  processor verify accounts --sample 1% --since 24h --state /var/tmp/verify`,
		RunE: func(cmd *cobra.Command, args []string) error {
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
	p.options.AddFlags(flags)
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return unverified(cmd.ErrOrStderr(), err)
	})
	return cmd
}

// unverified prints an error and gives it verify's exit code.
func unverified(w io.Writer, err error) error {
	var exit exitError
	if err == nil || errors.As(err, &exit) {
		return err
	}
	fmt.Fprintln(w, "processor:", explained(err))
	return exitError{exitUnverified}
}

// verification is what all partitions of a verification share.
type verification struct {
	flags      verifyFlags
	config     config.Config
	kafka      kafka.Settings
	aggregate  *processors.OpenAggregate
	topics     processors.Topics
	messages   verify.Messages
	beyond     *processors.Beyond
	partitions []int32
	selects    func(partition int32) (func(key []byte) bool, error)
	stores     []verify.Store
	workers    int // whose stores were to be compared
	dir        string
	out, err   io.Writer
}

func (p *program) verify(cmd *cobra.Command, args []string, f verifyFlags) error {
	if len(args) != 1 {
		return errors.New("name the aggregates: verify accounts")
	}
	loaded, err := p.load(cmd, nil)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	v := &verification{
		flags: f, config: loaded.Config, kafka: loaded.Kafka(nil),
		out: cmd.OutOrStdout(), err: cmd.ErrOrStderr(),
	}
	registry, err := v.open(ctx, loaded.Installation, args[0])
	if registry != nil {
		defer registry.Close()
	}
	if err != nil {
		return err
	}
	if err := v.plan(ctx); err != nil {
		return err
	}
	remove, err := v.directory()
	if err != nil {
		return err
	}
	defer remove()
	return v.run(ctx)
}

// open gets what is known of the aggregate.
func (v *verification) open(
	ctx context.Context, in *installation.Installation, called string,
) (*codecs.Registry, error) {
	opened, err := openFolded(ctx, in, called)
	if err != nil {
		return nil, err
	}
	v.aggregate, v.topics = opened.aggregate, in.Topics(opened.aggregate.AggregateName)
	v.messages, v.beyond = readers{opened.messages}, opened.messages.Beyond
	return opened.registry, nil
}

// folded is an aggregate whose events and results can be read, without a worker.
type folded struct {
	registry  *codecs.Registry
	aggregate *processors.OpenAggregate
	settings  config.Aggregate
	messages  processors.Messages
}

// openFolded opens an aggregate by what people call it. Nothing is ever registered.
func openFolded(ctx context.Context, in *installation.Installation, called string) (*folded, error) {
	definition, err := in.Definitions.Called(called)
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what there is
	}
	registry, opened, err := in.Open(func(s *codecs.RegistrySettings) { s.Mode = codecs.LookUp })
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what it was doing
	}
	f := &folded{registry: registry, settings: in.Aggregate(definition.Named().Name)}
	for _, a := range opened.Aggregates {
		if a.AggregateName == definition.Named() {
			f.aggregate = a
		}
	}
	f.messages = processors.Messages{Results: opened.Results, Beyond: new(processors.Beyond)}
	err = errors.Join(opened.Results.Prepare(ctx), f.aggregate.Events.Prepare(ctx),
		f.aggregate.Rows.Prepare(ctx))
	if err != nil {
		registry.Close()
		return nil, fmt.Errorf("%w (registry.urls: %s)", err, strings.Join(in.Config.Registry.URLs, ","))
	}
	return f, nil
}

// tellBeyond names the records that are beyond the limits of IDs, once for all.
func tellBeyond(w io.Writer, b *processors.Beyond) {
	if n, first := b.Counted(); n > 0 {
		fmt.Fprintf(w, "%d events and results are beyond the limits of IDs, as earlier versions wrote them: "+
			"they were read like all others, and processes set them aside; the first is %s\n", n, first)
	}
}

// readers lets verify read what it knows nothing of.
type readers struct{ processors.Messages }

func (m readers) Event(r *kgo.Record) (string, int64, error) {
	metadata, err := m.Cause(r)
	return metadata.CausationID, metadata.Sequence, err
}

func (m readers) Result(r *kgo.Record) (verify.CommandResult, error) {
	result, _, err := m.Messages.Result(context.Background(), r)
	return verify.CommandResult{
		Command: result.CommandID, Accepted: result.Accepted, Repeated: result.Repeated,
		First: result.FirstSequence, Last: result.LastSequence,
	}, err
}

// plan finds out what there is to verify.
func (v *verification) plan(ctx context.Context) error {
	opts, err := v.kafka.Options()
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return fmt.Errorf("connect to Kafka: %w", err)
	}
	defer client.Close()
	reach, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	if err := client.Ping(reach); err != nil {
		return fmt.Errorf("reach Kafka: %w (kafka.brokers: %s)", err,
			strings.Join(v.config.Kafka.Brokers, ","))
	}
	count, err := kafka.Partitions(ctx, client, v.topics.Events, v.topics.Table, v.topics.Results)
	if err != nil {
		return err
	}
	if v.partitions, err = parsePartitions(v.flags.partitions, count); err != nil {
		return err
	}
	if v.selects, err = v.selection(ctx); err != nil {
		return err
	}
	return v.findStores(ctx, client)
}

// reachTimeout is how long a person waits to hear that no broker is there.
const reachTimeout = 10 * time.Second

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

// directory makes the directory that the verification works in.
func (v *verification) directory() (remove func(), err error) {
	if v.flags.state != "" {
		v.dir = v.flags.state
		if err := os.MkdirAll(v.dir, 0o700); err != nil {
			return nil, fmt.Errorf("--state: %w", err)
		}
		return func() {}, nil
	}
	if v.dir, err = os.MkdirTemp("", "refold-verify-"); err != nil {
		return nil, fmt.Errorf("make a directory to work in: %w", err)
	}
	return func() { _ = os.RemoveAll(v.dir) }, nil
}
