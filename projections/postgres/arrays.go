package postgres

import (
	"encoding/json"
	"time"

	"refold/projections"
	"refold/projections/sqlstore"
)

// array returns the values of one column of a group's rows, as pgx takes an array.
func array(g *sqlstore.Group, at int) any {
	nullable := g.Table.Columns[at].Nullable
	switch g.Table.Columns[at].Type {
	case projections.Text:
		return typed[string](g.Rows, at, nullable)
	case projections.Integer:
		return typed[int64](g.Rows, at, nullable)
	case projections.Real:
		return typed[float64](g.Rows, at, nullable)
	case projections.Boolean:
		return typed[bool](g.Rows, at, nullable)
	case projections.Time:
		return typed[time.Time](g.Rows, at, nullable)
	case projections.Bytes:
		return blobs(g.Rows, at)
	default:
		return texts(g.Rows, at)
	}
}

// typed returns values of one type: themselves, or pointers of which some may be nil.
func typed[T any](rows [][]any, at int, nullable bool) any {
	if !nullable {
		all := make([]T, len(rows))
		for i, row := range rows {
			all[i] = row[at].(T)
		}
		return all
	}
	all := make([]*T, len(rows))
	for i, row := range rows {
		if v, is := row[at].(T); is {
			all[i] = &v
		}
	}
	return all
}

// blobs returns byte slices, nil for null.
func blobs(rows [][]any, at int) [][]byte {
	all := make([][]byte, len(rows))
	for i, row := range rows {
		all[i], _ = row[at].([]byte)
	}
	return all
}

// texts returns JSON as texts, nil for null.
func texts(rows [][]any, at int) []*string {
	all := make([]*string, len(rows))
	for i, row := range rows {
		if raw, is := row[at].(json.RawMessage); is {
			text := string(raw)
			all[i] = &text
		}
	}
	return all
}
