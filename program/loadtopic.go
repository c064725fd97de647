package main

import (
	"context"
	"errors"
	"log/slog"

	"refold/codecs"
	"refold/config"
	"refold/load"
	"refold/processors"
)

// openTopics connects the load to the topics that the configuration describes.
func openTopics(
	ctx context.Context, c config.Config, logger *slog.Logger,
) (_ *load.Topic, closeAll func(), err error) {
	if err := checkSettings(c); err != nil {
		return nil, nil, err
	}
	settings, err := registrySettings(c)
	if err != nil {
		return nil, nil, err
	}
	settings.Logger = logger
	registry, err := codecs.NewRegistry(settings)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			registry.Close()
		}
	}()
	opened, err := openAggregates(registry, c)
	if err != nil {
		return nil, nil, err
	}
	results, err := processors.NewResultSet(registry)
	if err != nil {
		return nil, nil, err
	}
	errs := []error{results.Prepare(ctx)}
	commands := make(map[string]*codecs.Set, len(opened))
	for _, a := range opened {
		commands[a.name] = a.commands
		errs = append(errs, a.commands.Prepare(ctx))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, nil, err
	}
	topic, err := load.NewTopic(ctx, load.TopicOptions{
		Kafka: kafkaSettings(c, logger), Prefix: c.Topics.Prefix,
		Commands: commands, Results: results, Logger: logger,
	})
	if err != nil {
		return nil, nil, explained(err)
	}
	return topic, func() {
		topic.Close()
		registry.Close()
	}, nil
}
