package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/twmb/franz-go/pkg/kadm"

	"refold/config"
	"refold/exactlyonce"
	"refold/kafka"
	"refold/refolds"
	"refold/snapshots/refold"
)

// memberData is what a worker tells the members of its group about itself.
type memberData struct {
	Worker      string `json:"worker"`
	FoldVersion int    `json:"foldVersion"`
}

// openRefolds begins to follow the topic of refolds, and gets a desk for people and a keeper for each
// aggregate's group.
func (w *Worker) openRefolds() (err error) {
	c := w.config
	w.refolds, err = refolds.Open(w.kafka, refolds.TopicName(c.Topics.Prefix), w.logger)
	if err != nil {
		return err
	}
	w.desk = &refolds.Desk{
		Topic: w.refolds, Aggregates: refoldable(c.Topics),
		Partitions: w.tablePartitions,
	}
	w.keepers = make(map[string]*keeper, len(w.aggregates))
	metrics := refolds.NewMetrics(w.metrics)
	for _, a := range w.aggregates {
		topics := a.topics(c.Topics)
		k := &keeper{worker: w, aggregate: a}
		k.Keeper = refolds.NewKeeper(refolds.KeeperConfig{
			Topic: w.refolds, Group: topics.Group, Called: a.plural,
			Partitions:  w.partitions.Load,
			FoldVersion: a.fold.Version(), Worker: workerName(c.Processor),
			Empty: k.empty, Members: k.members,
			AtStart: c.Refold.AtStart, Pause: c.Refold.Retry, Report: c.Refold.Report,
			Metrics: metrics, Logger: w.logger,
		})
		w.keepers[topics.Group] = k
	}
	return nil
}

// refolded names the last refold of a partition of a group's table.
func (w *Worker) refolded(group string) func(partition int32) string {
	return func(partition int32) (last string) {
		w.refolds.Look(func(b *refolds.Board) { last = b.Refolded(group, partition) })
		return last
	}
}

// workerName is what people call this worker by.
func workerName(c config.Processor) string {
	if c.TransactionalID != "" {
		return c.TransactionalID
	}
	host, err := os.Hostname()
	if err != nil {
		host = "worker"
	}
	return host + "-" + strconv.Itoa(os.Getpid())
}

// keeper joins the engine, the refold of a partition, and the topic of refolds, which don't know each
// other.
type keeper struct {
	*refolds.Keeper
	worker    *Worker
	aggregate *aggregate
}

// attend has the engine call the keeper.
func (k *keeper) attend(engine *exactlyonce.Config) {
	data, _ := json.Marshal(memberData{Worker: k.Worker, FoldVersion: k.FoldVersion}) // never fails
	engine.MemberData, engine.Prepare = data, k.Prepare
	engine.BetweenTimeout = k.worker.config.Refold.StepTimeout
	engine.Background = func(ctx context.Context, s exactlyonce.Session) {
		var work sync.WaitGroup
		defer work.Wait()
		work.Go(func() { k.worker.watch(ctx, k.aggregate, s) })
		k.Background(ctx, s.Partitions(), func(
			ctx context.Context, partition int32, dryRun bool, tell func(refolds.Progress),
		) (refolds.Progress, error) {
			return k.refold(ctx, s, partition, dryRun, tell)
		})
	}
}

// empty reports whether a partition of the events topic has never had an event.
func (k *keeper) empty(ctx context.Context, partition int32) (bool, error) {
	client, err := k.worker.kafka.Client()
	if err != nil {
		return false, err
	}
	defer client.Close()
	topic := k.aggregate.topics(k.worker.config.Topics).Events
	end, err := kafka.OffsetOf(topic, partition)(kadm.NewClient(client).ListEndOffsets(ctx, topic))
	return err == nil && end == 0, err
}

// members returns the fold version of each member of the group.
func (k *keeper) members(ctx context.Context) (map[string]int, error) {
	client, err := k.worker.kafka.Client()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	members, err := kafka.Members(ctx, kadm.NewClient(client), k.Group)
	if err != nil {
		return nil, err
	}
	versions := make(map[string]int, len(members))
	for _, m := range members {
		var data memberData
		if json.Unmarshal(m.Data, &data) != nil || data.Worker == "" {
			data = memberData{Worker: m.ClientID + " at " + m.Host}
		}
		versions[data.Worker] = data.FoldVersion
	}
	return versions, nil
}

