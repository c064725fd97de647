package views

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/lovoo/goka/storage"

	"refold/codecs"
	"refold/kafka"
)

// Aggregate reads the current states of one kind of aggregate.
type Aggregate struct {
	description Description
	limits      Limits
	waiters     *waiters
	sender      *sender

	table, commands *live
	results, events *live    // nil: none are kept
	holding         *holding // of Owned placement; nil: everything is here
}

// lookups are the copies in which commands are found: their results first.
func (a *Aggregate) lookups() []*live {
	if a.results == nil {
		return []*live{a.commands}
	}
	return []*live{a.results, a.commands}
}

// Get returns the current row of an aggregate. The error is ErrNotFound, also for one that has
// nothing but rejected commands so far, ErrNotReady, or a fault. It costs one read of the local
// store.
//
// While the view has lost its broker, rows are read as they were. A row that is missing may exist by then:
// the error is ErrNotReady.
func (a *Aggregate) Get(id string) (Row, error) {
	row, err := a.get(id)
	if isNotFound(err) {
		if notReady := a.table.ready(); notReady != nil {
			err = notReady
		}
	}
	return row, err
}

// get is Get by what the copy has, be it old.
func (a *Aggregate) get(id string) (Row, error) {
	value, at, err := a.table.get(id)
	if err != nil {
		return Row{}, err
	}
	if value == nil {
		return Row{}, fmt.Errorf("%w: %s %q", ErrNotFound, a.description.Name, id)
	}
	row, err := a.row(id, value)
	row.Position = at
	if err == nil && row.Sequence == 0 {
		err = fmt.Errorf("%w: %s %q", ErrNotFound, a.description.Name, id)
	}
	return row, err
}

func (a *Aggregate) row(id string, value []byte) (Row, error) {
	sequence, state, err := a.description.Row(value)
	if err != nil {
		return Row{}, fmt.Errorf("read the row of %s %q: %w", a.description.Name, id, err)
	}
	return Row{ID: id, Sequence: sequence, State: state}, nil
}

// WaitFor returns the row of an aggregate as soon as it is at the sequence atLeast or beyond (G10).
// When ctx ends before, the error is ErrNotYet, beside the row as it is. It may also be
// ErrTooManyWaiters, ErrNotReady, or a fault.
func (a *Aggregate) WaitFor(ctx context.Context, id string, atLeast int64) (Row, error) {
	var row Row
	err := a.waiters.wait(ctx, func() (bool, error) {
		found, err := a.get(id)
		switch {
		case isNotFound(err):
			row = Row{}
			return false, nil
		case err != nil:
			return false, err
		}
		row = found
		return row.Sequence >= atLeast, nil
	}, waitKey{topic: a.table.topic, subject: id})
	return row, err
}

// List returns rows in the order of their IDs, those behind after, at most limit of them. It looks
// at no more than Limits.ScanRows rows that are no aggregates: a page may then be shorter than
// limit and have a Next all the same. A Next is no longer than MaxIDBytes.
//
// Rows that Get can't be asked for are left out: those whose IDs are empty or longer than MaxIDBytes,
// and those in another partition than their key's, which only a foreign producer writes.
func (a *Aggregate) List(after string, limit int) (Page, error) {
	var page Page
	from, is := behind(after)
	if !is {
		return page, nil
	}
	err := a.table.read(func(parts []follower) error {
		merged, err := newMerge(parts, from)
		if err != nil {
			return fmt.Errorf("list %s: %w", a.description.Plural, err)
		}
		defer merged.release()
		if page, err = a.collect(merged, limit); err != nil {
			return fmt.Errorf("list %s: %w", a.description.Plural, err)
		}
		return nil
	})
	return page, err
}

