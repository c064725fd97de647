//go:build system

// Command peer restores the same table topic, from the same real Kafka and by turns, with the worker's own
// restore and with Kafka Streams', and prints both side by side:
//
//	make bench-peer ROWS=1000000
//
// Rows and what they take come from `processor bench restore`. The peer, streams/Restore.java, is a state
// store of Kafka Streams as its users have it (RocksDB, exactly once), with its defaults; its time counts
// from where it begins to restore, without the start of the JVM and of its consumer group.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"refold/system/realkafka"
)

// options are what is asked for.
type options struct {
	rows, partitions, rounds int
	program                  string
}

func main() {
	var o options
	flag.IntVar(&o.rows, "rows", 1_000_000, "of the table")
	flag.IntVar(&o.partitions, "partitions", 4, "of the table")
	flag.IntVar(&o.rounds, "rounds", 2, "in each, both restore it twice")
	flag.StringVar(&o.program, "program", "bin/processor", "the worker's program")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
}

// run starts Kafka, writes the table, and has it restored by turns.
func run(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp("", "refold-peer-")
	if err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	broker, err := realkafka.StartBroker(ctx, realkafka.BrokerOptions{Dir: dir})
	if err != nil {
		return err
	}
	defer broker.Stop()
	registry := srfake.New() // a schema's ID is all that rows need of one
	defer registry.Close()
	t := &trial{options: o, dir: dir, brokers: broker.Address(), registry: registry.URL()}
	if err := t.prepare(ctx); err != nil {
		return err
	}
	var ours, theirs []taken
	for range o.rounds {
		for _, side := range []*[]taken{&ours, &theirs, &theirs, &ours} {
			restore := t.ours
			if side == &theirs {
				restore = t.theirs
			}
			one, err := restore(ctx)
			if err != nil {
				return err
			}
			*side = append(*side, one)
		}
	}
	show(ours, theirs)
	return nil
}

// makeInput makes the topic that the peer's topology has as its input. It stays empty.
func (t *trial) makeInput(ctx context.Context) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(t.brokers))
	if err != nil {
		return fmt.Errorf("connecting to Kafka: %w", err)
	}
	defer client.Close()
	_, err = kadm.NewClient(client).CreateTopic(ctx, int32(t.partitions), 1, nil, application+"-input")
	if err != nil {
		return fmt.Errorf("making the peer's input: %w", err)
	}
	return nil
}

// figure is a line of the table: what is compared, of one run.
type figure struct {
	name string
	of   func(taken) float64
}

// show prints the median of each figure of both, and the ratio.
func show(ours, theirs []taken) {
	million := func(seconds float64, t taken) float64 { return seconds * 1e6 / float64(t.Rows) }
	figures := []figure{
		{"s, restore", func(t taken) float64 { return t.Seconds }},
		{"1,000 rows/s", func(t taken) float64 { return float64(t.Rows) / t.Seconds / 1000 }},
		{"CPU s per million rows, restore", func(t taken) float64 { return million(t.CPUSeconds, t) }},
		{"CPU s per million rows, process", func(t taken) float64 { return million(t.TotalCPUSeconds, t) }},
		{"MiB of memory, peak", func(t taken) float64 { return float64(t.PeakBytes >> 20) }},
	}
	fmt.Printf("\nThe same table topic, onto an empty disk; medians of %d runs each, by turns.\n\n"+
		"| | Refold | Kafka Streams | ratio |\n|---|---|---|---|\n", len(ours))
	for _, f := range figures {
		a, b := median(ours, f.of), median(theirs, f.of)
		fmt.Printf("| %s | %.2f | %.2f | %.2f |\n", f.name, a, b, b/a)
	}
}

// median returns the middle of a figure of all runs, of an even number the mean of both.
func median(runs []taken, of func(taken) float64) float64 {
	all := make([]float64, len(runs))
	for i, one := range runs {
		all[i] = of(one)
	}
	slices.Sort(all)
	return (all[(len(all)-1)/2] + all[len(all)/2]) / 2
}
