package processors

// StateCodec encodes the states that [EventFold] makes. It implements [fold.States]: a state is its row
// without a ring.
type StateCodec[S any] struct{ rows *RowCodec[S] }

// EncodeState returns a state as bytes. The state must not be nil.
func (c *StateCodec[S]) EncodeState(state any) ([]byte, error) { return c.rows.RowWith(state, nil) }

// DecodeState is the inverse of EncodeState.
func (c *StateCodec[S]) DecodeState(b []byte) (any, error) {
	row, err := c.rows.snapshot(b)
	if err != nil {
		return nil, err
	}
	return &folded[S]{state: row.State, sequence: row.Sequence}, nil
}