func (a *Aggregate) collect(merged *merge, limit int) (Page, error) {
	var page Page
	var last string
	var bytes int
	for hidden := 0; merged.next(); {
		// A row in the wrong partition must not cut off the one that has its key by right.
		full := len(page.Rows) == limit || hidden >= a.limits.ScanRows || bytes >= a.limits.PageBytes
		if full && merged.key != last {
			page.Next = last[:min(len(last), MaxIDBytes)]
			return page, merged.err
		}
		if merged.key == "" {
			continue // there is no page behind it: the first one has no name
		}
		last = merged.key
		if !merged.addressable() {
			hidden++
			continue
		}
		value, err := merged.value()
		if err != nil {
			return Page{}, err
		}
		row, err := a.row(merged.key, value)
		if malformed, is := errors.AsType[*codecs.Malformed](err); is {
			row = Row{ID: merged.key, Unreadable: malformed}
		} else if err != nil {
			return Page{}, err
		}
		bytes += len(value)
		if row.Sequence == 0 && row.Unreadable == nil {
			hidden++
			continue
		}
		page.Rows = append(page.Rows, row)
	}
	return page, merged.err
}

// MaxIDBytes is the longest ID that an aggregate can be asked for by: it is in the headers of all its
// events, and readers of events take no longer one.
const MaxIDBytes = codecs.MaxHeaderBytes

// behind returns the first key that a page behind an ID may begin with; false: there is none. Behind an
// ID of the greatest length are longer ones only, until one that differs in its MaxIDBytes: the longer
// ones are passed over at once, so that a page of nothing but them ends behind all of them.
func behind(after string) (from []byte, is bool) {
	switch {
	case after == "":
		return nil, true
	case len(after) < MaxIDBytes:
		return append([]byte(after), 0), true
	}
	from = []byte(after[:MaxIDBytes])
	for i := len(from) - 1; i >= 0; i-- {
		if from[i] < 0xff {
			from[i]++
			return from[:i+1], true
		}
	}
	return nil, false
}

// merge goes through the rows of all partitions in the order of their keys. No key is in two, unless
// a foreign producer has written it.
type merge struct {
	rows    []storage.Iterator // by partition; nil where none is here
	current []bool             // whether rows[i] stands at a row
	at      int                // where the present row is; -1 before the first
	key     string
	err     error
}

func newMerge(parts []follower, from []byte) (*merge, error) {
	m := &merge{at: -1}
	for _, part := range parts {
		if part == nil {
			m.rows, m.current = append(m.rows, nil), append(m.current, false)
			continue
		}
		rows, err := part.IteratorWithRange(from, nil)
		if err != nil {
			m.release()
			return nil, fmt.Errorf("open an iterator: %w", err)
		}
		m.rows = append(m.rows, rows)
		m.current = append(m.current, false)
	}
	return m, nil
}

// next moves to the next row and reports whether there is one. Partitions are few, so that looking
// at the head of each is as good as a heap.
func (m *merge) next() bool {
	for i, rows := range m.rows {
		if rows != nil && (m.at < 0 || m.at == i) {
			m.current[i] = rows.Next()
			if err := rows.Err(); err != nil {
				m.err = err
				return false
			}
		}
	}
	m.at = len(m.rows)
	var least []byte
	for i, rows := range m.rows {
		if m.current[i] && (least == nil || bytes.Compare(rows.Key(), least) < 0) {
			m.at, least = i, rows.Key()
		}
	}
	if m.at == len(m.rows) {
		return false
	}
	m.key = string(least)
	return true
}

// addressable reports whether the present row is the one that Get finds under its key.
func (m *merge) addressable() bool {
	return len(m.key) <= MaxIDBytes && int(kafka.Partition([]byte(m.key), int32(len(m.rows)))) == m.at
}

func (m *merge) value() ([]byte, error) {
	value, err := m.rows[m.at].Value()
	if err != nil {
		return nil, fmt.Errorf("read the row %q: %w", m.key, err)
	}
	return value, nil
}

func (m *merge) release() {
	for _, rows := range m.rows {
		if rows != nil {
			rows.Release()
		}
	}
}
