package postgres

import (
	_ "embed"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"

	"refold/projections"
	"refold/projections/sqlstore"
)

// wait makes the function refold_wait.
//
//go:embed wait.sql
var wait string

// Codes of errors (SQLSTATE).
const (
	divisionByZero         = "22012"
	serializationFailure   = "40001"
	deadlockDetected       = "40P01"
	invalidTableDefinition = "42P16"
	undefinedTable         = "42P01"
	lockNotAvailable       = "55P03"

	classDataException       = "22"
	classConstraintViolation = "23"
	classLimitExceeded       = "54" // such as a key that is too long for an index
)

var dialect = sqlstore.Dialect{
	Name:  "postgres",
	Types: types,
	Now:   "clock_timestamp()",
	Later: "clock_timestamp() + make_interval(secs => ?)",
	Belongings: `SELECT 'DROP ' || CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
			ELSE 'TABLE' END || ' IF EXISTS ' || quote_ident(c.relname) || ' CASCADE'
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'v', 'm', 'p')
			AND (c.relname = ? OR starts_with(c.relname::text, ?))
		ORDER BY c.relname`,
	Setup:  []string{wait},
	Rebind: sqlstore.Numbered,
	Value:  value,
	In: func(column string, texts []string) (string, []any) {
		return sqlstore.Quoted(column) + " = ANY(?)", []any{texts}
	},
	Holds: func(text string) bool { return utf8.ValidString(text) && !strings.Contains(text, "\x00") },
	Refused: func(err error) bool {
		code := sqlState(err)
		return len(code) > 2 && slices.Contains(refusing, code[:2])
	},
	Missing: func(err error) bool { return has(err, undefinedTable) },
	Busy:    func(err error) bool { return has(err, lockNotAvailable, deadlockDetected) },
}

var refusing = []string{classDataException, classConstraintViolation, classLimitExceeded}

// sqlState returns the code of an error of the database; none if it is of another kind.
func sqlState(err error) string {
	var failed *pgconn.PgError
	if errors.As(err, &failed) {
		return failed.Code
	}
	return ""
}

func has(err error, codes ...string) bool { return slices.Contains(codes, sqlState(err)) }

// types are those of columns.
var types = map[projections.ColumnType]string{
	projections.Text: "text", projections.Integer: "bigint", projections.Real: "double precision",
	projections.Boolean: "boolean", projections.Time: "timestamptz", projections.Bytes: "bytea",
	projections.JSON: "jsonb",
}

func value(t projections.ColumnType, v any) any {
	if text, is := v.(json.RawMessage); is && t == projections.JSON {
		return string(text)
	}
	return v
}
