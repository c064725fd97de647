package operate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"refold/codecs"
	"refold/installation"
	"refold/operator"
	"refold/processors"
)

// folded is an aggregate whose events and results can be read, without a worker.
type folded struct {
	in        *installation.Installation
	registry  *codecs.Registry
	aggregate *processors.OpenAggregate
	messages  processors.Messages
}

// openFolded opens an aggregate by what people call it. Nothing is ever registered.
func openFolded(ctx context.Context, in *installation.Installation, called string) (*folded, error) {
	definition, err := in.Definitions.Called(called)
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what there is
	}
	registry, opened, err := in.Open(func(s *codecs.RegistrySettings) { s.Mode = codecs.LookUp })
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what it was doing
	}
	f := &folded{in: in, registry: registry}
	for _, a := range opened.Aggregates {
		if a.AggregateName == definition.Named() {
			f.aggregate = a
		}
	}
	f.messages = processors.Messages{Results: opened.Results, Beyond: new(processors.Beyond)}
	err = errors.Join(opened.Results.Prepare(ctx), f.aggregate.Events.Prepare(ctx),
		f.aggregate.Rows.Prepare(ctx))
	if err != nil {
		registry.Close()
		return nil, fmt.Errorf("%w (registry.urls: %s)", err, strings.Join(in.Config.Registry.URLs, ","))
	}
	return f, nil
}

// operated is the aggregate as package operator knows it.
func (f *folded) operated() operator.Aggregate {
	return operator.Aggregate{
		Topics: f.in.Topics(f.aggregate.AggregateName), Fold: f.aggregate.Fold, Messages: f.messages,
		RowsVersion: f.aggregate.RowsVersion(),
		RecentSize:  f.in.Aggregate(f.aggregate.Name).RecentCommands,
	}
}

// tellBeyond names the records that are beyond the limits of IDs, once for all.
func tellBeyond(w io.Writer, b *processors.Beyond) {
	if n, first := b.Counted(); n > 0 {
		fmt.Fprintf(w, "%d events and results are beyond the limits of IDs, as earlier versions wrote them: "+
			"they were read like all others, and processes set them aside; the first is %s\n", n, first)
	}
}
