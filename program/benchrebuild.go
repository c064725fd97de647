package program

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"refold/bench"
	"refold/logging"
	"refold/processors"
	"refold/program/command"
	"refold/snapshots/rebuild"
)

// rebuildOptions say what is refolded.
type rebuildOptions struct {
	benchOptions

	events, wrong int
	share         float64
	cache         string
	duration      time.Duration
	rest          time.Duration // between two rebuilds
}

func (p *program) newBenchRebuild() *cobra.Command {
	o := rebuildOptions{benchOptions: p.newBenchOptions()}
	cmd := &cobra.Command{
		Use:   "rebuild",
		Short: "Measure a rebuild: how fast it folds, and how it delays live commands",
		Long: `Measure a rebuild: how fast it folds, and how it delays live commands.

The benchmark writes the events that the sample traffic of one kind of aggregate leads to, and the rows, some
of which differ from the fold of the events. Then it starts a worker, in its own process, and asks it for a
rebuild.

Without --rate nothing else runs, and the worker may use a whole core for the rebuild. With --rate, commands
are sent at a fixed rate for --duration, in turns with and without a rebuild, within the default limits of
workers. Latency is the time from when a command was due to when a read-committed reader has its result.`,
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
	f.IntVar(&o.events, "events", 4_000_000, "how many events")
	f.IntVar(&o.keys, "keys", 1_000_000, "how many aggregates they are of")
	f.IntVar(&o.wrong, "wrong", 1_000, "how many of their rows are wrong")
	f.IntVar(&o.partitions, "partitions", 1, "of each topic")
	f.Float64Var(&o.rate, "rate", 0, "commands a second meanwhile")
	f.DurationVar(&o.duration, "duration", time.Minute, "with --rate: how long commands come")
	f.DurationVar(&o.rest, "rest", 10*time.Second, "with --rate: the time between two rebuilds")
	f.Float64Var(&o.share, "cpu-share", 0,
		"rebuild.cpu-share of the worker; 0: 1, or with --rate the default")
	f.StringVar(&o.cache, "cache-bytes", "", "rebuild.cache-bytes of the worker; default: as is the worker's")
	return cmd
}

func (o *rebuildOptions) validate() error {
	switch {
	case o.keys < 1 || o.events < o.keys || o.wrong < 0 || o.wrong > o.keys:
		return fmt.Errorf("--events is %d, --keys %d and --wrong %d; there must be one key, an event for "+
			"each at least, and no more wrong rows than keys", o.events, o.keys, o.wrong)
	case o.partitions < 1:
		return fmt.Errorf("--partitions is %d; it must be at least 1", o.partitions)
	case o.rate < 0:
		return fmt.Errorf("--rate is %g; it must not be negative", o.rate)
	case o.rest <= 0:
		return fmt.Errorf("--rest is %v; it must be more than 0", o.rest)
	case o.rate > 0 && o.duration <= 2*o.rest:
		return fmt.Errorf("--duration is %v; it must be more than twice --rest, %v", o.duration, o.rest)
	}
	if o.share == 0 && o.rate == 0 {
		o.share = 1
	}
	return nil
}

func (o *rebuildOptions) measure(ctx context.Context) error {
	aggregate, registry, err := o.open(ctx)
	if err != nil {
		return err
	}
	defer registry.Close()
	settings := o.settings()
	return bench.With(ctx, settings, func(b *bench.Bench) error {
		past, err := o.writePast(ctx, b, aggregate)
		if err != nil {
			return err
		}
		topic, err := rebuild.Open(rebuild.TopicOptions{
			Kafka: settings.Kafka, Name: rebuild.TopicName(o.prefix), StallAfter: time.Minute,
			Logger: logging.New(o.logs, benchLog),
		})
		if err != nil {
			return err
		}
		defer topic.Close()
		worker, err := bench.Itself(o.worker(b.Directory())...)
		if err != nil {
			return err
		}
		r := bench.Rebuild{Past: past, Worker: worker, Requests: &rebuild.Requests{
			Topic: topic, Aggregates: o.install().Rebuildable(),
			Partitions: func() (int32, error) { return int32(o.partitions), nil },
		}}
		if o.rate > 0 {
			return o.turns(ctx, b, r)
		}
		return o.alone(ctx, b, r)
	})
}

// writePast writes the events and the rows.
func (o *rebuildOptions) writePast(
	ctx context.Context, b *bench.Bench, aggregate *processors.OpenAggregate,
) (*bench.WrittenPast, error) {
	past, err := b.WritePast(ctx, bench.Past{
		Aggregate: aggregate, Prefix: o.prefix, Partitions: o.partitions,
		Keys: o.keys, Events: o.events, Wrong: o.wrong,
	})
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(o.out, "%s events of %s %s, %d bytes each, and rows of %d bytes, %s of them wrong, "+
		"written in %v; the worker starts\n",
		command.Number(past.Events), command.Number(o.keys), aggregate.Plural,
		past.EventBytes/int64(past.Events), past.RowBytes/int64(o.keys), command.Number(o.wrong),
		past.Took.Round(time.Millisecond))
	return past, nil
}

// worker are the arguments of the worker's process.
func (o *rebuildOptions) worker(directory string) []string {
	args := append(o.benchOptions.worker(directory), "--topics.partitions", strconv.Itoa(o.partitions))
	if o.share > 0 {
		args = append(args, "--rebuild.cpu-share", strconv.FormatFloat(o.share, 'g', -1, 64))
	}
	if o.cache != "" {
		args = append(args, "--rebuild.cache-bytes", o.cache)
	}
	return args
}

// alone measures a rebuild while nothing else goes on.
func (o *rebuildOptions) alone(ctx context.Context, b *bench.Bench, r bench.Rebuild) error {
	done, err := b.Rebuild(ctx, r)
	if err != nil {
		return err
	}
	outcome := done.Progress
	if int(outcome.Changed) != o.wrong || int(outcome.Equal) != o.keys-o.wrong {
		return fmt.Errorf("%d rows were wrong, and the rebuild has found %d changed, %d equal", o.wrong,
			outcome.Changed, outcome.Equal)
	}
	o.stage("fold, events/s", outcome.EventsRead, done.Stages[rebuild.Folding])
	o.stage("compare, rows/s", int64(o.keys), done.Stages[rebuild.Comparing])
	o.row("put right", "%s rows in %v, in %d steps between transactions, the longest of %.1f ms",
		command.Number(int(outcome.Changed)), done.Stages[rebuild.Closing].Wall.Round(time.Millisecond),
		outcome.Steps, outcome.LongestStep*1000)
	o.peak(done.Worker)
	return nil
}

// stage prints how fast a stage went.
func (o *rebuildOptions) stage(name string, n int64, took bench.Spent) {
	o.row(name, "%s; %s a second of processor time; %.2f s",
		perSecond(int(n), took.Wall), perSecond(int(n), took.CPU), took.Wall.Seconds())
}

// turns measures live commands with a rebuild and without.
func (o *rebuildOptions) turns(ctx context.Context, b *bench.Bench, r bench.Rebuild) error {
	t, err := b.Turns(ctx, r, bench.Turns{Rate: o.rate, Duration: o.duration, Rest: o.rest})
	if err != nil {
		return err
	}
	o.row("measured", "%s commands at %g/s, %d rebuilds", command.Number(t.Commands), o.rate, t.Rebuilds)
	o.row("latency ms, without", "%s   (%s commands)", latencyText(t.Without),
		command.Number(t.Without.Count))
	o.row("latency ms, refolding", "%s   (%s commands)", latencyText(t.With), command.Number(t.With.Count))
	o.row("p99, refolding to without", "%.2f", t.With.P99/t.Without.P99)
	return nil
}
