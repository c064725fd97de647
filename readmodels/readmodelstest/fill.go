package readmodelstest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"refold/projections"
)

// Event is an event of an aggregate, which its type tells.
type Event struct {
	Subject string
	Event   any
	Time    time.Time
	// CausationID is the ID of the command that has led to it; empty: it is not known.
	CausationID string
}

// History is what has happened, in this order.
type History []Event

// Fill makes a build of a projection in a store, fills it with a history, so many events at a time, and lets
// it take over.
func Fill(
	ctx context.Context, store projections.Store, p *projections.Projection, h History, perBatch int,
) error {
	sources := p.Bare()
	b, err := store.Begin(ctx, p, projections.Build{
		Version: p.Version, Folds: projections.Folds(sources),
	}, true)
	if err != nil {
		return fmt.Errorf("begin a build: %w", err)
	}
	open, err := store.Open(ctx, p, b.Number)
	if err != nil {
		return fmt.Errorf("open the build: %w", err)
	}
	partition := projections.Partition{Topic: "history"}
	claimed, err := open.Claim(ctx, []projections.Partition{partition})
	if err != nil {
		return fmt.Errorf("claim its partition: %w", err)
	}
	f := filling{
		Folding: projections.NewFolding(p, sources, len(h)), sources: sources, sequences: map[string]int64{},
	}
	next := claimed[0].Next
	for batch := range slices.Chunk(h, perBatch) {
		written, err := f.batch(batch)
		if err != nil {
			return err
		}
		written.Advances = []projections.Advance{{
			Partition: partition, Epoch: claimed[0].Epoch, From: next, To: max(next, 0) + int64(len(batch)),
		}}
		next = written.Advances[0].To
		if err := open.Write(ctx, written); err != nil {
			return fmt.Errorf("write a batch: %w", err)
		}
		f.Written()
	}
	if err := open.TakeOver(ctx, time.Minute); err != nil {
		return fmt.Errorf("let the build take over: %w", err)
	}
	return nil
}

// filling folds a history.
type filling struct {
	*projections.Folding

	sources   []*projections.OpenSource
	sequences map[string]int64 // by aggregate
}

func (f *filling) batch(events []Event) (*projections.Batch, error) {
	for _, e := range events {
		if err := f.take(e); err != nil {
			return nil, fmt.Errorf("a %T of %q: %w", e.Event, e.Subject, err)
		}
	}
	folded, err := f.Close()
	if err != nil {
		return nil, fmt.Errorf("close a batch: %w", err)
	}
	if len(folded.Poison) > 0 {
		return nil, folded.Poison[0].Err
	}
	for i := range folded.States {
		folded.States[i].State = []byte{} // nobody goes on from it
	}
	return &projections.Batch{States: folded.States, Changes: folded.Changes}, nil
}

// take folds an event in, unless it is one of an aggregate that the projection does not read.
func (f *filling) take(e Event) error {
	for i, source := range f.sources {
		name := source.Name + "/" + e.Subject
		if event, is := source.Record(e.Event, f.sequences[name]+1, e.Time, e.CausationID); is {
			f.sequences[name]++
			return f.Take(i, e.Subject, event) //nolint:wrapcheck // the caller says which event
		}
	}
	return nil
}

// Rows returns all rows of a table of the live build, in any order.
func Rows[R any](
	ctx context.Context, store projections.Store, p *projections.Projection, t projections.TableOf[R],
) (all []R, err error) {
	builds, err := store.Builds(ctx, p.Name)
	if err != nil {
		return nil, fmt.Errorf("list the builds: %w", err)
	}
	at := slices.IndexFunc(builds, func(b projections.Build) bool { return b.Status == projections.Live })
	if at < 0 {
		return nil, fmt.Errorf("no build of %s is live: %w", p.Name, projections.ErrNoBuild)
	}
	open, err := store.Open(ctx, p, builds[at].Number)
	if err != nil {
		return nil, fmt.Errorf("open the build: %w", err)
	}
	err = open.Look(ctx, func(v projections.View) error {
		return v.Rows(ctx, t.Table, func(values []any) error {
			row, err := t.Row(values)
			all = append(all, row)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read the rows: %w", err)
	}
	return all, nil
}
