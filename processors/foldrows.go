package processors

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/lovoo/goka"

	"refold/codecs"
	"refold/codecs/jsonvalue"
	"refold/eventsourcing"
)

// RowCodec makes rows of the states that [EventFold] makes, and reads rows. It implements [fold.Rows]. Rows
// are eventsourcing.Snapshot[S].
type RowCodec[S any] struct {
	initial S
	rows    goka.Codec
}

// Row returns the row of a state with the ring of the live row, or with none if that is nil: the
// ring is no part of the fold (design §6).
func (c *RowCodec[S]) Row(state any, live []byte) ([]byte, error) {
	if live == nil {
		return c.RowWith(state, nil)
	}
	row, err := c.snapshot(live)
	if err != nil {
		return nil, err
	}
	return c.RowWith(state, row.Recent.Bytes())
}

// RowWith returns the row of a state with a ring of recent commands, as [eventsourcing.Recent] has it in
// bytes. A nil state is that of an aggregate without events: its row is there for the ring alone.
func (c *RowCodec[S]) RowWith(state any, ring []byte) ([]byte, error) {
	s, err := ownState[S](state)
	if err != nil {
		return nil, err
	}
	if s == nil {
		s = &folded[S]{state: c.initial}
	}
	recent, err := eventsourcing.ParseRecent(ring)
	if err != nil {
		return nil, unfoldable(FoldRow, "making a row: %w", err)
	}
	return c.encode(eventsourcing.Snapshot[S]{State: s.state, Sequence: s.sequence, Recent: recent})
}

// encode encodes a row. The domain makes a row of a state, and may panic.
func (c *RowCodec[S]) encode(row eventsourcing.Snapshot[S]) ([]byte, error) {
	return c.guarded(func(row eventsourcing.Snapshot[S]) ([]byte, error) { return c.rows.Encode(row) }, row)
}

// guarded encodes a row by a function.
func (c *RowCodec[S]) guarded(
	encode func(eventsourcing.Snapshot[S]) ([]byte, error), row eventsourcing.Snapshot[S],
) (b []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = unfoldable(FoldPanic, "making a row at sequence %d: panic: %v", row.Sequence, p)
		}
	}()
	b, err = encode(row)
	if err != nil {
		return nil, unlessFault(err, "making a row at sequence %d: %w", row.Sequence, err)
	}
	return b, nil
}

func (c *RowCodec[S]) snapshot(b []byte) (eventsourcing.Snapshot[S], error) {
	var none eventsourcing.Snapshot[S]
	value, err := c.rows.Decode(b)
	if err != nil {
		return none, unlessFault(err, "%w", err)
	}
	row, is := value.(eventsourcing.Snapshot[S])
	if !is {
		return none, unfoldable(FoldRow, "decoding a row: it is a %T", value)
	}
	if row.Sequence < 0 {
		return none, unfoldable(FoldRow, "decoding a row: %w: it is at sequence %d",
			eventsourcing.ErrBrokenSnapshot, row.Sequence)
	}
	return row, nil
}

// unlessFault returns a *FoldError about a row, unless the registry does not answer, which is a fault.
func unlessFault(err error, format string, args ...any) error {
	if errors.Is(err, codecs.ErrRegistryUnavailable) {
		return fmt.Errorf(format, args...)
	}
	return unfoldable(FoldRow, format, args...)
}

// Sequence returns the sequence that a row is at.
func (c *RowCodec[S]) Sequence(row []byte) (int64, error) {
	s, err := c.snapshot(row)
	return s.Sequence, err
}

// Equal reports whether a row has the same state at the same sequence, whatever its ring and the schema it
// was written with. At sequence 0 states are not compared; see [eventsourcing.Snapshot].
func (c *RowCodec[S]) Equal(state any, row []byte) (bool, error) {
	s, err := ownState[S](state)
	if err != nil {
		return false, err
	}
	live, err := c.snapshot(row)
	if err != nil {
		return false, err
	}
	switch {
	case s == nil || s.sequence == 0:
		return live.Sequence == 0, nil
	case s.sequence != live.Sequence:
		return false, nil
	}
	want, err := c.keep(eventsourcing.Snapshot[S]{State: s.state, Sequence: s.sequence})
	if err != nil {
		return false, err
	}
	live.Recent = eventsourcing.Recent{}
	have, err := c.keep(live)
	if err != nil || bytes.Equal(have, want) {
		return err == nil, err
	}
	// A map has no order in Avro: equal ones may have different bytes.
	back, err := c.snapshot(want)
	if err != nil {
		return false, err
	}
	again, err := c.snapshot(have)
	return err == nil && reflect.DeepEqual(back.State, again.State), err
}

// keep encodes a row that is not written anew: as today's version if its state can't be expressed in the one
// that is written.
func (c *RowCodec[S]) keep(row eventsourcing.Snapshot[S]) ([]byte, error) {
	b, err := c.encode(row)
	kept, is := c.rows.(interface{ kept() goka.Codec })
	if is && errors.Is(err, codecs.ErrNotYetWritable) {
		return c.guarded(func(row eventsourcing.Snapshot[S]) ([]byte, error) {
			return kept.kept().Encode(row)
		}, row)
	}
	return b, err
}

// maxShownBytes limits the JSON of a row: eight times the default limit of a record, see
// codecs.Limits.ExpandedBytes.
const maxShownBytes = 8 << 20

// JSON shows a row's sequence and state, for people. The error wraps codecs.ErrTooLarge or
// codecs.ErrNoJSON if there is none.
func (c *RowCodec[S]) JSON(row []byte) (json.RawMessage, error) {
	s, err := c.snapshot(row)
	if err != nil {
		return nil, err
	}
	b, err := jsonvalue.Marshal(struct {
		Sequence int64 `json:"sequence"`
		State    S     `json:"state"`
	}{s.Sequence, s.State}, maxShownBytes)
	if err != nil {
		return nil, fmt.Errorf("showing a row as JSON: %w", err)
	}
	return b, nil
}
