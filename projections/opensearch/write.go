package opensearch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"refold/projections"
)

// Write writes a batch: how far it will lead, documents, states, and progress. It is harmless to write a
// batch again, also cut elsewhere.
func (o *open) Write(ctx context.Context, batch *projections.Batch) error {
	rows := make([]action, len(batch.Changes))
	for i, c := range batch.Changes {
		var err error
		if rows[i], err = o.rowAction(c); err != nil {
			return err
		}
	}
	states, err := o.stateActions(batch.States)
	if err != nil {
		return err
	}
	within := o.store.client.options.writeWithin()
	deadline := time.Now().Add(within)
	current, err := o.checked(ctx, batch.Advances)
	if err != nil {
		return err
	}
	announced := len(rows) > 0
	if announced {
		current, err = o.move(ctx, batch.Advances, current, false, func(p *progress, a projections.Advance) {
			p.Reaching = max(p.Reaching, a.To)
		})
		if err != nil {
			return err
		}
	}
	inTime := func() error {
		if time.Now().After(deadline) {
			return fmt.Errorf("writing to %s has taken more than %v: OpenSearch may have forgotten deletions",
				o.name(), within)
		}
		return nil
	}
	for _, step := range []struct {
		actions []action
		judge   func(*failure) error
	}{
		{rows, judge},
		{states, func(f *failure) error { return noBuild(f) }},
	} {
		results, err := o.store.client.bulk(ctx, step.actions, inTime)
		if err != nil {
			return err
		}
		if err := settled(results, step.judge); err != nil {
			return err
		}
	}
	_, err = o.move(ctx, batch.Advances, current, announced, func(p *progress, a projections.Advance) {
		p.Next, p.End = a.To, a.End
		if a.To < a.From {
			p.Reaching = a.To
		}
		if !a.Time.IsZero() {
			p.Time = projections.Bounded(a.Time)
		}
	})
	return err
}

// rowAction returns the write of a change. The error is projections.ErrCantMerge, or a *projections.Poison.
func (o *open) rowAction(c projections.Change) (action, error) {
	on := versioned(o.store.tableIndex(c.Table.Name, o.build.Number), documentID(c.Key()), c.Sequence)
	switch c.Op {
	case projections.OpDelete:
		return action{op: "delete", on: on}, nil
	case projections.OpPut:
		document, err := encodeRow(c.Table, c.Values)
		return action{op: "index", on: on, document: document}, err
	default:
		return action{}, fmt.Errorf("a row of %s: %w", c.Table.Name, projections.ErrCantMerge)
	}
}

func (o *open) stateActions(states []projections.StoredState) ([]action, error) {
	index := o.store.statesIndex(o.build.Projection, o.build.Number)
	all := make([]action, len(states))
	for i, s := range states {
		document, err := json.Marshal(stateDocument{s.Aggregate, s.Subject, s.Sequence, s.State})
		if err != nil {
			return nil, fmt.Errorf("the state of %s %q: %w", s.Aggregate, s.Subject, err)
		}
		all[i] = action{
			op: "index", document: document,
			on: versioned(index, stateID(s.Aggregate, s.Subject), s.Sequence),
		}
	}
	return all, nil
}

// checked returns the progress of the partitions of a batch, if each is the writer's and where the batch
// begins. It comes also with projections.ErrHeld, which is told last.
func (o *open) checked(ctx context.Context, advances []projections.Advance) ([]progress, error) {
	partitions := make([]projections.Partition, len(advances))
	for i, a := range advances {
		partitions[i] = a.Partition
	}
	all, until, err := o.progressAt(ctx, partitions)
	if err != nil {
		return nil, err
	}
	for i, a := range advances {
		switch p := all[i]; {
		case p.Epoch != a.Epoch:
			return nil, fmt.Errorf("%s of %s: %w: it has epoch %d, and the batch %d", p.ID, o.name(),
				projections.ErrFenced, p.Epoch, a.Epoch)
		case p.Next != a.From:
			return nil, fmt.Errorf("%s of %s: %w: it is at %d, and the batch begins at %d", p.ID, o.name(),
				projections.ErrMoved, p.Next, a.From)
		}
	}
	if until.Until > time.Now().UnixMilli() {
		return all, fmt.Errorf("writing to %s: %w", o.name(), projections.ErrHeld)
	}
	return all, nil
}

// move changes the progress of the partitions of a batch, and returns it. It was read before: if somebody
// else has changed one since, that is checked again. After a claim it fails; in a hold it does, too, unless
// the batch was announced: the one that takes over waits for that batch.
func (o *open) move(
	ctx context.Context, advances []projections.Advance, current []progress, announced bool,
	change func(*progress, projections.Advance),
) ([]progress, error) {
	of := make(map[projections.Partition]projections.Advance, len(advances))
	for _, a := range advances {
		of[a.Partition] = a
	}
	changed := func(all []progress) []progress {
		for i := range all {
			change(&all[i], of[all[i].partition()])
		}
		return all
	}
	return o.writeProgress(ctx, changed(current), func(lost []projections.Partition) ([]progress, error) {
		left := make([]projections.Advance, len(lost))
		for i, p := range lost {
			left[i] = of[p]
		}
		all, err := o.checked(ctx, left)
		if finishes := announced && errors.Is(err, projections.ErrHeld); err != nil && !finishes {
			return nil, err
		}
		return changed(all), nil
	})
}
