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

// DecodedRows are the rows that a graph keeps decoded, of one key.
type DecodedRows struct{ rows *decodedRows[int] }

// NewDecodedRows keeps so many bytes of each lock's rows.
func NewDecodedRows(bytes int) DecodedRows {
	return DecodedRows{newDecodedRows[int](bytes * decodedStripes)}
}

// Put keeps a state as that of a row.
func (d DecodedRows) Put(row []byte, state int) {
	d.rows.put([]byte("key"), row, eventsourcing.Snapshot[int]{State: state})
}

// Take returns the state of a row.
func (d DecodedRows) Take(row []byte) (int, bool) {
	s, is := d.rows.take([]byte("key"), row)
	return s.State, is
}

// Kept returns how many rows are kept.
func (d DecodedRows) Kept() (n int) {
	for i := range d.rows.stripes {
		n += len(d.rows.stripes[i].rows)
	}
	return n
}
