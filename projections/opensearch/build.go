package opensearch

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"refold/projections"
)

// open is a handle on a build.
type open struct {
	store *Store
	build buildDocument
}

// Claim raises the epochs of partitions, one after the other.
func (o *open) Claim(
	ctx context.Context, partitions []projections.Partition,
) ([]projections.Progress, error) {
	if _, err := o.store.document(ctx, o.build.Projection, o.build.Number); err != nil {
		return nil, err
	}
	claimed := make(map[projections.Partition]projections.Progress)
	left := partitions
	for range maxTries {
		all, err := o.progressAt(ctx, left)
		if err != nil {
			return nil, err
		}
		actions := make([]action, len(all))
		for i := range all {
			all[i].Epoch++
			actions[i] = o.store.progressAction(o.build.Projection, o.build.Number, all[i])
		}
		failures, err := o.store.client.bulk(ctx, actions, nil)
		if err != nil {
			return nil, err
		}
		var again []projections.Partition
		for i, f := range failures {
			switch {
			case f == nil:
				claimed[left[i]] = all[i].public()
			case f.status == http.StatusConflict:
				again = append(again, left[i])
			default:
				return nil, noBuild(f)
			}
		}
		if left = again; len(left) == 0 {
			break
		}
	}
	if len(left) > 0 {
		return nil, fmt.Errorf("claiming partitions of %s: others were faster %d times", o.name(), maxTries)
	}
	all := make([]projections.Progress, len(partitions))
	for i, p := range partitions {
		all[i] = claimed[p]
	}
	return all, nil
}

// stateDocument is a state as its index has it.
type stateDocument struct {
	Aggregate string `json:"aggregate"`
	Subject   string `json:"subject"`
	Sequence  int64  `json:"sequence"`
	State     []byte `json:"state"` // as Base64
}

// States returns the states of some aggregates, as they are now.
func (o *open) States(
	ctx context.Context, aggregate string, subjects []string,
) ([]projections.StoredState, error) {
	ids := make([]string, len(subjects))
	for i, subject := range subjects {
		ids[i] = stateID(aggregate, subject)
	}
	docs, err := o.store.client.get(ctx, o.store.statesIndex(o.build.Projection, o.build.Number), ids)
	if err != nil {
		return nil, noBuild(err)
	}
	var all []projections.StoredState
	for i, d := range docs {
		if !d.Found {
			continue
		}
		var s stateDocument
		if err := json.Unmarshal(d.Source, &s); err != nil {
			return nil, fmt.Errorf("the state %s of %s in OpenSearch: %w", d.ID, o.name(), err)
		}
		all = append(all, projections.StoredState{
			Aggregate: aggregate, Subject: subjects[i], Sequence: s.Sequence, State: s.State,
		})
	}
	return all, nil
}

// Write writes a batch: documents, then states, then progress. It is harmless to write a batch again, also cut
// elsewhere.
func (o *open) Write(ctx context.Context, batch *projections.Batch) error {
	rows := make([]action, len(batch.Changes))
	for i, c := range batch.Changes {
		var err error
		if rows[i], err = o.store.actionOf(o.build.Number, c); err != nil {
			return err
		}
	}
	states, err := o.stateActions(batch.States)
	if err != nil {
		return err
	}
	deadline := time.Now().Add(o.store.client.options.writeWithin())
	current, err := o.checked(ctx, batch.Advances)
	if err != nil {
		return err
	}
	inTime := func() error {
		if time.Now().After(deadline) {
			return fmt.Errorf("writing to %s has taken more than %v: OpenSearch may have forgotten deletions",
				o.name(), o.store.client.options.writeWithin())
		}
		return nil
	}
	failures, err := o.store.client.bulk(ctx, rows, inTime)
	if err != nil {
		return err
	}
	if err := settled(failures, judge); err != nil {
		return err
	}
	if failures, err = o.store.client.bulk(ctx, states, inTime); err != nil {
		return err
	}
	if err := settled(failures, func(f *failure) error { return noBuild(f) }); err != nil {
		return err
	}
	return o.advance(ctx, batch.Advances, current)
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
			op: "index", on: versioned(index, stateID(s.Aggregate, s.Subject), s.Sequence), document: document,
		}
	}
	return all, nil
}

