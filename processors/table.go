package processors

import (
	"fmt"
	"strings"

	"github.com/lovoo/goka"

	"refold/codecs"
	"refold/eventsourcing"
)

// row is a row of a group table as it is encoded: the fields of the state, then these two.
type row[S any] struct {
	State    S      `avro:",inline"`
	Sequence int64  `avro:"sequence" doc:"That of the latest event; 0 if there is none."`
	Recent   []byte `avro:"recent" doc:"The ring of recent commands and their outcomes."`
}

// rowType returns the record type of an aggregate's rows. Every field has a default, so that rows of
// earlier and later releases can be read: a field that they lack is zero until the table is rebuilt. So a
// state with other fields needs another fold version, and the schema notes it.
func rowType[S any](namespace, aggregate string, foldVersion int) codecs.Type {
	return codecs.RecordOf[row[S]](codecs.StructOptions{
		Namespace: namespace, Name: rowName(aggregate), Defaults: true, Revision: foldVersion,
		Doc: "A row of the table: the state of one " + aggregate + " as of a sequence. A row at sequence 0 " +
			"is there for its ring alone: commands were rejected before there was an event.",
	})
}

// rowName is "OrderBookRow" for the aggregate "order-book".
func rowName(aggregate string) string {
	var name strings.Builder
	for part := range strings.SplitSeq(aggregate, "-") {
		name.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return name.String() + "Row"
}

// TableCodec is the codec of a group table: it encodes an eventsourcing.Snapshot[S] as a record R. It is
// a Goka codec.
type TableCodec[S, R any] struct {
	// Rows encodes R.
	Rows *codecs.Set
	// ToRow and FromRow are each other's inverse.
	ToRow   func(state S, sequence int64, recent []byte) R
	FromRow func(R) (state S, sequence int64, recent []byte)
}

func tableCodec[S any](rows *codecs.Set) TableCodec[S, row[S]] {
	return TableCodec[S, row[S]]{
		Rows: rows,
		ToRow: func(state S, sequence int64, recent []byte) row[S] {
			return row[S]{state, sequence, recent}
		},
		FromRow: func(r row[S]) (S, int64, []byte) { return r.State, r.Sequence, r.Recent },
	}
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
	value, err := c.decode(data)
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

// readRow reads rows of a table for a view.
func readRow[S any](rows goka.Codec) func([]byte) (int64, any, error) {
	return func(value []byte) (int64, any, error) {
		decoded, err := rows.Decode(value)
		if err != nil {
			return 0, nil, err //nolint:wrapcheck // it says what it was doing
		}
		row, is := decoded.(eventsourcing.Snapshot[S])
		if !is {
			return 0, nil, fmt.Errorf("a row is a %T", decoded)
		}
		return row.Sequence, row.State, nil
	}
}
