package program

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"refold/bench"
	"refold/codecs"
	"refold/config"
	"refold/installation"
	"refold/kafka"
	"refold/logging"
	"refold/processors"
	"refold/program/command"
)

// benchOptions say what is measured, and where.
type benchOptions struct {
	brokers, registry []string
	aggregate         string
	engine            bool
	commands, keys    int
	partitions        int
	rate              float64
	views             bool
	profile           string
	timeout           time.Duration

	definitions processors.Definitions
	config      *config.Options
	prefix      string // of the topics
	out, logs   io.Writer
}

func (p *program) newBenchOptions() benchOptions {
	return benchOptions{definitions: p.Definitions, config: p.Options, prefix: bench.NewPrefix()}
}

func (p *program) newBench() *cobra.Command {
	o := p.newBenchOptions()
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure the worker against a cluster: throughput, CPU, latency",
		Long: `Measure the worker, in a process of its own, against a real cluster.

Without --rate, the commands are written before the worker starts, and the worker drains them. With
--rate, they are sent at a fixed rate, whether or not the worker keeps up. Latency is the time from
when a command was due to when a read-committed reader has its result.

The commands are the sample traffic of one aggregate. The benchmark makes its own topics and deletes them
at the end. Figures depend on the machine and its other load; compare runs side by side.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(); err != nil {
				return err
			}
			return o.within(cmd, o.measure)
		},
	}
	f := cmd.Flags()
	o.clusterFlags(f)
	f.BoolVar(&o.engine, "engine", false, "the bare engine on strings instead of the worker")
	f.IntVar(&o.commands, "commands", 200_000, "how many commands")
	f.IntVar(&o.keys, "keys", 10_000, "how many aggregates they go to")
	f.IntVar(&o.partitions, "partitions", 4, "of each topic")
	f.Float64Var(&o.rate, "rate", 0, "commands a second; 0: all at once, before the worker starts")
	f.BoolVar(&o.views, "views", false, "the worker keeps its views, too, as it does by default")
	cmd.MarkFlagsMutuallyExclusive("engine", "aggregate")
	cmd.AddCommand(newBenchEngine(), p.newBenchRestore(), p.newBenchRestorer(), p.newBenchRebuild())
	return cmd
}

// clusterFlags are those that all measurements have.
func (o *benchOptions) clusterFlags(f *pflag.FlagSet) {
	f.StringSliceVar(&o.brokers, "brokers", []string{"localhost:9092"}, "the cluster, host:port")
	f.StringSliceVar(&o.registry, "registry", []string{"http://localhost:8081"},
		"base URLs of the schema registry; all else about it is set in the environment, as of a worker")
	f.StringVar(&o.aggregate, "aggregate", o.definitions.Aggregates[0].Named().Name,
		"the aggregate, by its name or plural")
	f.StringVar(&o.profile, "cpuprofile", "", "write a CPU profile of the worker to this file")
	f.DurationVar(&o.timeout, "timeout", 10*time.Minute, "give up after this time")
}

func (o *benchOptions) validate() error {
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

// within runs a measurement that prints to the command's output, for as long as --timeout allows.
func (o *benchOptions) within(cmd *cobra.Command, measure func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(cmd.Context(), o.timeout)
	defer cancel()
	o.out, o.logs = cmd.OutOrStdout(), cmd.ErrOrStderr()
	return measure(ctx)
}

// settings are those of a measurement whose topics are the installation's own.
func (o *benchOptions) settings() bench.Settings {
	return bench.Settings{
		Kafka:  kafka.Settings{Brokers: o.brokers, ClientID: "refold-bench"},
		Topics: o.install().TopicSpecs(), Unbuffered: o.rate > 0, Profile: o.profile, Logs: o.logs,
	}
}

// install is an installation of the measurement's own.
func (o *benchOptions) install() *installation.Installation {
	return &installation.Installation{Definitions: o.definitions, Config: config.Config{Topics: config.Topics{
		Prefix: o.prefix, Partitions: o.partitions, ReplicationFactor: 1,
		CommandsRetention: time.Hour, ResultsRetention: time.Hour, DeadLetterRetention: time.Hour,
	}}}
}

// registrySettings are those of the worker's process, which has the same environment: credentials,
// certificates, names of subjects. Only the URLs and the mode are the measurement's own.
func (o *benchOptions) registrySettings() (codecs.RegistrySettings, error) {
	loaded, err := o.config.Load(config.LoadOptions{Environ: append(os.Environ(),
		"REFOLD_REGISTRY_URLS="+strings.Join(o.registry, ","), "REFOLD_REGISTRY_MODE=register",
		"REFOLD_TOPICS_PREFIX="+o.prefix,
	)})
	if err != nil {
		return codecs.RegistrySettings{}, err //nolint:wrapcheck // it lists the mistakes
	}
	return (&installation.Installation{Config: loaded.Config}).Registry(), nil
}

// open opens the aggregate that --aggregate names. The caller closes the registry.
func (o *benchOptions) open(ctx context.Context) (*processors.OpenAggregate, *codecs.Registry, error) {
	definition, err := o.definitions.Called(o.aggregate)
	if err != nil {
		return nil, nil, fmt.Errorf("--aggregate: %w", err)
	}
	settings, err := o.registrySettings()
	if err != nil {
		return nil, nil, err
	}
	registry, err := codecs.NewRegistry(settings)
	if err != nil {
		return nil, nil, fmt.Errorf("--registry: %w", err)
	}
	opened, err := definition.Open(registry)
	if err == nil {
		err = opened.Prepare(ctx)
	}
	if err != nil {
		registry.Close()
		return nil, nil, err
	}
	return opened, registry, nil
}

// worker are the arguments of the worker's process.
func (o *benchOptions) worker(directory string) []string {
	return []string{
		"run", "--kafka.brokers", strings.Join(o.brokers, ","),
		"--registry.urls", strings.Join(o.registry, ","), "--registry.mode", "register",
		"--topics.prefix", o.prefix, "--topics.create=false",
		"--http.address", "127.0.0.1:0", "--views.enabled=" + strconv.FormatBool(o.views),
		"--store.directory", filepath.Join(directory, "stores"), "--log.level", "warn",
	}
}

// measure measures the worker, or the bare engine.
func (o *benchOptions) measure(ctx context.Context) error {
	settings := o.settings()
	if o.engine {
		settings.Topics = bench.EngineTopics(o.prefix, o.partitions)
		return bench.With(ctx, settings, func(b *bench.Bench) error {
			subject := bench.Engine(o.prefix, bench.Keys{Count: o.keys}, 0)
			return o.commandsOf(ctx, b, "the bare engine, strings", subject,
				[]string{"bench", "engine", "--brokers", strings.Join(o.brokers, ","), "--prefix", o.prefix})
		})
	}
	aggregate, registry, err := o.open(ctx)
	if err != nil {
		return err
	}
	defer registry.Close()
	subject, err := bench.Aggregate(aggregate, o.prefix, bench.Keys{Count: o.keys})
	if err != nil {
		return err
	}
	return bench.With(ctx, settings, func(b *bench.Bench) error {
		return o.commandsOf(ctx, b, "the "+aggregate.Plural+" worker", subject, o.worker(b.Directory()))
	})
}

// commandsOf measures commands to a subject, and prints the figures.
func (o *benchOptions) commandsOf(
	ctx context.Context, b *bench.Bench, what string, subject bench.Subject, worker []string,
) error {
	commandLine, err := bench.Itself(worker...)
	if err != nil {
		return err
	}
	load := bench.Load{
		Subject: subject, Commands: o.commands, Rate: o.rate, Workers: [][]string{commandLine},
		Written: func(took time.Duration) {
			fmt.Fprintf(o.out, "%s: %s commands to %s keys written in %v; the worker starts\n",
				what, command.Number(o.commands), command.Number(o.keys), took.Round(time.Millisecond))
		},
	}
	perMillion := 1e6 / float64(o.commands)
	if o.rate > 0 {
		load.Warm = o.keys // a key's first command is not counted
		r, err := b.AtRate(ctx, load)
		if err != nil {
			return err
		}
		o.row("measured", "%s, %s commands at %g/s", what, command.Number(r.Latency.Count), o.rate)
		o.row("latency ms", "%s", latencyText(r.Latency))
		o.row("worker CPU s per million", "%.2f", r.Worker.CPU.Seconds()*perMillion)
		return nil
	}
	d, err := b.Drain(ctx, load)
	if err != nil {
		return err
	}
	o.row("commands", "%s", command.Number(o.commands))
	o.row("first to last result", "%v", d.FirstToLast.Round(time.Millisecond))
	o.row("commands/s", "%s", perSecond(o.commands, d.FirstToLast))
	o.row("worker CPU s", "%.2f", d.Worker.CPU.Seconds())
	o.row("worker CPU s per million", "%.2f (its start and stop included)", d.Worker.CPU.Seconds()*perMillion)
	o.peak(d.Worker)
	return nil
}

// newBenchEngine is the process that bench --engine measures.
func newBenchEngine() *cobra.Command {
	var (
		brokers         []string
		prefix, profile string
	)
	cmd := &cobra.Command{
		Use: "engine", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			stop, err := startProfile(profile)
			if err != nil {
				return err
			}
			defer stop()
			logger := logging.New(os.Stderr, benchLog)
			return bench.RunEngine(cmd.Context(), kafka.Settings{Brokers: brokers}, prefix, logger)
		},
	}
	cmd.Flags().StringSliceVar(&brokers, "brokers", nil, "")
	cmd.Flags().StringVar(&prefix, "prefix", "", "")
	cmd.Flags().StringVar(&profile, "cpuprofile", "", "")
	return cmd
}

// benchLog is how the processes of measurements log.
var benchLog = config.Log{Level: "warn", Clients: "warn", Format: "text"}
