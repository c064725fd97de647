package program

import (
	"context"
	"errors"
	"log/slog"

	"refold/installation"
	"refold/load"
	"refold/processors"
	"refold/program/command"
)

// openTopics connects the load to the topics of an installation. follows are the names of the aggregates
// whose states the traffic waits for.
func openTopics(
	ctx context.Context, in *installation.Installation, opened *processors.Opened, follows []string,
	logger *slog.Logger,
) (*load.Topic, func(), error) {
	if err := in.Check(); err != nil {
		return nil, nil, err //nolint:wrapcheck // it names the setting
	}
	errs := []error{opened.Results.Prepare(ctx)}
	for _, a := range opened.Aggregates {
		errs = append(errs, a.Commands.Prepare(ctx), a.Events.Prepare(ctx), a.Rows.Prepare(ctx))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, nil, err
	}
	topic, err := load.NewTopic(ctx, load.TopicOptions{
		Kafka: in.Kafka(logger), Prefix: in.Prefix(), Aggregates: opened.Aggregates, Results: opened.Results,
		Follows: follows, Logger: logger,
	})
	if err != nil {
		return nil, nil, command.Explained(err)
	}
	return topic, topic.Close, nil
}
