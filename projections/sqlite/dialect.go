package sqlite

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"refold/projections"
	"refold/projections/sqlstore"
)

var dialect = sqlstore.Dialect{
	Name:  "sqlite",
	Types: types,
	// Rows are in the tree of their key: there is no other one to be written.
	End:   " STRICT, WITHOUT ROWID",
	Now:   "strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')", // %f has three digits
	Later: "strftime('%Y-%m-%dT%H:%M:%f000Z', 'now', ? || ' seconds')",
	// Views come first, and virtual tables before the tables that they are made of.
	Belongings: `SELECT 'DROP ' || upper(type) || ' IF EXISTS "' || name || '"' FROM sqlite_schema
		WHERE type IN ('table', 'view') AND (name = ? OR name GLOB ? || '*')
		ORDER BY type DESC, sql LIKE 'CREATE VIRTUAL%' DESC, name`,
	Rebind: func(query string) string { return query },
	Value:  value,
	In: func(column string, texts []string) (string, []any) {
		args := make([]any, len(texts))
		for i, text := range texts {
			args[i] = text
		}
		return sqlstore.Quoted(column) + " IN (?" + strings.Repeat(", ?", len(texts)-1) + ")", args
	},
	Holds: func(string) bool { return true },
	Refused: func(err error) bool {
		return is(err, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG)
	},
	Missing: func(err error) bool {
		return is(err, sqlite3.SQLITE_ERROR) && strings.Contains(err.Error(), "no such table")
	},
	Busy: func(err error) bool { return is(err, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) },
}

// is reports whether an error has one of SQLite's codes.
func is(err error, codes ...int) bool {
	var failed *sqlite.Error
	if !errors.As(err, &failed) {
		return false
	}
	for _, code := range codes {
		if failed.Code()&0xff == code { // the rest of an extended code
			return true
		}
	}
	return false
}

// timeForm is how times are stored: RFC 3339 with a fixed number of digits, so that they sort.
const timeForm = "2006-01-02T15:04:05.000000Z"

// types are those of columns.
var types = map[projections.ColumnType]string{
	projections.Text: "TEXT", projections.Integer: "INTEGER", projections.Real: "REAL",
	projections.Boolean: "INTEGER", projections.Time: "TEXT", projections.Bytes: "BLOB",
	projections.JSON: "TEXT",
}

func value(t projections.ColumnType, v any) any {
	if v == nil {
		return nil
	}
	switch t {
	case projections.Time:
		return v.(time.Time).UTC().Format(timeForm)
	case projections.JSON:
		return string(v.(json.RawMessage))
	default:
		return v
	}
}
