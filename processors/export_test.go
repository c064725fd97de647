package processors

import (
	"refold/codecs"
	"refold/eventsourcing"
)

// Handled lets tests count a record.
func (g *Guard) Handled(
	topic string, partition int32, offset int64, poison *codecs.Malformed,
) error {
	return g.handled(topic, partition, offset, poison)
}

// DecodedRows are the rows that a graph keeps decoded.
type DecodedRows struct{ rows *decodedRows[int] }

// NewDecodedRows keeps so many bytes of rows in each stripe.
func NewDecodedRows(bytes int) DecodedRows {
	return DecodedRows{newDecodedRows[int](bytes * decodedStripes)}
}

// Put keeps a state as that of a key's row.
func (d DecodedRows) Put(key string, row []byte, state int) {
	d.rows.put([]byte(key), row, eventsourcing.Snapshot[int]{State: state})
}

// Take returns the state of a key's row.
func (d DecodedRows) Take(key string, row []byte) (int, bool) {
	s, is := d.rows.take([]byte(key), row)
	return s.State, is
}

// DecodedStripes is how many stripes there are.
const DecodedStripes = decodedStripes

// Kept returns how many rows are kept.
func (d DecodedRows) Kept() (n int) {
	for i := range d.rows.stripes {
		for _, slot := range d.rows.stripes[i].slots {
			if slot.row != nil {
				n++
			}
		}
	}
	return n
}
