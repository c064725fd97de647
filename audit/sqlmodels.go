package audit

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"slices"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx
	_ "modernc.org/sqlite"             // the driver sqlite
)

// sqlModels are read models in PostgreSQL or SQLite. The table of build 3 of customers is customers__3, the
// view that readers see is customers, and the states of the read model shop are in shop_states__3.
type sqlModels struct {
	db   *sql.DB
	name string
}

// openSQL opens a database by its URL, or SQLite's by the path of its file.
func openSQL(driver, from string) (modelStore, error) {
	name, source := withoutPassword(from), from
	if driver == "sqlite" {
		if _, err := os.Stat(from); err != nil {
			return nil, fmt.Errorf("--database sqlite:%s: %w", from, err)
		}
		name = "sqlite:" + from
		source = "file:" + from + "?" + url.Values{
			"mode": {"rw"}, "_pragma": {"query_only(1)", "busy_timeout(10000)"},
		}.Encode()
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		return nil, fmt.Errorf("--database %s: %w", name, err)
	}
	return &sqlModels{db, name}, nil
}

func (s *sqlModels) String() string { return s.name }

func (s *sqlModels) close() { _ = s.db.Close() } // it was only read

func (s *sqlModels) builds(ctx context.Context, models []ReadModel) (all []storedBuild, err error) {
	err = s.query(ctx, "SELECT projection, number, version, status FROM refold_builds ORDER BY number",
		func(row map[string]any) error {
			b := storedBuild{
				projection: text(row, "projection"), number: whole(row, "number"),
				version: whole(row, "version"), status: text(row, "status"), next: make(map[Place]int64),
			}
			known := slices.ContainsFunc(models, func(m ReadModel) bool { return m.Name == b.projection })
			if known && b.status != buildDropped {
				all = append(all, b)
			}
			return nil
		})
	if err != nil {
		return nil, err
	}
	err = s.query(ctx, "SELECT projection, number, topic, part, next FROM refold_progress",
		func(row map[string]any) error {
			at := slices.IndexFunc(all, func(b storedBuild) bool {
				return b.projection == text(row, "projection") && b.number == whole(row, "number")
			})
			if at >= 0 {
				place := Place{Key: text(row, "topic"), Partition: int32(whole(row, "part"))}
				all[at].next[place] = whole(row, "next")
			}
			return nil
		})
	return all, err
}

func (s *sqlModels) rows(
	ctx context.Context, b storedBuild, table string, each func(map[string]any) error,
) error {
	return s.query(ctx, fmt.Sprintf(`SELECT * FROM "%s__%d"`, table, b.number), each)
}

func (s *sqlModels) shown(
	ctx context.Context, _ storedBuild, table string, each func(map[string]any) error,
) error {
	return s.query(ctx, fmt.Sprintf(`SELECT * FROM "%s"`, table), each)
}

func (s *sqlModels) states(ctx context.Context, b storedBuild, each func(storedState) error) error {
	query := fmt.Sprintf(`SELECT aggregate, subject, sequence, state FROM "%s_states__%d"`, b.projection,
		b.number)
	return s.query(ctx, query, func(row map[string]any) error {
		value, _ := row["state"].([]byte)
		return each(storedState{
			kind: text(row, "aggregate"), key: text(row, "subject"), sequence: whole(row, "sequence"),
			value: value,
		})
	})
}

// query calls each with the rows of an answer, by the names of their columns.
func (s *sqlModels) query(ctx context.Context, query string, each func(map[string]any) error) error {
	rows, err := s.db.QueryContext(ctx, query)
	if err != nil {
		return fmt.Errorf("%s: %s: %w", s.name, query, err)
	}
	defer rows.Close() //nolint:errcheck // Err has said what there is to say
	names, err := rows.Columns()
	if err != nil {
		return fmt.Errorf("%s: %s: %w", s.name, query, err)
	}
	values, into := make([]any, len(names)), make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return fmt.Errorf("%s: %s: %w", s.name, query, err)
		}
		row := make(map[string]any, len(names))
		for i, name := range names {
			row[name] = values[i]
		}
		if err := each(row); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("%s: %s: %w", s.name, query, err)
	}
	return nil
}
