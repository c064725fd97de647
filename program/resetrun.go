package program

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"refold/kafka"
	"refold/logging"
	"refold/processors"
	"refold/snapshots"
	"refold/snapshots/rebuild"
	"refold/snapshots/rebuild/refold"
	"refold/snapshots/rebuild/reset"
	"refold/snapshots/verify"
)

// resetCacheBytes is the memory of each of the two folds of a partition.
const resetCacheBytes = 64 << 20

// run does what was shown.
func (r *resetting) run(ctx context.Context) error {
	membership, err := reset.Join(ctx, r.kafka, r.topics.Group, r.topics.Commands)
	if errors.Is(err, reset.ErrMembers) {
		return refusal{errors.Join(err, r.refuseMembers(ctx))}
	}
	if err != nil {
		return refusal{err}
	}
	defer membership.Leave()
	held, cancel := membership.Held(ctx)
	defer cancel()
	if err := r.removeStore(); err != nil {
		return refusal{err}
	}
	if err := membership.MarkAll(held, r.topics.Commands, r.partitions); err != nil {
		return err
	}
	if err := r.make(held, membership); err != nil {
		return fmt.Errorf("%w\nthe reset is not finished, and workers will not start: run it again",
			causeOf(held, err))
	}
	return nil
}

// causeOf is why something was cut short, if it was.
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		return errors.Join(cause, err)
	}
	return err
}

// make makes all partitions, verifies them, and lets workers in.
func (r *resetting) make(ctx context.Context, membership *reset.Membership) error {
	var differences int64
	for _, p := range r.partitions {
		if err := r.partition(ctx, membership, p); err != nil {
			return err
		}
		n, err := r.check(ctx, p)
		if err != nil {
			return err
		}
		differences += n
	}
	tellBeyond(r.err, r.folded.messages.Beyond)
	if differences > 0 {
		fmt.Fprintf(r.err, "%d differences; workers will not start until that is understood\n", differences)
		return exitError{exitUnequal}
	}
	// Asked again: what was in a transaction when the plan was made is decided now.
	positions, err := r.reader.Find(ctx, r.partitions)
	if err == nil {
		err = r.refuseLost(positions)
	}
	if err != nil {
		return err
	}
	if err := r.tellVersion(ctx); err != nil {
		return err
	}
	offsets := make(map[int32]int64, len(positions))
	for p, at := range positions {
		offsets[p] = at.Next
	}
	if err := membership.Commit(ctx, r.topics.Commands, offsets); err != nil {
		return err
	}
	fmt.Fprintf(r.out, "%s is made, verified, and group %s goes on at the commands that wait; start the "+
		"workers\n", r.topics.Table, r.topics.Group)
	return nil
}

// partition makes the rows of one.
func (r *resetting) partition(ctx context.Context, membership *reset.Membership, p int32) error {
	a := r.folded.aggregate
	rings := processors.Rings{
		Fold: a.Fold, Messages: r.folded.messages, Size: r.folded.settings.RecentCommands, EventsLost: r.flags.eventsLost,
	}
	table := r.tableCopy(p)
	defer table.close() //nolint:errcheck // a temporary copy
	progress := newProgress(r.err)
	defer progress.end()
	outcome, err := reset.Partition(ctx, reset.Options{
		Kafka: r.kafka, Topics: r.reader.Topics, Events: rings.OfEvents(), Results: rings.OfResults(),
		Rings: rings, Dir: r.dir, CacheBytes: resetCacheBytes,
		TransactionalID: r.topics.Group + "-reset",
		Progress: func(stage string, done, total int64) {
			progress.line(fmt.Sprintf("partition %d: %s (%d of %d)", p, stage, done, total))
		},
	}, p, func(ctx context.Context, p int32) (reset.TableCopy, error) {
		// A transaction that was being decided when the offsets were marked may have set them.
		if err := membership.MarkAll(ctx, r.topics.Commands, []int32{p}); err != nil {
			return nil, err
		}
		return newCopiedTable(ctx, table, p)
	})
	if errors.Is(err, processors.ErrEventsLost) {
		return fmt.Errorf("%w\nrestore them, or say --events-lost if nobody has them: clients were told of "+
			"what they hold", err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(r.out, "partition %d: %d events and %d results read; rows: %d written, %d deleted, %d were "+
		"right\n", p, outcome.Events, outcome.Results, outcome.Written, outcome.Removed, outcome.Kept)
	return nil
}

// check verifies a partition, and prints what differs.
func (r *resetting) check(ctx context.Context, p int32) (int64, error) {
	table := r.tableCopy(p)
	defer table.close() //nolint:errcheck // a temporary copy
	encoder := json.NewEncoder(r.out)
	o := verify.Options{
		Fold: r.folded.aggregate.Fold, Kafka: r.kafka, Events: r.topics.Events,
		TableName: r.topics.Table, Results: r.topics.Results, Partition: p, Table: table,
		Messages: readers{r.folded.messages}, Dir: table.dir + "-fold",
		CacheBytes: verifyCacheBytes, CPUShare: 1,
		Report: func(d verify.Difference) error { return encoder.Encode(d) },
	}
	if r.flags.eventsLost {
		o.Results = "" // these know of more
	}
	outcome, err := verify.Run(ctx, o)
	return outcome.Differences, err
}

// tellVersion notes which fold the rows are of. An installation without the topic has had no rebuild.
func (r *resetting) tellVersion(ctx context.Context) error {
	name := rebuild.TopicName(r.config.Topics.Prefix)
	if _, err := kafka.Partitions(ctx, r.client, name); err != nil {
		fmt.Fprintf(r.err, "the fold version is not noted: %v\n", err)
		return nil
	}
	topic, err := rebuild.Open(rebuild.TopicOptions{
		Kafka: r.kafka, Name: name, StallAfter: r.config.Processor.StallAfter,
		Logger: logging.New(r.err, r.config.Log),
	})
	if err != nil {
		return err
	}
	defer topic.Close()
	return topic.RecordReset(ctx, r.topics.Group, r.partitions, r.folded.aggregate.Fold.Version(),
		"processor reset, "+whoami())
}

// removeStore removes this machine's stores of the table, unless a worker has them.
func (r *resetting) removeStore() error {
	dir := r.storeDir()
	if dir == "" {
		return nil
	}
	stores, err := snapshots.Open(snapshots.Options{
		Name: "reset", Dir: r.tablesDir(), Kafka: r.kafka,
		CacheBytes: copyCacheBytes, MaxOpenFiles: copyOpenFiles,
	})
	if err != nil {
		return err // a worker has it
	}
	return errors.Join(os.RemoveAll(dir), stores.Close())
}

// copiedTable is the copy of a partition, to go through more than once.
type copiedTable struct{ *snapshots.Follower }

func newCopiedTable(ctx context.Context, table *tableCopy, p int32) (copiedTable, error) {
	follower, _, err := table.follow(ctx, p)
	return copiedTable{follower}, err
}

func (t copiedTable) Rows() (refold.RowIterator, error) { return t.Iterator() }
