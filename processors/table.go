package processors

import (
	"context"
	"fmt"

	"refold/codecs"
	"refold/eventsourcing"
)

// TableCodec is the codec of a group table: it encodes an eventsourcing.Snapshot[S] as a record R
// of an aggregate's own. It is a Goka codec.
type TableCodec[S, R any] struct {
	// Rows encodes R.
	Rows *codecs.Set
	// ToRow and FromRow are each other's inverse.
	ToRow   func(state S, sequence int64, recent []byte) R
	FromRow func(R) (state S, sequence int64, recent []byte)
}

// Encode encodes a snapshot.
func (c TableCodec[S, R]) Encode(value any) ([]byte, error) {
	s, is := value.(eventsourcing.Snapshot[S])
	if !is {
		return nil, fmt.Errorf("a row is made of a snapshot, %T, not of a %T", s, value)
	}
	row := c.ToRow(s.State, s.Sequence, s.Recent.Bytes())
	return c.Rows.Encode(&row)
}

// Decode returns a snapshot.
func (c TableCodec[S, R]) Decode(data []byte) (any, error) {
	value, err := c.Rows.Decode(context.Background(), data)
	if err != nil {
		return nil, fmt.Errorf("decoding a row: %w", err)
	}
	row, is := value.(R)
	if !is {
		return nil, fmt.Errorf("decoding a row: it is a %T", value)
	}
	var s eventsourcing.Snapshot[S]
	var recent []byte
	s.State, s.Sequence, recent = c.FromRow(row)
	if s.Recent, err = eventsourcing.ParseRecent(recent); err != nil {
		return nil, fmt.Errorf("decoding a row: %w", err)
	}
	return s, nil
}
