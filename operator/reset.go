package operator

import (
	"context"
	"errors"

	"refold/kafka"
	"refold/processors"
	"refold/snapshots"
	"refold/snapshots/rebuild"
	"refold/snapshots/rebuild/reset"
	"refold/snapshots/verify"
)

// resetCacheBytes is the memory of each of the two folds of a partition.
const resetCacheBytes = 64 << 20

// ResetCallbacks are called while a reset works. All are required.
type ResetCallbacks struct {
	// Progress gets how far a stage of a partition is.
	Progress func(partition int32, stage string, done, total int64)
	// Made is called when the rows of a partition are made.
	Made func(reset.PartitionReport)
	// Differs is called with each difference that verifying a partition finds. An error of it ends the
	// reset.
	Differs func(verify.Difference) error
}

// ResetReport is what a reset did.
type ResetReport struct {
	// Begun says that something was changed. Until the reset is done, workers do not start.
	Begun bool
	// Verified says that all partitions are made and were compared with their events. Differences were
	// found; with any, the reset stops, and workers do not start.
	Verified    bool
	Differences int64
	// VersionNotRecorded is why the fold version of the rows could not be recorded: an installation
	// without the topic of rebuilds has had none. Nil: it is recorded.
	VersionNotRecorded error
	// Done says that workers may start.
	Done bool
}

// Run does what Plan has shown. All of it may be done again after a failure, or a kill. The error is a
// *MembersError or reset.ErrMembers if the group has members, and a *LostCommandsError as Refused has it.
func (r *Reset) Run(ctx context.Context, calls ResetCallbacks) (report ResetReport, err error) {
	topics := r.options.Aggregate.Topics
	membership, err := reset.Join(ctx, r.options.Kafka, topics.Group, topics.Commands)
	if errors.Is(err, reset.ErrMembers) {
		return report, errors.Join(err, r.refuseMembers(ctx))
	}
	if err != nil {
		return report, err
	}
	defer membership.Leave()
	held, cancel := membership.Held(ctx)
	defer cancel()
	if err := r.removeStore(ctx); err != nil {
		return report, err
	}
	report.Begun = true
	if err := membership.MarkAll(held, topics.Commands, r.partitions); err != nil {
		return report, err
	}
	if err := r.make(held, membership, calls, &report); err != nil {
		return report, causeOf(held, err)
	}
	return report, nil
}

// causeOf is why something was cut short, if it was.
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		return errors.Join(cause, err)
	}
	return err
}

// make makes all partitions, verifies them, and lets workers in.
func (r *Reset) make(
	ctx context.Context, membership *reset.Membership, calls ResetCallbacks, report *ResetReport,
) error {
	for _, p := range r.partitions {
		if err := r.partition(ctx, membership, p, calls); err != nil {
			return err
		}
		n, err := r.check(ctx, p, calls)
		if err != nil {
			return err
		}
		report.Differences += n
	}
	report.Verified = true
	if report.Differences > 0 {
		return nil
	}
	// Asked again: what was in a transaction when the plan was made is decided now.
	positions, err := r.finder.Find(ctx, r.partitions)
	if err != nil {
		return err
	}
	commands := r.options.Aggregate.Topics.Commands
	offsets := make(map[int32]int64, len(positions))
	for _, p := range r.partitions {
		if positions[p].Lost && !r.options.AllCommands {
			return &LostCommandsError{commands, p}
		}
		offsets[p] = positions[p].Next
	}
	if err := r.recordVersion(ctx, report); err != nil {
		return err
	}
	if err := membership.Commit(ctx, commands, offsets); err != nil {
		return err
	}
	report.Done = true
	return nil
}

// partition makes the rows of one.
func (r *Reset) partition(
	ctx context.Context, membership *reset.Membership, p int32, calls ResetCallbacks,
) error {
	a := r.options.Aggregate
	rings := processors.Rings{
		Fold: a.Fold, Messages: a.Messages, Size: a.RecentSize, EventsLost: r.options.EventsLost,
	}
	table := r.tableCopy(p)
	defer table.close() //nolint:errcheck // a temporary copy
	report, err := reset.Partition(ctx, reset.Options{
		Kafka: r.options.Kafka, Topics: r.finder.Topics, Events: rings.OfEvents(),
		Results: rings.OfResults(), Rings: rings, Dir: r.options.Dir, CacheBytes: resetCacheBytes,
		TransactionalID: a.Topics.Group + "-reset",
		Progress:        func(stage string, done, total int64) { calls.Progress(p, stage, done, total) },
	}, p, func(ctx context.Context, p int32) (reset.TableCopy, error) {
		// A transaction that was being decided when the offsets were marked may have set them.
		if err := membership.MarkAll(ctx, a.Topics.Commands, []int32{p}); err != nil {
			return nil, err
		}
		_, err := table.copy(ctx, p)
		return table, err
	})
	if err != nil {
		return err
	}
	calls.Made(report)
	return nil
}

// check verifies a partition, and returns how many differences there are.
func (r *Reset) check(ctx context.Context, p int32, calls ResetCallbacks) (int64, error) {
	a := r.options.Aggregate
	table := r.tableCopy(p)
	defer table.close() //nolint:errcheck // a temporary copy
	o := verify.Options{
		Fold: a.Fold, Kafka: r.options.Kafka, Events: a.Topics.Events,
		TableName: a.Topics.Table, Results: a.Topics.Results, Partition: p, Table: table,
		Messages: messages{a.Messages}, Dir: table.dir + "-fold",
		CacheBytes: verifyCacheBytes, CPUShare: 1,
		Report: calls.Differs,
	}
	if r.options.EventsLost {
		o.Results = "" // these know of more
	}
	report, err := verify.Run(ctx, o)
	return report.Differences, err
}

// recordVersion records which fold the rows are of.
func (r *Reset) recordVersion(ctx context.Context, report *ResetReport) error {
	_, report.VersionNotRecorded = kafka.Partitions(ctx, r.client, r.options.Rebuilds.Name)
	if report.VersionNotRecorded != nil {
		return nil
	}
	topic, err := rebuild.Open(r.options.Rebuilds)
	if err != nil {
		return err
	}
	defer topic.Close()
	a := r.options.Aggregate
	return topic.RecordReset(ctx, a.Topics.Group, r.partitions, a.RowsVersion, r.options.By)
}

// removeStore removes this machine's stores of the table. It fails if a worker has them.
func (r *Reset) removeStore(ctx context.Context) error {
	if r.localStore() == "" {
		return nil
	}
	stores, err := snapshots.Open(snapshots.Options{
		Name: "reset", Dir: r.options.StoreDir, Kafka: r.options.Kafka,
		CacheBytes: copyCacheBytes, MaxOpenFiles: copyOpenFiles,
	})
	if err != nil {
		return err
	}
	return errors.Join(stores.Remove(ctx, r.options.Aggregate.Topics.Table), stores.Close())
}
