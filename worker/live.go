package worker

import (
	"context"

	"refold/processors"
	"refold/views/httpapi"
	"refold/views/livefeed"
)

// openLive makes the live feed of all aggregates. It needs no view, only Kafka: a pod that only
// processes has it, too.
func (w *Worker) openLive() (httpapi.Live, error) {
	var topics []livefeed.Topic
	for _, a := range w.opened.Aggregates {
		t := w.in.Topics(a.AggregateName)
		topics = append(topics,
			livefeed.Topic{
				Name: t.Commands, Kind: livefeed.Command, Aggregate: a.Name, Types: a.Commands,
			},
			livefeed.Topic{Name: t.Events, Kind: livefeed.Event, Aggregate: a.Name, Types: a.Events})
		if t.Results != "" {
			topics = append(topics, livefeed.Topic{Name: t.Results, Kind: livefeed.Result, Aggregate: a.Name})
		}
	}
	topics = append(topics, livefeed.Topic{
		Name: processors.DeadLetters(w.in.Prefix()), Kind: livefeed.DeadLetter,
	})
	feed, err := livefeed.New(livefeed.Options{
		Kafka: w.kafka, Topics: topics, Decoder: w.registry,
		Limits: liveLimits(w.config.HTTP), Registerer: w.metrics, Logger: w.logger,
	})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, filter livefeed.Filter, after string) (httpapi.Listener, error) {
		listener, err := feed.Listen(ctx, filter, after)
		if err != nil {
			return nil, err // not listener: a nil *Listener is no nil Listener
		}
		return listener, nil
	}, nil
}
