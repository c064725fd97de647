package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/twmb/franz-go/pkg/kadm"

	"refold/exactlyonce"
	"refold/kafka"
	"refold/processors"
	"refold/snapshots/rebuild"
	"refold/snapshots/rebuild/refold"
)

// memberData is what a worker tells the members of its group about itself.
type memberData struct {
	Worker      string `json:"worker"`
	FoldVersion int    `json:"foldVersion"`
}

// openRebuilds begins to follow the topic of rebuilds, and makes what answers requests and a coordinator for
// each aggregate's group.
func (w *Worker) openRebuilds() (err error) {
	c := w.config
	w.rebuilds, err = rebuild.Open(rebuild.TopicOptions{
		Kafka: w.kafka, Name: rebuild.TopicName(c.Topics.Prefix), StallAfter: c.Processor.StallAfter,
		Logger: w.logger,
	})
	if err != nil {
		return err
	}
	w.requests = &rebuild.Requests{
		Topic: w.rebuilds, Aggregates: w.in.Rebuildable(),
		Partitions: w.tablePartitions,
	}
	w.coordinators = make(map[string]*coordinator, len(w.opened.Aggregates))
	metrics := rebuild.NewMetrics(w.metrics)
	for _, a := range w.opened.Aggregates {
		topics := w.in.Topics(a.AggregateName)
		k := &coordinator{worker: w, aggregate: a}
		k.Coordinator, err = rebuild.NewCoordinator(rebuild.CoordinatorConfig{
			Topic: w.rebuilds, Group: topics.Group, Plural: a.Plural,
			Partitions:  w.partitions.Load,
			FoldVersion: a.RowsVersion(), Worker: w.in.WorkerName(),
			Empty: k.empty, Members: k.members,
			AtStart: c.Rebuild.AtStart, Retry: c.Rebuild.Retry, ReportInterval: c.Rebuild.Report,
			Metrics: metrics, Logger: w.logger,
		})
		if err != nil {
			return err
		}
		w.coordinators[topics.Group] = k
	}
	return nil
}

// refolded names the last refold of a partition of a group's table.
func (w *Worker) refolded(group string) func(partition int32) string {
	return func(partition int32) (last string) {
		w.rebuilds.Look(func(s *rebuild.State) { last = s.Refolded(group, partition) })
		return last
	}
}

// coordinator joins the engine, the refold of a partition, and the topic of rebuilds, which don't know each
// other.
type coordinator struct {
	*rebuild.Coordinator
	worker    *Worker
	aggregate *processors.OpenAggregate
}

// attend has the engine call the coordinator.
func (k *coordinator) attend(engine *exactlyonce.Config) {
	data, _ := json.Marshal(memberData{Worker: k.Worker, FoldVersion: k.FoldVersion}) // never fails
	engine.MemberData, engine.Prepare = data, k.Prepare
	owned := k.worker.owned(engine, k.aggregate.Name)
	engine.BetweenTimeout = k.worker.config.Rebuild.StepTimeout
	engine.Background = func(ctx context.Context, s exactlyonce.Session) {
		var work sync.WaitGroup
		defer work.Wait()
		work.Go(func() { k.worker.watch(ctx, k.aggregate, s) })
		work.Go(func() { owned(ctx, s) })
		k.Background(ctx, s.Partitions(), func(
			ctx context.Context, partition int32, dryRun bool, tell func(rebuild.PartitionProgress),
		) (rebuild.PartitionProgress, error) {
			return k.refold(ctx, s, partition, dryRun, tell)
		})
	}
}

// empty reports whether a partition of the events topic has never had an event.
func (k *coordinator) empty(ctx context.Context, partition int32) (bool, error) {
	client, err := k.worker.kafka.Client()
	if err != nil {
		return false, err
	}
	defer client.Close()
	topic := k.worker.in.Topics(k.aggregate.AggregateName).Events
	end, err := kafka.OffsetOf(topic, partition)(kadm.NewClient(client).ListEndOffsets(ctx, topic))
	return err == nil && end == 0, err
}

// members returns the fold version of each member of the group.
func (k *coordinator) members(ctx context.Context) (map[string]int, error) {
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
func (k *coordinator) refold(
	ctx context.Context, s exactlyonce.Session, partition int32, dryRun bool,
	tell func(rebuild.PartitionProgress),
) (rebuild.PartitionProgress, error) {
	c := k.worker.config
	topics := k.worker.in.Topics(k.aggregate.AggregateName)
	o := refold.Options{
		Fold: k.aggregate.Fold, Rows: k.aggregate.Fold, Kafka: k.worker.kafka,
		EventsTopic: topics.Events, Partition: partition,
		CacheBytes: int64(c.Rebuild.CacheBytes), EventsPerSecond: c.Rebuild.EventsPerSecond,
		CPUShare: c.Rebuild.CPUShare, Live: liveTable{s, partition}, StepRows: c.Rebuild.StepRows,
		StepBytes:   min(refold.MostStepBytes, int(c.Processor.BatchBytes)/2), // a row more must fit, too
		StepTimeout: c.Rebuild.StepTimeout, DryRun: dryRun, Samples: c.Rebuild.Samples,
	}
	if c.Store.Directory != "" {
		o.Dir = filepath.Join(c.Store.Directory, c.Topics.Prefix+"refold", topics.Events,
			strconv.Itoa(int(partition)))
	}
	var last rebuild.PartitionProgress
	o.Progress = func(p refold.PhaseProgress) {
		last = progressOf(p)
		tell(last)
	}
	outcome, err := refold.Run(ctx, o)
	if err != nil {
		if refold.CodeOf(err) != "" {
			err = &rebuild.Failure{Err: err}
		}
		done, _ := outcomeOf(last, outcome) // what was put right until then; samples are of no use
		done.EventsTotal = max(done.EventsTotal, last.EventsTotal)
		return done, err
	}
	return outcomeOf(last, outcome)
}

var stages = map[refold.Phase]rebuild.Stage{
	refold.PhaseFold: rebuild.Folding, refold.PhaseCompare: rebuild.Comparing,
	refold.PhaseClose: rebuild.Closing, refold.PhaseDone: rebuild.Closing, // until that is noted
}

func progressOf(p refold.PhaseProgress) rebuild.PartitionProgress {
	return rebuild.PartitionProgress{
		Stage: stages[p.Phase], EventsRead: p.Events, EventsTotal: max(p.Events, p.End),
		Rate: p.Rate, SecondsLeft: p.Left.Seconds(), Differing: p.Differing,
	}
}

func outcomeOf(last rebuild.PartitionProgress, o refold.Summary) (rebuild.PartitionProgress, error) {
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

// liveTable is a partition of a session's table for a rebuild.
type liveTable struct {
	session   exactlyonce.Session
	partition int32
}

// Rows of the partition as they are now.
func (l liveTable) Rows(context.Context) (refold.RowIterator, error) {
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
	ctx context.Context, fn func(ctx context.Context, table refold.LiveRows) error,
) error {
	err := l.session.Between(ctx, l.partition, func(ctx context.Context, rows exactlyonce.RowWriter) error {
		return fn(ctx, rows)
	})
	if errors.Is(err, exactlyonce.ErrRefused) {
		return fmt.Errorf("%w: %w", refold.ErrRefused, err)
	}
	return err
}
