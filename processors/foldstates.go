package processors

import "refold/eventsourcing"

// StateCodec encodes the states that [EventFold] makes. It implements [fold.States]: a state is its row
// without a ring.
type StateCodec[S any] struct{ rows *RowCodec[S] }

// EncodeState returns a state as bytes. The state must not be nil.
//
// While rows are written in a former version, which may lack some of it, a state is in today's, and no other
// program can read it.
func (c *StateCodec[S]) EncodeState(state any) ([]byte, error) {
	private, is := c.rows.rows.(interface {
		encodeState(row eventsourcing.Snapshot[S]) ([]byte, error)
	})
	s, err := ownState[S](state)
	if !is || s == nil || err != nil {
		return c.rows.RowWith(state, nil)
	}
	row := eventsourcing.Snapshot[S]{State: s.state, Sequence: s.sequence}
	return c.rows.guarded(private.encodeState, row)
}

// DecodeState is the inverse of EncodeState.
func (c *StateCodec[S]) DecodeState(b []byte) (any, error) {
	row, err := c.rows.snapshot(b)
	if err != nil {
		return nil, err
	}
	return &folded[S]{state: row.State, sequence: row.Sequence}, nil
}
