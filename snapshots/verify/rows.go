package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"refold/snapshots/rebuild/refold"
)

// progressRows is after how many rows there is something to tell.
const progressRows = 10_000

// compareAll compares the rows of all sources with the shadow.
func (r *run) compareAll(ctx context.Context) error {
	var next int64
	if r.Table != nil {
		r.tell(ReadingRows, 0, 0)
		rows, end, err := r.Table.Open(ctx, r.Partition)
		if err != nil {
			return fmt.Errorf("read the table: %w", err)
		}
		next = end
		if err := r.compare(ctx, r.TableName, rows); err != nil {
			return err
		}
	}
	for _, store := range r.Stores {
		rows, err := store.Open(ctx, r.Partition, next)
		if errors.Is(err, ErrElsewhere) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read the store of %s: %w", store.Name(), err)
		}
		if err := r.compare(ctx, store.Name(), rows); err != nil {
			return err
		}
	}
	return nil
}

// compare compares the rows of a source with the shadow, and releases them.
func (r *run) compare(ctx context.Context, source string, rows refold.RowIterator) error {
	defer rows.Release()
	r.outcome.Sources = append(r.outcome.Sources, source)
	var n int64
	return r.shadow.Walk(ctx, rows, func(p *refold.Pair) error {
		n++
		if n%progressRows == 0 {
			r.tell(Comparing, n, r.shadow.Keys())
		}
		if r.Select != nil && !r.Select(p.Key) {
			return nil
		}
		return r.judge(source, p)
	})
}

// judge compares a row with the fold.
func (r *run) judge(source string, p *refold.Pair) error {
	if p.Row != nil {
		r.outcome.Rows++
	}
	verdict, err := p.Judge()
	if err != nil && verdict != refold.Unreadable {
		return err //nolint:wrapcheck // it says what it was doing
	}
	d := Difference{Key: string(p.Key), Where: source}
	switch verdict {
	case refold.Equal, refold.RingOnly, refold.Absent:
		return nil
	case refold.Unreadable:
		d.What, d.Message = Unreadable, err.Error()
		return r.report(d)
	case refold.Added:
		d.What = Missing
	case refold.Changed:
		d.What = Differs
	case refold.Moved, refold.Removed:
		ahead, err := r.isAhead(p)
		if err != nil {
			return err
		}
		if ahead {
			return r.wait(source, p)
		}
		d.What = Behind
	}
	return r.reportRow(d, p, verdict)
}

// reportRow reports a row, with what differs.
func (r *run) reportRow(d Difference, p *refold.Pair, verdict refold.Verdict) error {
	sample, err := p.Sample(verdict)
	if err != nil {
		return err //nolint:wrapcheck // it says what it was doing
	}
	d.Fields = sample.Fields
	if p.Row != nil {
		if d.Sequence, err = r.Fold.Sequence(p.Row); err != nil {
			return err //nolint:wrapcheck // it says what it was doing
		}
	}
	return r.report(d)
}

// isAhead reports whether the row is at a later sequence than the shadow.
func (r *run) isAhead(p *refold.Pair) (bool, error) {
	state, err := p.State()
	if err != nil {
		return false, err //nolint:wrapcheck // it says what it was doing
	}
	at, err := r.Fold.Sequence(p.Row)
	if err != nil {
		return false, err //nolint:wrapcheck // it says what it was doing
	}
	folded, err := r.sequence(state)
	return at > folded, err
}

// sequence is a state's.
func (r *run) sequence(state any) (int64, error) {
	if state == nil {
		return 0, nil
	}
	row, err := r.Fold.RowWith(state, nil)
	if err != nil {
		return 0, err //nolint:wrapcheck // it says what it was doing
	}
	return r.Fold.Sequence(row) //nolint:wrapcheck // it says what it was doing
}

// wait notes a row that the events since must meet.
func (r *run) wait(source string, p *refold.Pair) error {
	at, err := r.Fold.Sequence(p.Row)
	if err != nil {
		return err //nolint:wrapcheck // it says what it was doing
	}
	if len(r.moved) >= maxMoved {
		return fmt.Errorf("%w: more than %d", ErrTooBusy, maxMoved)
	}
	r.outcome.Moved++
	key := string(p.Key)
	r.moved[key] = append(r.moved[key], waiting{source, at, bytes.Clone(p.Row)})
	return nil
}
