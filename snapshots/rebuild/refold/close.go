package refold

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// leastStepPause and mostStepPause bound the pause between two tries of a closing step; it doubles. They are
// variables for tests.
var (
	leastStepPause = 100 * time.Millisecond
	mostStepPause  = 5 * time.Second
)

// stepTries is how many times in a row a step may fail before the refold ends: over some twenty seconds, in
// which a partition finds another leader.
const stepTries = 10

// stepLate is for how long steps may time out before the refold ends: longer than a transaction may stay open
// (transaction.max.timeout.ms, 15 minutes by default), because a step waits for its end. It is a variable
// for tests.
var stepLate = 20 * time.Minute

// close judges the candidates in closing steps.
func (r *refolding) close(ctx context.Context) error {
	for from := []byte(nil); ; {
		keys, err := r.candidates(from)
		if err != nil || len(keys) == 0 {
			return err
		}
		done, took, err := r.step(ctx, keys)
		if err != nil {
			return err
		}
		from = append([]byte(keys[done-1]), 0) // the least key after the last one that was judged
		r.meter.Candidates -= int64(done)
		r.meter.Rows += int64(done)
		r.meter.Differing = max(r.meter.Differing, r.out.Differing())
		r.meter.tick()
		// Commands get as much time as the step took from them.
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

// step corrects the rows of some keys, at least of the first. It returns how many it has judged, and for how
// long commands waited. Events that have come meanwhile are folded before, so that few are left for the step.
func (r *refolding) step(ctx context.Context, keys []string) (done int, took time.Duration, err error) {
	tries, since := 0, time.Now()
	for pause := leastStepPause; ; pause = min(2*pause, mostStepPause) {
		if err := r.approach(ctx); err != nil {
			return 0, 0, err
		}
		s := closingStep{refolding: r, keys: keys}
		err := r.o.Live.Between(ctx, s.run)
		took := s.stood()
		if err == nil {
			r.out.add(&s.out)
			return s.done, took, nil
		}
		// An error with a code is final. A step that timed out is tried again for longer than others: events
		// behind the open transaction of a dead producer can't be read until the broker ends it, and
		// commands go on meanwhile. A step whose transaction failed is tried again, too: rows that were
		// written all the same are judged anew. If the worker has lost the partition, ctx ends.
		tries++
		if s.late {
			tries = 0
		}
		if CodeOf(err) != "" || tries == stepTries || time.Since(since) > stepLate {
			return 0, 0, fmt.Errorf("refold: closing step: %w", err)
		}
		if err := sleep(ctx, pause); err != nil {
			return 0, 0, err
		}
	}
}

// closingStep is one call of Live.Between.
type closingStep struct {
	*refolding
	keys  []string
	done  int // how many of the keys are judged
	out   Summary
	begun time.Time

	late bool // it timed out
}

// stood records for how long commands waited.
func (s *closingStep) stood() time.Duration {
	if s.begun.IsZero() {
		return 0
	}
	took := time.Since(s.begun)
	s.refolding.out.Steps++
	s.refolding.out.LongestStep = max(s.refolding.out.LongestStep, took)
	return took
}

// run does the work of the step, while no command is handled.
func (s *closingStep) run(ctx context.Context, rows LiveRows) error {
	s.begun, s.done, s.out, s.late = time.Now(), 0, Summary{}, false
	err := s.arrive(ctx)
	if err == nil {
		err = s.settle(ctx, rows)
	}
	if err != nil {
		s.late = errors.Is(err, context.DeadlineExceeded) || errors.Is(ctx.Err(), context.DeadlineExceeded)
	}
	return err
}

// arrive folds the last events, so that the shadow is the fold of all events. It may take half of the step's
// time.
func (s *closingStep) arrive(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.o.StepTimeout/2)
	defer cancel()
	_, err := s.catchUp(ctx, newPace(0, 1))
	return err
}

// settle judges rows finally and writes those that are not the fold, until the step has reached StepBytes or
// three quarters of StepTimeout.
func (s *closingStep) settle(ctx context.Context, rows LiveRows) error {
	enough := s.begun.Add(s.o.StepTimeout * 3 / 4)
	written := 0
	for _, key := range s.keys {
		if s.done > 0 && (written >= s.o.StepBytes || time.Now().After(enough)) {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := s.one(rows, key)
		if err != nil {
			return err
		}
		written += n
		s.done++
	}
	return nil
}

// one judges a row and corrects it. It returns how many bytes it has written.
func (s *closingStep) one(rows LiveRows, key string) (int, error) {
	row, err := rows.Get(key)
	if err != nil {
		return 0, fmt.Errorf("reading row %.100q: %w", key, err)
	}
	state, err := s.State(key)
	if err != nil {
		return 0, err
	}
	p := NewPair(s.o.Fold, s.o.Rows, []byte(key), state, row)
	verdict, err := p.Judge()
	if err != nil {
		return 0, err
	}
	s.out.note(verdict)
	switch verdict {
	case Equal, RingOnly, Absent, Unreadable:
		return 0, nil
	case Removed:
		if s.Events() == 0 {
			return 0, fmt.Errorf("%w: %s/%d holds no event, the table has row %.100q",
				ErrTruncated, s.o.EventsTopic, s.o.Partition, key)
		}
	case Changed, Moved, Added:
	}
	if err := s.sample(&s.out, p, verdict); err != nil || s.o.DryRun {
		return 0, err
	}
	return mend(rows, key, p)
}

// mend writes the fold's row with the live row's ring, or a tombstone where there is no event.
func mend(rows LiveRows, key string, p *Pair) (written int, err error) {
	if !p.Folded() {
		if err := rows.Delete(key); err != nil {
			return 0, fmt.Errorf("deleting row %.100q: %w", key, err)
		}
		return len(key), nil
	}
	row, err := p.rows.Row(p.state, p.Row)
	if err != nil {
		return 0, unusable(p.Key, err)
	}
	if err := rows.Set(key, row); err != nil {
		return 0, fmt.Errorf("writing row %.100q: %w", key, err)
	}
	return len(key) + len(row), nil
}
