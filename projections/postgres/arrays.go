package postgres

import (
	"encoding/json"
	"time"

	"refold/projections"
	"refold/projections/sqlstore"
)

// array returns the values of one column of a group's changes, as pgx takes an array.
func array(g *sqlstore.Group, at int) any {
	values := make([]any, len(g.Rows))
	for i, row := range g.Rows {
		values[i] = row[at]
	}
	c := &g.Table.Columns[at]
	switch c.Type {
	case projections.Text:
		return typed[string](values, c.Nullable)
	case projections.Integer:
		return typed[int64](values, c.Nullable)
	case projections.Real:
		return typed[float64](values, c.Nullable)
	case projections.Boolean:
		return typed[bool](values, c.Nullable)
	case projections.Time:
		return typed[time.Time](values, c.Nullable)
	case projections.Bytes:
		return blobs(values)
	default:
		for i, v := range values {
			if text, is := v.(json.RawMessage); is {
				values[i] = string(text)
			}
		}
		return typed[string](values, c.Nullable)
	}
}

// typed returns values of one type: themselves, or pointers of which some may be nil.
func typed[T any](values []any, nullable bool) any {
	if !nullable {
		all := make([]T, len(values))
		for i, v := range values {
			all[i] = v.(T)
		}
		return all
	}
	all := make([]*T, len(values))
	for i, v := range values {
		if v, is := v.(T); is {
			all[i] = &v
		}
	}
	return all
}

// blobs returns byte slices, nil for null.
func blobs(values []any) [][]byte {
	all := make([][]byte, len(values))
	for i, v := range values {
		all[i], _ = v.([]byte)
	}
	return all
}
