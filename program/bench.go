package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/config"
	"refold/installation"
	"refold/kafka"
	"refold/processors"
)

// benchOptions say what is measured.
type benchOptions struct {
	brokers, registry []string
	engine            bool
	commands, keys    int
	partitions        int
	rate              float64
	views             bool
	profile           string
	keep              bool // the topics stay
	timeout           time.Duration
	definitions       processors.Definitions
}

func (p *program) newBench() *cobra.Command {
	o := benchOptions{definitions: p.Definitions}
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure the worker against a cluster: throughput, CPU, latency",
		Long: `Measure the worker, in a process of its own, against a real cluster.

Without --rate: the commands are there before the worker starts, and it drains them. With --rate:
they are sent at a fixed rate, whether or not the worker keeps up, and latency is counted from when
a command was due to when a read-committed reader has its result.

It makes topics of its own and deletes them in the end. Figures depend on the machine and on what
else it does; compare runs side by side.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), o.timeout)
			defer cancel()
			return bench(ctx, cmd.OutOrStdout(), cmd.ErrOrStderr(), o)
		},
	}
	f := cmd.Flags()
	o.clusterFlags(f)
	f.BoolVar(&o.engine, "engine", false, "the bare engine on strings instead of the accounts worker")
	f.IntVar(&o.commands, "commands", 200_000, "how many commands")
	f.IntVar(&o.keys, "keys", 10_000, "how many accounts they go to")
	f.IntVar(&o.partitions, "partitions", 4, "of each topic")
	f.Float64Var(&o.rate, "rate", 0, "commands a second; 0: all at once, before the worker starts")
	f.BoolVar(&o.views, "views", false, "the worker keeps its views, too, as it does by default")
	cmd.AddCommand(newBenchEngine(), p.newBenchRestore(), p.newBenchRestorer(), p.newBenchRebuild())
	return cmd
}

// clusterFlags are those that all measurements have.
func (o *benchOptions) clusterFlags(f *pflag.FlagSet) {
	f.StringSliceVar(&o.brokers, "brokers", []string{"localhost:9092"}, "the cluster, host:port")
	f.StringSliceVar(&o.registry, "registry", []string{"http://localhost:8081"},
		"base URLs of the schema registry")
	f.StringVar(&o.profile, "cpuprofile", "", "write a CPU profile of the worker to this file")
	f.DurationVar(&o.timeout, "timeout", 10*time.Minute, "give up after this time")
}

func (o benchOptions) validate() error {
	switch {
	case o.keys < 1 || o.commands < o.keys:
		return fmt.Errorf("--commands is %d and --keys %d; there must be at least as many commands "+
			"as keys, and one key", o.commands, o.keys)
	case o.partitions < 1:
		return fmt.Errorf("--partitions is %d; it must be at least 1", o.partitions)
	case o.rate > 0 && o.commands == o.keys:
		return fmt.Errorf("--commands must be more than --keys: the first of each key isn't counted")
	case o.rate < 0:
		return fmt.Errorf("--rate is %g; it must not be negative", o.rate)
	}
	return nil
}

// bench runs the measurement of commands.
func bench(ctx context.Context, out, logs io.Writer, o benchOptions) error {
	if err := o.validate(); err != nil {
		return err
	}
	r := newBenchRun(o, out, logs)
	return r.with(ctx, r.topics(), func() error {
		if err := r.openSubject(ctx); err != nil {
			return err
		}
		defer r.subject.close()
		if o.rate > 0 {
			return r.atRate(ctx)
		}
		return r.drain(ctx)
	})
}

func newBenchRun(o benchOptions, out, logs io.Writer) *benchRun {
	return &benchRun{
		benchOptions: o, out: out, logs: logs,
		prefix: "bench-" + strings.ReplaceAll(uuid.NewString(), "-", "")[:8] + "-",
		kafka:  kafka.Settings{Brokers: o.brokers, ClientID: "refold-bench"},
	}
}

// with makes a directory, a client and the topics, measures, and removes what it has made.
func (r *benchRun) with(
	ctx context.Context, specs []kafka.TopicSpec, measure func() error,
) (err error) {
	if r.directory, err = os.MkdirTemp("", "refold-bench-"); err != nil {
		return fmt.Errorf("make a directory for the worker's stores: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.directory)) }()
	opts, err := r.kafka.Options()
	if err != nil {
		return err
	}
	opts = append(opts, kgo.RecordPartitioner(kafka.Partitioner()), kgo.MaxBufferedRecords(100_000))
	if r.rate > 0 {
		opts = append(opts, kgo.ProducerLinger(0)) // its wait would count as the worker's
	}
	if r.client, err = kgo.NewClient(opts...); err != nil {
		return fmt.Errorf("connect to Kafka: %w", err)
	}
	defer r.client.Close()
	if len(specs) > 0 {
		if _, err := kafka.Ensure(ctx, r.client, specs); err != nil {
			return fmt.Errorf("make the topics: %w", err)
		}
		defer func() {
			if r.keep {
				return
			}
			bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
			defer cancel()
			err = errors.Join(err, deleteTopics(bounded, r.client, specs))
		}()
	}
	return measure()
}

func (r *benchRun) topicsConfig() config.Topics {
	return config.Topics{
		Prefix: r.prefix, Partitions: r.partitions, ReplicationFactor: 1,
		CommandsRetention: time.Hour, ResultsRetention: time.Hour, DeadLetterRetention: time.Hour,
	}
}

func (r *benchRun) topics() []kafka.TopicSpec {
	if r.engine {
		return engineTopics(r.topicsConfig())
	}
	return r.install().TopicSpecs()
}

// install is an installation of the measurement's own.
func (r *benchRun) install() *installation.Installation {
	return &installation.Installation{
		Config: config.Config{Topics: r.topicsConfig()}, Definitions: r.definitions,
	}
}

func deleteTopics(ctx context.Context, client *kgo.Client, specs []kafka.TopicSpec) error {
	names := make([]string, len(specs))
	for i, s := range specs {
		names[i] = s.Name
	}
	deleted, err := kadm.NewClient(client).DeleteTopics(ctx, names...)
	if err == nil {
		err = deleted.Error()
	}
	if err != nil {
		return fmt.Errorf("delete the topics of the measurement: %w", err)
	}
	return nil
}

// row prints a line of the table of figures.
func (r *benchRun) row(name, format string, args ...any) {
	fmt.Fprintf(r.out, "%-28s %s\n", name, fmt.Sprintf(format, args...))
}

func (r *benchRun) what() string {
	if r.engine {
		return "the bare engine, strings"
	}
	return "the accounts worker"
}

// perSecond is how many there are to a second, if the time is known.
func perSecond(n int, d time.Duration) string {
	if d <= 0 {
		return "?"
	}
	return number(int(float64(n) / d.Seconds()))
}

func number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
