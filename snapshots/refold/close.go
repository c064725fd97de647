package refold

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// leastStepPause and mostStepPause frame the pause between two tries of a closing step whose events
// could not be read in time; it doubles.
const (
	leastStepPause = 100 * time.Millisecond
	mostStepPause  = 5 * time.Second
)

// close judges the candidates in closing steps.
func (r *refolding) close(ctx context.Context) error {
	for from := []byte(nil); ; {
		keys, err := r.candidates(from)
		if err != nil || len(keys) == 0 {
			return err
		}
		took, err := r.step(ctx, keys)
		if err != nil {
			return err
		}
		from = append([]byte(keys[len(keys)-1]), 0) // the least key after the last one
		r.meter.Candidates -= int64(len(keys))
		r.meter.Rows += int64(len(keys))
		r.meter.tick()
		// The line gets as much time as was taken from it.
		if err := sleep(ctx, took); err != nil {
			return err
		}
	}
}

// candidates returns the keys of the next step.
func (r *refolding) candidates(from []byte) (keys []string, err error) {
	it, err := below(r.db, candidatePrefix, from)
	if err != nil {
		return nil, err
	}
	for ok := it.First(); ok && len(keys) < r.o.StepRows; ok = it.Next() {
		keys = append(keys, string(it.Key()[1:]))
	}
	return keys, closed(it)
}

func closed(it *pebble.Iterator) error {
	if err := it.Close(); err != nil {
		return fmt.Errorf("reading the shadow store: %w", err)
	}
	return nil
}

// step puts the rows of some keys right, and tells for how long the line stood still. What has come
// meanwhile is folded before, so that little is left for the step.
func (r *refolding) step(ctx context.Context, keys []string) (took time.Duration, err error) {
	for pause := leastStepPause; ; pause = min(2*pause, mostStepPause) {
		if err := r.approach(ctx); err != nil {
			return 0, err
		}
		var done Outcome
		var begun time.Time
		late := false
		err := r.o.Live.Between(ctx, func(ctx context.Context, table Table) error {
			done, late, begun = Outcome{}, false, time.Now()
			err := r.arrive(ctx)
			if err != nil {
				late = errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil
				return err
			}
			return r.settle(ctx, table, keys, &done)
		})
		if !begun.IsZero() {
			took = time.Since(begun)
			r.out.Steps++
			r.out.LongestStep = max(r.out.LongestStep, took)
		}
		if err == nil {
			r.out.add(&done)
			r.meter.Differing = max(r.meter.Differing, r.out.Differing())
			return took, nil
		}
		if !late {
			return 0, fmt.Errorf("refold: closing step: %w", err)
		}
		// The events can't be read yet: a transaction is open that somebody left who is gone. The
		// line goes on meanwhile; the broker ends it after a time.
		if err := sleep(ctx, pause); err != nil {
			return 0, err
		}
	}
}

// arrive folds the last events, while the line stands still, so that the shadow is the fold of all
// there are. It does not wait for long.
func (r *refolding) arrive(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.o.StepTimeout)
	defer cancel()
	_, err := r.catchUp(ctx, newPace(0, 1))
	return err
}

// settle judges rows for good and writes those that are not the fold.
func (r *refolding) settle(ctx context.Context, table Table, keys []string, to *Outcome) error {
	for _, key := range keys {
		if err := ctx.Err(); err != nil {
			return err
		}
		row, err := table.Get(key)
		if err != nil {
			return fmt.Errorf("reading row %.100q: %w", key, err)
		}
		state, err := r.State(key)
		if err != nil {
			return err
		}
		p := Pair{Key: []byte(key), Row: row, fold: r.o.Fold, state: state}
		verdict, err := p.Judge()
		if err != nil {
			return err
		}
		to.note(verdict)
		switch verdict {
		case Equal, RingOnly, Absent, Unreadable:
			continue
		case Removed:
			if r.Events() == 0 {
				return fmt.Errorf("%w: %s/%d holds no event, the table has row %.100q",
					ErrTruncated, r.o.EventsTopic, r.o.Partition, key)
			}
		case Changed, Moved, Added:
		}
		if err := r.sample(to, &p, verdict); err != nil {
			return err
		}
		if r.o.DryRun {
			continue
		}
		if err := mend(table, key, &p); err != nil {
			return err
		}
	}
	return nil
}

// mend writes the fold's row with the live row's ring, or a tombstone where there is no event.
func mend(table Table, key string, p *Pair) error {
	if !p.Folded() {
		if err := table.Delete(key); err != nil {
			return fmt.Errorf("deleting row %.100q: %w", key, err)
		}
		return nil
	}
	row, err := p.fold.Row(p.state, p.Row)
	if err != nil {
		return unusable(p.Key, err)
	}
	if err := table.Set(key, row); err != nil {
		return fmt.Errorf("writing row %.100q: %w", key, err)
	}
	return nil
}
