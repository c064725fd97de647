package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"refold/projections"
)

// tableFile begins the rows of refold_migrations that are about the tables of a build, and not about files.
const tableFile = "table "

// filledMark is in the names of migrations that wait until the build is filled.
const filledMark = ".filled."

// migration is a file of a projection's Migrations.
type migration struct{ path, text, checksum string }

// dialects are the databases that a migration may be for.
var dialects = []string{"postgres", "sqlite"}

// migrations returns the files that are for the database, in the order of their paths.
func (d *Dialect) migrations(p *projections.Projection) ([]migration, error) {
	if p.Migrations == nil {
		return nil, nil
	}
	var all []migration
	err := fs.WalkDir(p.Migrations, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !d.runs(path) {
			return err
		}
		text, err := fs.ReadFile(p.Migrations, path)
		all = append(all, migration{path, string(text), checksum(text)})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("the migrations of %s: %w", p.Name, err)
	}
	slices.SortFunc(all, func(a, b migration) int { return strings.Compare(a.path, b.path) })
	return all, nil
}

// runs reports whether a file is a migration for the database.
func (d *Dialect) runs(path string) bool {
	name, is := strings.CutSuffix(path, ".sql")
	return is && !slices.ContainsFunc(dialects, func(other string) bool {
		return other != d.Name && strings.HasSuffix(name, "."+other)
	})
}

var placeholder = regexp.MustCompile(`\{[a-z][a-z0-9_]*\}`)

// named returns a migration's text with the names of a build's tables.
func named(text string, p *projections.Projection, number int) string {
	return placeholder.ReplaceAllStringFunc(text, func(name string) string {
		if t := p.Table(name[1 : len(name)-1]); t != nil {
			return physical(t.Name, number)
		}
		return name // of an array, or JSON
	})
}

// migrate runs in a build all migrations that have not been, and reports whether there were any. Some wait
// until the build is filled.
func (s *Store) migrate(
	ctx context.Context, tx querier, p *projections.Projection, number int, filled bool,
) (ran bool, err error) {
	all, err := s.dialect.migrations(p)
	if err != nil {
		return false, err
	}
	done, err := s.remembered(ctx, tx, p.Name, number)
	if err != nil {
		return false, err
	}
	for _, m := range all {
		switch before, run := done[m.path]; {
		case !run && !filled && strings.Contains(m.path, filledMark):
		case !run:
			if _, err := tx.ExecContext(ctx, named(m.text, p, number)); err != nil {
				return false, fmt.Errorf("migration %s: %w", m.path, err)
			}
			if err := s.remember(ctx, tx, p.Name, number, m.path, m.checksum); err != nil {
				return false, err
			}
			ran = true
		case before != m.checksum:
			return false, fmt.Errorf("migration %s has changed since it was run; make it what it was, and "+
				"write a new file for what is to be changed", m.path)
		}
	}
	return ran, nil
}

// fits returns an error unless the build has been made of these tables.
func (s *Store) fits(ctx context.Context, tx querier, p *projections.Projection, number int) error {
	done, err := s.remembered(ctx, tx, p.Name, number)
	if err != nil {
		return err
	}
	for _, t := range p.Tables {
		if done[tableFile+t.Name] != declared(t) {
			return fmt.Errorf("the table %s is not declared as it was when the build was made; raise the "+
				"projection's Version, now %d, with each change of its tables", t.Name, p.Version)
		}
	}
	return nil
}

// remembered returns the checksums in refold_migrations of a build, by file.
func (s *Store) remembered(
	ctx context.Context, on querier, projection string, number int,
) (map[string]string, error) {
	done := make(map[string]string)
	err := s.query(ctx, on, func(row *sql.Rows) error {
		var file, checksum string
		err := row.Scan(&file, &checksum)
		done[file] = checksum
		return err
	}, `SELECT file, checksum FROM refold_migrations WHERE projection = ? AND number = ?`, projection, number)
	return done, err
}

func (s *Store) remember(
	ctx context.Context, tx querier, projection string, number int, file, checksum string,
) error {
	return s.execute(ctx, tx,
		`INSERT INTO refold_migrations (projection, number, file, checksum) VALUES (?, ?, ?, ?)`,
		projection, number, file, checksum)
}

// tables returns the names of a build's tables, in order.
func (s *Store) tables(ctx context.Context, tx querier, projection string, number int) ([]string, error) {
	done, err := s.remembered(ctx, tx, projection, number)
	var names []string
	for file := range done {
		if name, is := strings.CutPrefix(file, tableFile); is {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, err
}
