package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"refold/codecs"
	"refold/config"
	"refold/operator"
	"refold/processors"
)

// folded is an aggregate whose events and results can be read, without a worker.
type folded struct {
	registry  *codecs.Registry
	aggregate *aggregate
	messages  processors.Messages
}

// openFolded opens an aggregate by what people call it. Nothing is ever registered.
func openFolded(ctx context.Context, c config.Config, called string) (*folded, error) {
	path, err := collection(called)
	if err != nil {
		return nil, err
	}
	settings, err := registrySettings(c)
	if err != nil {
		return nil, err
	}
	settings.Mode = codecs.LookUp
	registry, err := codecs.NewRegistry(settings)
	if err != nil {
		return nil, err
	}
	opened := &folded{registry: registry}
	err = opened.prepare(ctx, c, path)
	if err != nil {
		registry.Close()
		return nil, fmt.Errorf("%w (registry.urls: %s)", err, strings.Join(c.Registry.URLs, ","))
	}
	return opened, nil
}

func (f *folded) prepare(ctx context.Context, c config.Config, path string) error {
	all, err := openAggregates(f.registry, c)
	if err != nil {
		return err
	}
	for _, a := range all {
		if "/"+a.plural == path {
			f.aggregate = a
		}
	}
	f.messages.Beyond = new(processors.Beyond)
	if f.messages.Results, err = processors.NewResultSet(f.registry); err != nil {
		return err
	}
	return errors.Join(f.messages.Results.Prepare(ctx), f.aggregate.events.Prepare(ctx),
		f.aggregate.rows.Prepare(ctx))
}

// operated is the aggregate as package operator knows it.
func (f *folded) operated(c config.Config) operator.Aggregate {
	return operator.Aggregate{
		Topics: f.aggregate.topics(c.Topics), Fold: f.aggregate.fold, Messages: f.messages,
		RecentSize: f.aggregate.recentSize,
	}
}

// tellBeyond names the records that are beyond the limits of IDs, once for all.
func tellBeyond(w io.Writer, b *processors.Beyond) {
	if n, first := b.Counted(); n > 0 {
		fmt.Fprintf(w, "%d events and results are beyond the limits of IDs, as earlier versions wrote them: "+
			"they were read like all others, and processes set them aside; the first is %s\n", n, first)
	}
}
