package program

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"refold/bench"
	"refold/kafka"
	"refold/logging"
	"refold/processors"
	"refold/program/command"
	"refold/snapshots"
	"refold/worker"
)

// restoreOptions say what is restored.
type restoreOptions struct {
	benchOptions

	rows, runs int
	topic      string
	asJSON     bool
}

func (p *program) newBenchRestore() *cobra.Command {
	o := restoreOptions{benchOptions: p.newBenchOptions()}
	cmd := &cobra.Command{
		Use:   "restore",
		Short: "Measure how fast a worker that has lost its disk restores its table",
		Long: `Measure how fast a worker that has lost its disk restores its table.

The benchmark writes a table topic. Then it restores the topic onto an empty disk in its own process, as a
worker does. With --topic it uses a topic of yours and only reads it, unless --rows says that it should write
rows to it. Memory and files are those of a worker with default options.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.topic != "" && !cmd.Flags().Changed("rows") {
				o.rows = 0
			}
			if o.rows < 0 || o.topic == "" && o.rows < 1 || o.partitions < 1 || o.runs < 1 {
				return errors.New("--rows, --partitions and --runs must be at least 1")
			}
			return o.within(cmd, o.measure)
		},
	}
	f := cmd.Flags()
	o.clusterFlags(f)
	f.IntVar(&o.rows, "rows", 1_000_000,
		fmt.Sprintf("how many rows are written, of aggregates with %d events each", bench.EventsPerRow))
	f.IntVar(&o.partitions, "partitions", 4, "of the topic that is written")
	f.StringVar(&o.topic, "topic", "", "the topic, made if it is missing, and kept. Default: one of its own")
	f.IntVar(&o.runs, "runs", 1, "restore it as many times")
	f.BoolVar(&o.asJSON, "json", false, "print a line of JSON for each run, and nothing else")
	return cmd
}

func (o *restoreOptions) measure(ctx context.Context) error {
	settings := o.settings()
	settings.Topics, settings.Keep = nil, o.topic != ""
	topic := o.topic
	var aggregate *processors.OpenAggregate
	if o.rows > 0 {
		opened, registry, err := o.open(ctx)
		if err != nil {
			return err
		}
		defer registry.Close()
		aggregate = opened
		if topic == "" {
			topic = opened.Topics(o.prefix).Table
		}
		settings.Topics = []kafka.TopicSpec{{
			Name: topic, Partitions: int32(o.partitions), ReplicationFactor: 1,
			Config: map[string]string{"cleanup.policy": "compact"},
		}}
	}
	return bench.With(ctx, settings, func(b *bench.Bench) error {
		if aggregate != nil {
			if err := o.write(ctx, b, aggregate, topic); err != nil {
				return err
			}
		}
		partitions, err := b.Partitions(ctx, topic)
		if err != nil {
			return err
		}
		for range o.runs {
			if err := o.once(ctx, b, topic, int(partitions)); err != nil {
				return err
			}
		}
		return nil
	})
}

// write writes the rows.
func (o *restoreOptions) write(
	ctx context.Context, b *bench.Bench, aggregate *processors.OpenAggregate, topic string,
) error {
	w, err := b.WriteRows(ctx, aggregate, topic, o.rows)
	if err == nil && !o.asJSON {
		fmt.Fprintf(o.out, "%s rows of %s, %d bytes each, written to %d partitions of %s in %v\n",
			command.Number(o.rows), aggregate.Plural, w.Bytes/int64(o.rows), o.partitions, topic,
			w.Took.Round(time.Millisecond))
	}
	return err
}

// once restores the topic in a process of its own.
func (o *restoreOptions) once(ctx context.Context, b *bench.Bench, topic string, partitions int) error {
	stores := filepath.Join(b.Directory(), "stores")
	took, err := b.Restore(ctx, topic, stores, []string{
		"bench", "restorer", topic, "--kafka.brokers", strings.Join(o.brokers, ","),
		"--store.directory", stores, "--topics.partitions", strconv.Itoa(partitions),
	})
	if err != nil {
		return err
	}
	if o.asJSON {
		return json.NewEncoder(o.out).Encode(took) //nolint:wrapcheck // standard output is gone
	}
	o.show(took)
	return nil
}

func (o *restoreOptions) show(t bench.Restored) {
	million := 1e6 / float64(max(t.Rows, 1))
	o.row("rows restored", "%s, %d MB", command.Number(t.Rows), t.Bytes/1e6)
	o.row("restore s", "%.2f", t.Seconds)
	o.row("rows/s", "%s", perSecond(t.Rows, time.Duration(t.Seconds*float64(time.Second))))
	if t.CPUSeconds > 0 {
		o.row("CPU s per million rows", "%.2f (to its end: %.2f)", t.CPUSeconds*million,
			t.TotalCPUSeconds*million)
		o.row("memory, peak", "%d MiB", t.PeakBytes>>20)
	}
}

// newBenchRestorer is the process that bench restore measures.
func (p *program) newBenchRestorer() *cobra.Command {
	var profile string
	cmd := &cobra.Command{
		Use: "restorer", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			loaded, err := p.Load(cmd, nil)
			if err != nil {
				return err
			}
			stop, err := startProfile(profile)
			if err != nil {
				return err
			}
			defer stop()
			in := loaded.Installation
			worker.LimitMemory(in.Config.Processor)
			took, err := bench.RestoreTable(cmd.Context(), func() (*snapshots.Stores, error) {
				return worker.OpenTables(in, prometheus.NewRegistry(), logging.New(os.Stderr, benchLog))
			}, args[0], in.Config.Topics.Partitions)
			if err != nil {
				return err
			}
			return json.NewEncoder(cmd.OutOrStdout()).Encode(took) //nolint:wrapcheck // nobody reads it
		},
	}
	p.Options.AddFlags(cmd.Flags())
	cmd.Flags().StringVar(&profile, "cpuprofile", "", "")
	return cmd
}
