package audit

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"

	"github.com/linkedin/goavro/v2"
)

// table checks that rows are the fold of their events, and their rings the tail of the results
// (G4), and that balances are what the accepted commands make them.
func (c *checker) table() {
	for key, results := range c.byKey {
		want, folded := c.folded[key]
		if !folded {
			want = c.Kind.initial()
		}
		if shop := c.Kind.shop; shop != nil && shop.effect != nil && !c.holes[key] {
			if by, is := c.effects[key], whole(want, "balance"); by != is {
				c.money(by-is, "%s %s has %d by its events, its accepted commands make %d", c.Kind.Name, key,
					is, by)
			}
		}
		row, has := c.row[key]
		if !has {
			c.breach("G4", Rows, "%s %s has %d results and no row in partition %d", c.Kind.Name, key,
				len(results), c.number)
			continue
		}
		if why := row.differs(want, c.last[key], ringOf(results, c.RingSize)); why != "" {
			c.breach("G4", Rows, "row %s %s", key, why)
		}
	}
	for key := range c.row {
		if _, known := c.byKey[key]; !known {
			c.breach("G4", Rows, "row %s (partition %d) belongs to no command", key, c.number)
		}
	}
}

// differs says in what a row is not what it should be; nothing if it is, to the last byte if its
// bytes are known.
func (r *Row) differs(want map[string]any, sequence int64, ring []byte) string {
	switch {
	case r.Unreadable != nil:
		return fmt.Sprintf("can't be read: %v", r.Unreadable)
	case !bytes.Equal(ring, r.Recent):
		return fmt.Sprintf("has the ring %x, its results make %x", r.Recent, ring)
	case r.Sequence == sequence && r.codec == nil && reflect.DeepEqual(r.State, want):
		return ""
	case r.Sequence != sequence || r.codec == nil:
		return fmt.Sprintf("is %v at %d, its events make %v at %d", r.State, r.Sequence, want, sequence)
	}
	value, err := encodeRow(r.codec, r.Value[:schemaBytes], want, sequence, ring)
	switch {
	case err != nil:
		return fmt.Sprintf("can't be encoded as its events make it: %v", err)
	case bytes.Equal(value, r.Value):
		return ""
	case reflect.DeepEqual(r.State, want):
		return fmt.Sprintf("is written as %x, its events make %x", r.Value, value)
	}
	return fmt.Sprintf("is %v, its events make %v", r.State, want)
}

// encodeRow writes a row down, with the schema that is named by its first bytes.
func encodeRow(codec *goavro.Codec, schema []byte, state map[string]any, sequence int64, ring []byte,
) ([]byte, error) {
	fields := maps.Clone(state)
	if fields == nil {
		fields = make(map[string]any)
	}
	fields["sequence"], fields["recent"] = sequence, ring
	value, err := codec.BinaryFromNative(bytes.Clone(schema), fields)
	if err != nil {
		return nil, fmt.Errorf("encoding a row: %w", err)
	}
	return value, nil
}
