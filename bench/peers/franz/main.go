//go:build system

// Command franz does the bare work with nothing but franz-go: read a number, add one, write it, emit it, in
// one transaction with the offsets. It is the floor: what a worker costs that has neither a store on the
// disk nor a restore, and no code that isn't needed for this one thing.
//
// A transaction takes what was there when the last one had ended, as the engine's does; -least is the least
// time between two of them.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

func main() {
	brokers := flag.String("brokers", "localhost:9092", "host:port, separated by commas")
	prefix := flag.String("prefix", "", "of the topics and the group")
	least := flag.Duration("least", 5*time.Millisecond, "the least time between two transactions")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *brokers, *prefix, *least)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "franz:", err)
		os.Exit(1)
	}
}

// maxPoll limits a transaction, in records, as the engine's does.
const maxPoll = 20_000

// counter is the state, and what is being written.
type counter struct {
	prefix  string
	session *kgo.GroupTransactSession
	counts  map[string]int64
}

func run(ctx context.Context, brokers, prefix string, least time.Duration) error {
	session, err := kgo.NewGroupTransactSession(
		kgo.SeedBrokers(strings.Split(brokers, ",")...), kgo.ConsumerGroup(prefix+"franz"),
		kgo.ConsumeTopics(prefix+"input"), kgo.TransactionalID(prefix+"franz"),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.RecordPartitioner(kafka.Partitioner()),
		kgo.MaxBufferedRecords(10*maxPoll), kgo.ProducerLinger(time.Millisecond))
	if err != nil {
		return fmt.Errorf("connecting to Kafka: %w", err)
	}
	defer session.Close()
	c := &counter{prefix: prefix, session: session, counts: make(map[string]int64)}
	for {
		begin := time.Now()
		fetches := session.PollRecords(ctx, maxPoll)
		if ctx.Err() != nil {
			return nil // it was asked to end
		}
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("polling: %w", err)
		}
		if err := c.transaction(ctx, fetches); err != nil {
			return err
		}
		kafka.Sleep(ctx, least-time.Since(begin))
	}
}

// transaction handles what was polled.
func (c *counter) transaction(ctx context.Context, fetches kgo.Fetches) error {
	if err := c.session.Begin(); err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	changed := make(map[string]int64)
	fetches.EachRecord(func(r *kgo.Record) {
		key := string(r.Key)
		count := c.counts[key] + 1
		c.counts[key], changed[key] = count, count
		value := strconv.AppendInt(make([]byte, 0, len(r.Value)+8), count, 10)
		value = append(append(value, ':'), r.Value...)
		c.session.Produce(ctx, &kgo.Record{Topic: c.prefix + "output", Key: r.Key, Value: value}, nil)
	})
	for key, count := range changed {
		c.session.Produce(ctx, &kgo.Record{
			Topic: c.prefix + "count-table", Key: []byte(key), Value: strconv.AppendInt(nil, count, 10),
		}, nil)
	}
	// The end must be told to the broker even if the program is asked to end meanwhile.
	committed, err := c.session.End(context.WithoutCancel(ctx), kgo.TryCommit)
	switch {
	case err != nil:
		return fmt.Errorf("ending a transaction: %w", err)
	case !committed:
		return fmt.Errorf("a transaction was aborted: the floor has no way back to what was before")
	}
	return nil
}
