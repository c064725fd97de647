package program

import (
	"context"
	"errors"
	"log/slog"

	"refold/codecs"
	"refold/installation"
	"refold/load"
	"refold/program/command"
)

// openTopics connects the load to the topics of an installation.
func openTopics(
	ctx context.Context, in *installation.Installation, logger *slog.Logger,
) (_ *load.Topic, closeAll func(), err error) {
	if err := in.Check(); err != nil {
		return nil, nil, err //nolint:wrapcheck // it names the setting
	}
	registry, opened, err := in.Open(func(s *codecs.RegistrySettings) { s.Logger = logger })
	if err != nil {
		return nil, nil, err //nolint:wrapcheck // it says what it was doing
	}
	defer func() {
		if err != nil {
			registry.Close()
		}
	}()
	errs := []error{opened.Results.Prepare(ctx)}
	commands := make(map[string]*codecs.Set, len(opened.Aggregates))
	for _, a := range opened.Aggregates {
		commands[a.Name] = a.Commands
		errs = append(errs, a.Commands.Prepare(ctx))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, nil, err
	}
	topic, err := load.NewTopic(ctx, load.TopicOptions{
		Kafka: in.Kafka(logger), Prefix: in.Prefix(),
		Commands: commands, Results: opened.Results, Logger: logger,
	})
	if err != nil {
		return nil, nil, command.Explained(err)
	}
	return topic, func() {
		topic.Close()
		registry.Close()
	}, nil
}
