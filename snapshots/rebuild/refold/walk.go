package refold

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"refold/fold"
)

// Verdict is the result of comparing a row with the fold of its aggregate's events.
type Verdict string

// The verdicts.
const (
	// Equal: the row says what the fold says, at the same sequence.
	Equal Verdict = "equal"
	// Changed: the row is at the fold's sequence, and says something else.
	Changed Verdict = "changed"
	// Moved: the row is at another sequence than the fold. One of the two is older, if no event came
	// in between.
	Moved Verdict = "moved"
	// Added: there are events, and no row.
	Added Verdict = "added"
	// Removed: there is a row that claims events, and there are none.
	Removed Verdict = "removed"
	// RingOnly: there are no events, and the row claims none: it exists for its ring.
	RingOnly Verdict = "ring-only"
	// Absent: there is neither an event nor a row.
	Absent Verdict = "absent"
	// Unreadable: the row can't be decoded.
	Unreadable Verdict = "unreadable"
)

// Pair is a key with its fold and its row.
type Pair struct {
	Key []byte
	// Row is the table's; nil if there is none.
	Row []byte

	states  fold.States
	rows    fold.Rows
	encoded []byte // of the state; nil if there is none, or if it is decoded already
	state   any
}

// Folded reports whether the aggregate has events.
func (p *Pair) Folded() bool { return p.encoded != nil || p.state != nil }

// State returns what the events fold to, nil if there are none.
func (p *Pair) State() (any, error) {
	if p.state == nil && p.encoded != nil {
		state, err := p.states.DecodeState(p.encoded)
		if err != nil {
			return nil, unusable(p.Key, err)
		}
		p.state = state
	}
	return p.state, nil
}

// Judge compares the row with the fold. The error is an [ErrRow] if the verdict is Unreadable. Any other
// error is one of the shadow, or a fault, and comes without a verdict.
func (p *Pair) Judge() (Verdict, error) {
	if p.Row == nil {
		if p.Folded() {
			return Added, nil
		}
		return Absent, nil
	}
	at, err := p.rows.Sequence(p.Row)
	if err != nil {
		return p.unreadable(err)
	}
	if !p.Folded() {
		if at > 0 {
			return Removed, nil
		}
		return RingOnly, nil
	}
	state, err := p.State()
	if err != nil {
		return "", err
	}
	equal, err := p.rows.Equal(state, p.Row)
	switch {
	case err != nil:
		return p.unreadable(err)
	case equal:
		return Equal, nil
	}
	folded, err := p.sequence()
	switch {
	case err != nil:
		return "", err
	case folded != at:
		return Moved, nil
	}
	return Changed, nil
}

// unreadable returns the verdict for an error about a row, unless that was a fault.
func (p *Pair) unreadable(err error) (Verdict, error) {
	err = unusable(p.Key, err)
	if !errors.Is(err, ErrRow) {
		return "", err
	}
	return Unreadable, err
}

// sequence returns the sequence of the fold.
func (p *Pair) sequence() (int64, error) {
	row, err := p.folded()
	if err != nil || row == nil {
		return 0, err
	}
	sequence, err := p.rows.Sequence(row)
	if err != nil {
		return 0, unusable(p.Key, err)
	}
	return sequence, nil
}

// folded returns the fold's row, without a ring; nil if there is none.
func (p *Pair) folded() ([]byte, error) {
	state, err := p.State()
	if err != nil || state == nil {
		return nil, err
	}
	row, err := p.rows.RowWith(state, nil)
	if err != nil {
		return nil, unusable(p.Key, err)
	}
	return row, nil
}

// Walk calls fn with each key that has events or a row, in the order of the keys. rows may be nil: there are
// none. The pair, its key and its row are valid until fn returns. The walk rests as the fold does. The shadow
// must not change meanwhile.
func (s *Shadow) Walk(ctx context.Context, rows RowIterator, fn func(*Pair) error) error {
	if err := s.states.flush(); err != nil {
		return s.failure(err)
	}
	folded, err := below(s.db, statePrefix, nil)
	if err != nil {
		return err
	}
	w := walk{shadow: s, folded: folded, rows: rows}
	err = w.run(ctx, fn)
	if closing := folded.Close(); err == nil && closing != nil {
		err = fmt.Errorf("reading the shadow store: %w", closing)
	}
	return err
}

// walk goes through the shadow and rows side by side.
type walk struct {
	shadow *Shadow
	folded *pebble.Iterator
	rows   RowIterator

	hasFolded, hasRow bool // there is one where it stands
}

func (w *walk) run(ctx context.Context, fn func(*Pair) error) error {
	defer w.shadow.pace.pause()
	w.hasFolded = w.folded.First()
	w.hasRow = w.rows != nil && w.rows.Next()
	m := w.shadow.meter
	m.Rows, m.RowsOf = 0, w.shadow.Keys()
	pair := Pair{states: w.shadow.o.Fold, rows: w.shadow.o.Rows}
	for i := 0; w.hasFolded || w.hasRow; i++ {
		if i%stride == 0 {
			if err := w.shadow.pace.rest(ctx); err != nil {
				return err
			}
			m.tick()
		}
		takeFolded, takeRow := w.choose()
		if err := w.fill(&pair, takeFolded, takeRow); err != nil {
			return err
		}
		if err := fn(&pair); err != nil {
			return err
		}
		m.Rows++
		if takeFolded {
			w.hasFolded = w.folded.Next()
		}
		if takeRow {
			w.hasRow = w.rows.Next()
		}
	}
	if w.rows != nil {
		if err := w.rows.Err(); err != nil {
			return fmt.Errorf("reading the table: %w", err)
		}
	}
	return ctx.Err()
}

// choose reports which of both sides have the next key.
func (w *walk) choose() (folded, row bool) {
	if !w.hasFolded || !w.hasRow {
		return w.hasFolded, w.hasRow
	}
	order := bytes.Compare(w.folded.Key()[1:], w.rows.Key())
	return order <= 0, order >= 0
}

func (w *walk) fill(p *Pair, folded, row bool) (err error) {
	p.Row, p.encoded, p.state = nil, nil, nil
	if folded {
		p.Key = w.folded.Key()[1:]
		if p.encoded, err = w.folded.ValueAndErr(); err != nil {
			return fmt.Errorf("reading the shadow store: %w", err)
		}
	}
	if row {
		p.Key = w.rows.Key()
		if p.Row, err = w.rows.Value(); err != nil {
			return fmt.Errorf("reading the table: %w", err)
		}
	}
	return nil
}

// NewPair returns the pair of a key with a state and a row; nil: there is none.
func NewPair(states fold.States, rows fold.Rows, key []byte, state any, row []byte) *Pair {
	return &Pair{Key: key, Row: row, states: states, rows: rows, state: state}
}
