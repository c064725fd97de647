package projector

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/fold"
	"refold/processors"
)

// poisoned is a record that the projection can't take, and why.
type poisoned struct {
	item item
	err  error
}

// error says which record it is.
func (p poisoned) error() error {
	return fmt.Errorf("%s/%d is held before offset %d, which the projection can't take: %w", p.item.Topic,
		p.item.Partition.Partition, p.item.record.Offset, p.err)
}

// letters is where records go that a projection can't take.
type letters interface {
	// send returns when all are written, or with an error.
	send(ctx context.Context, all []poisoned) error
}

// setAside writes the dead letters of records, each once unless the process dies.
func (b *batcher) setAside(ctx context.Context, all []poisoned) error {
	var due []poisoned
	for _, p := range all {
		if !b.lettered[p.item.place()] {
			due = append(due, p)
		}
	}
	if len(due) == 0 {
		return nil
	}
	if err := b.letters.send(ctx, due); err != nil {
		return fmt.Errorf("write to the dead letters: %w", err)
	}
	if b.lettered == nil {
		b.lettered = make(map[place]bool)
	}
	for _, p := range due {
		b.lettered[p.item.place()] = true
		b.metrics.setAside(fold.CodeOf(p.err))
	}
	return nil
}

// deadLetters are the letters of a build, in the topic that the aggregates have theirs in.
type deadLetters struct {
	client     *kgo.Client
	topic      string
	projection string
	group      string
	version    string
	limit      int // bytes of a letter
	logger     *slog.Logger
}

func (d *deadLetters) send(ctx context.Context, all []poisoned) error {
	records := make([]*kgo.Record, len(all))
	for i, p := range all {
		letter := processors.SetAside{
			Reason: codecs.Reason(fold.CodeOf(p.err)), Err: p.err, Group: d.group, Version: d.version,
			Projection: d.projection, LimitBytes: d.limit,
		}.Letter(p.item.record)
		letter.Topic = d.topic
		records[i] = &letter
	}
	if err := d.client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return err //nolint:wrapcheck // the caller says what was being done
	}
	for _, p := range all {
		d.logger.Warn("event set aside in the dead letters: its rows are missing until the projection is "+
			"mended and rebuilt", "topic", p.item.Topic, "partition", p.item.Partition.Partition,
			"offset", p.item.record.Offset, "reason", fold.CodeOf(p.err), "error", p.err)
	}
	return nil
}