// checked returns the progress of the partitions of a batch, if each is the writer's and where the batch begins.
func (o *open) checked(ctx context.Context, advances []projections.Advance) ([]progress, error) {
	partitions := make([]projections.Partition, len(advances))
	for i, a := range advances {
		partitions[i] = a.Partition
	}
	all, err := o.progressAt(ctx, partitions)
	if err != nil {
		return nil, err
	}
	now := time.Now().UnixMilli()
	for i, a := range advances {
		switch p := all[i]; {
		case p.HeldUntil > now:
			return nil, fmt.Errorf("writing to %s: %w", o.name(), projections.ErrHeld)
		case p.Epoch != a.Epoch:
			return nil, fmt.Errorf("%s of %s: %w: it has epoch %d, and the batch %d", p.ID, o.name(),
				projections.ErrFenced, p.Epoch, a.Epoch)
		case p.Next != a.From:
			return nil, fmt.Errorf("%s of %s: %w: it is at %d, and the batch begins at %d", p.ID, o.name(),
				projections.ErrMoved, p.Next, a.From)
		}
	}
	return all, nil
}

// advance moves the progress, unless it is not what it was when the batch was begun to be written. If only a
// hold has come and gone meanwhile, it tries again.
func (o *open) advance(
	ctx context.Context, advances []projections.Advance, current []progress,
) error {
	for range maxTries {
		actions := make([]action, len(advances))
		for i, a := range advances {
			p := current[i]
			p.Next, p.End = a.To, a.End
			if !a.Time.IsZero() {
				p.Time = a.Time.UTC()
			}
			actions[i] = o.store.progressAction(o.build.Projection, o.build.Number, p)
		}
		failures, err := o.store.client.bulk(ctx, actions, nil)
		if err != nil {
			return err
		}
		var left []projections.Advance
		for i, f := range failures {
			switch {
			case f == nil:
			case f.status == http.StatusConflict:
				left = append(left, advances[i])
			default:
				return noBuild(f)
			}
		}
		if advances = left; len(advances) == 0 {
			return nil
		}
		if current, err = o.checked(ctx, advances); err != nil {
			return err
		}
	}
	return fmt.Errorf("writing the progress of %s: others were faster %d times", o.name(), maxTries)
}

// Mend writes rows under the versions that they have, so that a batch that is written meanwhile wins. A row
// that is not there is written under version 0: OpenSearch refuses that while it remembers that the row was
// deleted, and the caller may try again later.
func (o *open) Mend(
	ctx context.Context, at []projections.Progress, rows []projections.Mended,
) error {
	all, err := o.store.progress(ctx, o.build.Projection, o.build.Number)
	if err != nil {
		return err
	}
	seen := make(map[projections.Partition]int64, len(at))
	for _, p := range at {
		seen[p.Partition] = p.Next
	}
	for _, p := range all {
		if next, known := seen[p.public().Partition]; !known || next != p.Next || len(seen) != len(all) {
			return fmt.Errorf("mending %s: %w", o.name(), projections.ErrMoved)
		}
	}
	if len(seen) != len(all) {
		return fmt.Errorf("mending %s: %w", o.name(), projections.ErrMoved)
	}
	actions := make([]action, len(rows))
	for i, m := range rows {
		if actions[i], err = o.mendAction(ctx, m); err != nil {
			return err
		}
	}
	failures, err := o.store.client.bulk(ctx, actions, nil)
	if err != nil {
		return err
	}
	for _, f := range failures {
		switch {
		case f == nil:
		case f.status == http.StatusConflict:
			return fmt.Errorf("mending %s: %w: %w", o.name(), projections.ErrMoved, f)
		default:
			return judge(f)
		}
	}
	return nil
}

func (o *open) mendAction(ctx context.Context, m projections.Mended) (action, error) {
	index := o.store.tableIndex(m.Table.Name, o.build.Number)
	id := documentID(m.Table.KeyOf(m.Key...))
	docs, err := o.store.client.get(ctx, index, []string{id})
	if err != nil {
		return action{}, noBuild(err)
	}
	a := action{op: "index", on: versioned(index, id, 0)}
	if docs[0].Found {
		*a.on.Version = docs[0].Version
	}
	if m.Values == nil {
		a.op = "delete"
		return a, nil
	}
	a.document, err = encodeRow(m.Table, m.Values)
	return a, err
}
