package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/exactlyonce"
	"refold/inventory"
	"refold/kafka"
	"refold/processors"
	"refold/snapshots/rebuild"
)

func (w *Worker) openInventory() error {
	w.inventory = w.in.Inventory(inventory.Options{
		Create: w.config.Topics.Create, By: w.in.WorkerName(),
		Metrics: inventory.NewMetrics(w.metrics), Logger: w.logger,
	})
	return nil
}

// settle makes what may be made of the topics, and notes which are lost. The error is a fault.
func (w *Worker) settle(ctx context.Context) ([]error, error) {
	differences, findings, err := w.inventory.Settle(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range differences {
		if !d.Missing() {
			w.logger.Warn("a topic is not as configured; it is left as it is", "difference", d.String())
		}
	}
	w.noteLost(errors.Join(findings...))
	return findings, nil
}

// noteLost notes which topics are lost; nil: none.
func (w *Worker) noteLost(lost error) {
	before := w.lost.Swap(&lost)
	if lost != nil && (before == nil || *before == nil || (*before).Error() != lost.Error()) {
		w.logger.Error("topics are lost; nothing that belongs to them is handled", "error", lost)
	}
}

// topicsCheck says which topics are lost.
func (w *Worker) topicsCheck() error {
	if lost := w.lost.Load(); lost != nil {
		return *lost
	}
	return nil
}

// watchTopics notes which topics are lost, those that no group uses included, and when they aren't any
// more, until ctx ends. A look is one request.
func (w *Worker) watchTopics(ctx context.Context) {
	topics := make([]string, len(w.inventory.Topics))
	for i, spec := range w.inventory.Topics {
		topics[i] = spec.Name
	}
	for kafka.Sleep(ctx, w.config.Topics.CheckInterval) {
		var err error
		if w.topicsCheck() != nil { // somebody may have adopted them
			_, err = w.settle(ctx)
		} else if err = w.inventory.Check(ctx, topics...); isLost(err) {
			w.noteLost(err)
			err = nil
		}
		if err != nil && ctx.Err() == nil {
			w.logger.Warn("looking whether topics are lost", "error", err)
		}
	}
}

// isLost reports whether an error says that a topic is lost or missing, and not that nobody knows.
func isLost(err error) bool {
	return errors.Is(err, inventory.ErrLost) || errors.As(err, new(*inventory.MissingError))
}

// fitting looks after the topics of a group.
type fitting struct {
	worker *Worker
	topics []string       // that its graph uses
	fit    *inventory.Fit // nil: it has no table
}

// newFitting returns the fitting of a group graph; a is its aggregate, nil if it has none.
func (w *Worker) newFitting(graph *goka.GroupGraph, a *processors.OpenAggregate) *fitting {
	f := &fitting{worker: w}
	for _, edge := range graph.AllEdges() {
		f.topics = append(f.topics, edge.Topic())
	}
	if a != nil {
		f.topics = append(f.topics, rebuild.TopicName(w.in.Prefix()))
		f.fit = inventory.NewFit(w.kafka, w.fitted(a))
	}
	slices.Sort(f.topics)
	f.topics = slices.Compact(f.topics)
	return f
}

// begin returns an error while a topic of the group is lost. It makes those that somebody has said may be
// made anew.
func (f *fitting) begin(ctx context.Context) error {
	err := f.worker.inventory.Check(ctx, f.topics...)
	if !isLost(err) {
		return err
	}
	if _, err := f.worker.settle(ctx); err != nil {
		return err
	}
	return f.worker.inventory.Check(ctx, f.topics...)
}

// check is exactlyonce.Config.Fit.
func (f *fitting) check(ctx context.Context, partitions []int32) (map[int32]error, error) {
	err := f.worker.inventory.Check(ctx, f.topics...)
	if isLost(err) {
		f.worker.noteLost(err)
		return nil, fmt.Errorf("%w: %w", exactlyonce.ErrUnfit, err)
	}
	if err != nil || f.fit == nil {
		return nil, err
	}
	return f.fit.Check(ctx, partitions)
}

// fitted returns an aggregate as inventory.Fit reads it.
func (w *Worker) fitted(a *processors.OpenAggregate) inventory.Aggregate {
	topics, messages := w.in.Topics(a.AggregateName), processors.Messages{Results: w.opened.Results}
	return inventory.Aggregate{
		Events: topics.Events, Results: topics.Results, Table: topics.Table,
		EventsExpire: w.in.Aggregate(a.Name).EventsRetention > 0,
		EventSequence: func(r *kgo.Record) (int64, error) {
			m, err := messages.Cause(r)
			if err != nil {
				return 0, nil //nolint:nilerr // it is none of ours
			}
			return m.Sequence, nil
		},
		RowSequence: func(r *kgo.Record) (int64, error) {
			n, err := a.Fold.Sequence(r.Value)
			return n, faultOnly(err)
		},
		Eventful: func(r *kgo.Record) (bool, error) {
			result, _, err := messages.Result(context.Background(), r)
			events := err == nil && result.Accepted && result.LastSequence >= result.FirstSequence
			return events, faultOnly(err)
		},
	}
}

// faultOnly returns an error that may be another one the next time, and nil for one that is about the
// record.
func faultOnly(err error) error {
	if coded, is := errors.AsType[interface {
		error
		Code() string
	}](err); is && coded.Code() != "" {
		return nil
	}
	if _, is := errors.AsType[*codecs.Malformed](err); is {
		return nil
	}
	return err
}
