package verify

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
	"refold/snapshots/rebuild/refold"
)

// waiting is a row that is ahead of the shadow: the events behind it must meet it.
type waiting struct {
	source   string
	sequence int64
	row      []byte
}

// maxMoved limits the keys of rows that are written while they are verified: some 100 MiB.
const maxMoved = 200_000

// catchUp folds the events since for the keys whose rows wait, and compares these in passing.
func (r *run) catchUp(ctx context.Context) error {
	r.outcome.Events = r.shadow.Events()
	if len(r.moved) == 0 {
		return nil
	}
	opts, err := r.Kafka.Options()
	if err != nil {
		return fmt.Errorf("connect to Kafka: %w", err)
	}
	states := make(map[string]any, len(r.moved))
	at := kafka.Range{Topic: r.Events, Partition: r.Partition, From: r.shadow.Next()}
	_, err = kafka.ReadPartition(ctx, opts, at, func(records []*kgo.Record, p kafka.Progress) error {
		r.tell(CatchingUp, p.Next, p.End)
		for _, event := range records {
			if err := r.meet(states, event); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the events since: %w", err)
	}
	return r.ahead(states)
}

// meet folds an event of a key whose rows wait.
func (r *run) meet(states map[string]any, event *kgo.Record) error {
	key := string(event.Key)
	if len(r.moved[key]) == 0 {
		return nil
	}
	state, err := r.known(states, key)
	if err != nil {
		return err
	}
	decoded, err := r.Fold.Decode(event)
	if err == nil {
		state, err = r.Fold.Apply(state, decoded)
	}
	if err != nil {
		return fmt.Errorf("fold the event at offset %d: %w", event.Offset, err)
	}
	states[key] = state
	sequence, err := r.sequence(state)
	if err != nil {
		return err
	}
	var left []waiting
	for _, w := range r.moved[key] {
		if w.sequence != sequence {
			left = append(left, w)
			continue
		}
		if err := r.judge(w.source, refold.NewPair(r.Fold, r.Fold, event.Key, state, w.row)); err != nil {
			return err
		}
		r.outcome.Rows-- // it was counted before
	}
	if r.moved[key] = left; len(left) == 0 {
		delete(r.moved, key)
	}
	return nil
}

// known returns the state of a key whose rows wait. It may be changed: that of the shadow is copied.
func (r *run) known(states map[string]any, key string) (any, error) {
	if state, is := states[key]; is {
		return state, nil
	}
	state, err := r.shadow.State(key)
	if err != nil || state == nil {
		return nil, err //nolint:wrapcheck // it says what it was doing
	}
	text, err := r.Fold.EncodeState(state)
	if err != nil {
		return nil, fmt.Errorf("copy the fold of %.100q: %w", key, err)
	}
	return r.Fold.DecodeState(text) //nolint:wrapcheck // it says what it was doing
}

// ahead reports the rows that no event has met.
func (r *run) ahead(states map[string]any) error {
	for _, key := range slices.Sorted(maps.Keys(r.moved)) {
		state, err := r.known(states, key)
		if err != nil {
			return err
		}
		events, err := r.sequence(state)
		if err != nil {
			return err
		}
		for _, w := range r.moved[key] {
			if err := r.report(Difference{
				Key: key, Where: w.source, What: Ahead, Sequence: w.sequence, Events: &events,
			}); err != nil {
				return err
			}
		}
	}
	return nil
}
