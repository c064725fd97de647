//go:build system

// Command goka does the bare work with Goka as it ships, on Sarama: read a number, add one, write it, emit
// it. It is not exactly once, nor at least once: a message's offset is marked when its own emits are
// acknowledged, and a later message's offset covers an earlier one that still waits. The table is in
// LevelDB.
//
// Two things are not as shipped, because nothing would be measured: the group begins at the oldest record,
// and keys are hashed as everybody else hashes them.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
	"github.com/lovoo/goka/storage"

	"refold/kafka"
)

func main() {
	brokers := flag.String("brokers", "localhost:9092", "host:port, separated by commas")
	prefix := flag.String("prefix", "", "of the topics and the group")
	store := flag.String("store", "store", "the table's folder")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, strings.Split(*brokers, ","), *prefix, *store)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "goka:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, brokers []string, prefix, store string) error {
	settings := goka.DefaultConfig() //nolint:forbidigo // a copy: what is compared is Goka as it ships
	settings.Consumer.Offsets.Initial = sarama.OffsetOldest
	topics := goka.NewTopicManagerConfig()
	topics.Table.Replication = 1
	p, err := goka.NewProcessor(brokers, count(prefix),
		goka.WithHasher(kafka.NewHasher),
		goka.WithStorageBuilder(storage.DefaultBuilder(store)),
		goka.WithConsumerGroupBuilder(goka.ConsumerGroupBuilderWithConfig(settings)),
		goka.WithTopicManagerBuilder(goka.TopicManagerBuilderWithTopicManagerConfig(topics)))
	if err != nil {
		return fmt.Errorf("making the processor: %w", err)
	}
	if err := p.Run(ctx); err != nil {
		return fmt.Errorf("running the processor: %w", err)
	}
	return nil
}

// count is the graph.
func count(prefix string) *goka.GroupGraph {
	output := goka.Stream(prefix + "output")
	return goka.DefineGroup(goka.Group(prefix+"count"),
		goka.Input(goka.Stream(prefix+"input"), new(codec.String), func(ctx goka.Context, msg any) {
			count, _ := ctx.Value().(int64)
			count++
			ctx.SetValue(count)
			ctx.Emit(output, ctx.Key(), fmt.Sprintf("%d:%s", count, msg))
		}),
		goka.Output(output, new(codec.String)),
		goka.Persist(new(codec.Int64)))
}