// refold refolds one partition of a session.
func (k *keeper) refold(
	ctx context.Context, s exactlyonce.Session, partition int32, dryRun bool,
	tell func(refolds.Progress),
) (refolds.Progress, error) {
	c := k.worker.config
	topics := k.aggregate.topics(c.Topics)
	o := refold.Options{
		Fold: k.aggregate.fold, Kafka: k.worker.kafka, EventsTopic: topics.Events, Partition: partition,
		CacheBytes: int64(c.Refold.CacheBytes), EventsPerSecond: c.Refold.EventsPerSecond,
		CPUShare: c.Refold.CPUShare, Live: liveTable{s, partition}, StepRows: c.Refold.StepRows,
		StepBytes:   min(refold.DefaultStepBytes, int(c.Processor.BatchBytes)/2), // a row more must fit, too
		StepTimeout: c.Refold.StepTimeout, DryRun: dryRun, Samples: c.Refold.Samples,
	}
	if o.Samples == 0 {
		o.Samples = -1
	}
	if c.Store.Directory != "" {
		o.Dir = filepath.Join(c.Store.Directory, c.Topics.Prefix+"refold", topics.Events,
			strconv.Itoa(int(partition)))
	}
	var last refolds.Progress
	o.Progress = func(p refold.Progress) {
		last = progressOf(p)
		tell(last)
	}
	outcome, err := refold.Run(ctx, o)
	if err != nil {
		if refold.CodeOf(err) != "" {
			err = &refolds.Failure{Err: err}
		}
		done, _ := outcomeOf(last, outcome) // what was put right until then; samples are of no use
		done.EventsTotal = max(done.EventsTotal, last.EventsTotal)
		return done, err
	}
	return outcomeOf(last, outcome)
}

var stages = map[refold.Phase]refolds.Stage{
	refold.PhaseFold: refolds.Folding, refold.PhaseCompare: refolds.Comparing,
	refold.PhaseClose: refolds.Closing, refold.PhaseDone: refolds.Closing, // until that is noted
}

func progressOf(p refold.Progress) refolds.Progress {
	return refolds.Progress{
		Stage: stages[p.Phase], EventsRead: p.Events, EventsTotal: max(p.Events, p.End),
		Rate: p.Rate, SecondsLeft: p.Left.Seconds(), Differing: p.Differing,
	}
}

func outcomeOf(last refolds.Progress, o refold.Outcome) (refolds.Progress, error) {
	last.EventsRead, last.EventsTotal = o.Events, o.Events
	last.Equal, last.Changed, last.Added, last.Removed = o.Equal, o.Changed, o.Added, o.Removed
	last.Differing, last.Rate, last.SecondsLeft = o.Changed+o.Added+o.Removed, 0, 0
	last.Steps, last.LongestStep = o.Steps, o.LongestStep.Seconds()
	if len(o.Samples) > 0 {
		samples, err := json.Marshal(o.Samples)
		if err != nil {
			return last, fmt.Errorf("encode samples of differences: %w", err)
		}
		last.Samples = samples
	}
	return last, nil
}

// liveTable is a partition of a session's table for a refold.
type liveTable struct {
	session   exactlyonce.Session
	partition int32
}

// Rows of the partition as they are now.
func (l liveTable) Rows(context.Context) (refold.Rows, error) {
	table, err := l.session.Table(l.partition)
	if err != nil {
		return nil, err
	}
	rows, err := table.Iterator()
	if err != nil {
		return nil, fmt.Errorf("read the rows of partition %d: %w", l.partition, err)
	}
	return rows, nil
}

// Between runs fn between two transactions.
func (l liveTable) Between(
	ctx context.Context, fn func(ctx context.Context, table refold.Table) error,
) error {
	err := l.session.Between(ctx, l.partition, func(ctx context.Context, rows exactlyonce.RowWriter) error {
		return fn(ctx, rows)
	})
	if errors.Is(err, exactlyonce.ErrRefused) {
		return fmt.Errorf("%w: %w", refold.ErrRefused, err)
	}
	return err
}
