package program

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"refold/config"
	"refold/installation"
	"refold/kafka"
	"refold/logging"
	"refold/processors/accounts"
	"refold/snapshots"
	"refold/worker"
)

// eventsPerRow is how many events the accounts have whose rows are restored: each has an open charge, and
// four commands in its ring.
const eventsPerRow = 4

// restoreOptions say what is restored.
type restoreOptions struct {
	bench      benchOptions
	rows, runs int
	topic      string
	asJSON     bool
}

func (p *program) newBenchRestore() *cobra.Command {
	o := restoreOptions{bench: benchOptions{definitions: p.Definitions}}
	cmd := &cobra.Command{
		Use:   "restore",
		Short: "Measure how fast a worker that has lost its disk has its table back",
		Long: `Measure how fast a worker that has lost its disk has its table back.

A table topic is written and restored onto an empty disk, by a process of its own, as a worker does.
With --topic: one of yours, which is only read, unless --rows says that rows are to be written to it.
Memory and files are those of a worker with default options.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.topic != "" && !cmd.Flags().Changed("rows") {
				o.rows = 0
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), o.bench.timeout)
			defer cancel()
			r := &restoreBench{
				benchRun: newBenchRun(o.bench, cmd.OutOrStdout(), cmd.ErrOrStderr()), restoreOptions: o,
			}
			return r.run(ctx)
		},
	}
	f := cmd.Flags()
	o.bench.clusterFlags(f)
	f.IntVar(&o.rows, "rows", 1_000_000, "how many rows are written, of accounts with four events each")
	f.IntVar(&o.bench.partitions, "partitions", 4, "of the topic that is written")
	f.StringVar(&o.topic, "topic", "", "the topic, made if it is missing, and kept. Default: one of its own")
	f.IntVar(&o.runs, "runs", 1, "restore it as many times")
	f.BoolVar(&o.asJSON, "json", false, "print a line of JSON for each run, and nothing else")
	return cmd
}

// restoreBench is one measurement of restores.
type restoreBench struct {
	*benchRun
	restoreOptions
}

// restored is what a restore took.
type restored struct {
	Topic   string  `json:"topic"`
	Rows    int     `json:"rows"`
	Bytes   int64   `json:"bytes"` // of keys and values
	Seconds float64 `json:"seconds"`
	// CPUSeconds is until the rows are there, TotalCPUSeconds with the program's start, and until all
	// is on the disk and the program over. 0: nobody knows.
	CPUSeconds      float64 `json:"cpuSeconds"`
	TotalCPUSeconds float64 `json:"totalCpuSeconds"`
	PeakBytes       int64   `json:"peakBytes"` // of memory
}

func (r *restoreBench) run(ctx context.Context) error {
	if r.rows < 0 || r.topic == "" && r.rows < 1 || r.partitions < 1 || r.runs < 1 {
		return errors.New("--rows, --partitions and --runs must be at least 1")
	}
	var specs []kafka.TopicSpec
	if r.rows > 0 {
		specs = []kafka.TopicSpec{{
			Name: r.topic, Partitions: int32(r.partitions), ReplicationFactor: 1,
			Config: map[string]string{"cleanup.policy": "compact"},
		}}
	}
	r.keep = r.topic != ""
	if !r.keep {
		r.topic = accounts.Definition.Topics(r.prefix).Table
		specs[0].Name = r.topic
	}
	return r.with(ctx, specs, func() error {
		if r.rows > 0 {
			if err := r.fill(ctx); err != nil {
				return err
			}
		}
		partitions, err := kafka.Partitions(ctx, r.client, r.topic)
		if err != nil {
			return err
		}
		r.partitions = int(partitions)
		for range r.runs {
			if err := r.once(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

func (r *restoreBench) fill(ctx context.Context) error {
	subject, err := r.openAccounts(ctx)
	if err != nil {
		return err
	}
	defer subject.close()
	bank := &benchBank{
		accountsSubject: subject, table: r.topic, keys: r.rows, events: r.rows * eventsPerRow,
	}
	begin := time.Now()
	bytes, err := r.write(ctx, "rows", r.rows, bank.row)
	if err == nil && !r.asJSON {
		fmt.Fprintf(r.out, "%s rows of accounts, %d bytes each, written to %d partitions of %s in %v\n",
			number(r.rows), bytes/int64(r.rows), r.partitions, r.topic,
			time.Since(begin).Round(time.Millisecond))
	}
	return err
}

// once restores the topic in a process of its own.
func (r *restoreBench) once(ctx context.Context) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the program: %w", err)
	}
	directory := filepath.Join(r.directory, "stores")
	child := exec.CommandContext(ctx, program, "bench", "restorer", r.topic,
		"--kafka.brokers", strings.Join(r.brokers, ","), "--store.directory", directory,
		"--topics.partitions", strconv.Itoa(r.partitions), "--cpuprofile", r.profile)
	child.Stderr = r.logs
	printed, err := child.Output()
	if err != nil {
		return fmt.Errorf("restore %s: %w", r.topic, err)
	}
	if err := os.RemoveAll(directory); err != nil {
		return fmt.Errorf("empty the disk: %w", err)
	}
	var took restored
	if err := json.Unmarshal(printed, &took); err != nil {
		return fmt.Errorf("restore %s: what it took: %w", r.topic, err)
	}
	took.TotalCPUSeconds = (child.ProcessState.UserTime() + child.ProcessState.SystemTime()).Seconds()
	if r.asJSON {
		return json.NewEncoder(r.out).Encode(took) //nolint:wrapcheck // standard output is gone
	}
	r.show(took)
	return nil
}

func (r *restoreBench) show(t restored) {
	million := 1e6 / float64(max(t.Rows, 1))
	r.row("rows restored", "%s, %d MB", number(t.Rows), t.Bytes/1e6)
	r.row("restore s", "%.2f", t.Seconds)
	r.row("rows/s", "%s", perSecond(t.Rows, time.Duration(t.Seconds*float64(time.Second))))
	if t.CPUSeconds > 0 {
		r.row("CPU s per million rows", "%.2f (to its end: %.2f)", t.CPUSeconds*million,
			t.TotalCPUSeconds*million)
		r.row("memory, peak", "%d MiB", t.PeakBytes>>20)
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
			took, err := restoreTopic(cmd.Context(), loaded.Installation, args[0])
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

// restoreTopic restores a table as a worker does.
func restoreTopic(
	ctx context.Context, in *installation.Installation, topic string,
) (t restored, err error) {
	worker.LimitMemory(in.Config.Processor)
	begin, before := time.Now(), processorTime(os.Getpid())
	logger := logging.New(os.Stderr, config.Log{Level: "warn", Clients: "warn", Format: "text"})
	stores, err := worker.OpenTables(in, prometheus.NewRegistry(), logger)
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, stores.Close()) }()
	tables := make([]*snapshots.Staged, in.Config.Topics.Partitions)
	var all errgroup.Group
	for i := range tables {
		if tables[i], err = stores.Staged(ctx, topic, int32(i)); err != nil {
			return t, err
		}
		all.Go(tables[i].Open)
	}
	if err := all.Wait(); err != nil {
		return t, err
	}
	t.Topic, t.Seconds = topic, time.Since(begin).Seconds()
	t.CPUSeconds = (processorTime(os.Getpid()) - before).Seconds()
	t.PeakBytes = peakMemory(os.Getpid())
	for _, table := range tables {
		if err := t.count(table); err != nil {
			return t, err
		}
	}
	return t, nil
}

// count adds a table's rows.
func (t *restored) count(table *snapshots.Staged) error {
	rows, err := table.Iterator()
	if err != nil {
		return err
	}
	defer rows.Release()
	for rows.Next() {
		value, err := rows.Value()
		if err != nil {
			return err
		}
		t.Rows++
		t.Bytes += int64(len(rows.Key()) + len(value))
	}
	return rows.Err()
}
