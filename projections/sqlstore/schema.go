package sqlstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"refold/projections"
)

// meta are the tables about builds. Their columns are made like those of rows.
func meta() []*projections.Table {
	type build struct {
		Projection string `column:"projection,key"`
		Number     int64  `column:"number,key"`
		Version    int64  `column:"version"`
		Folds      string `column:"folds"`
		// Status is that of projections.Build, or dropped, so that its number is not used again.
		Status     string `column:"status"`
		FromTables bool   `column:"from_tables"`
		// HeldUntil is set while another build takes this one's place.
		HeldUntil *time.Time `column:"held_until"`
		Began     time.Time  `column:"began"`
	}
	type progress struct {
		Projection string     `column:"projection,key"`
		Number     int64      `column:"number,key"`
		Topic      string     `column:"topic,key"`
		Part       int64      `column:"part,key"`
		Epoch      int64      `column:"epoch"`
		Next       int64      `column:"next"`
		End        int64      `column:"end_offset"`
		Time       *time.Time `column:"time"`
	}
	type migration struct {
		Projection string `column:"projection,key"`
		Number     int64  `column:"number,key"`
		// File is the path of a migration, or table and the name of a table of the build.
		File     string `column:"file,key"`
		Checksum string `column:"checksum"`
	}
	return []*projections.Table{
		projections.NewTable[build]("refold_builds").Table,
		projections.NewTable[progress]("refold_progress").Table,
		projections.NewTable[migration]("refold_migrations").Table,
	}
}

// table returns the name of a table and its columns, as they follow on CREATE TABLE.
func (d *Dialect) table(t *projections.Table, name string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (\n", Quoted(name))
	for _, c := range t.Columns {
		fmt.Fprintf(&b, "\t%s %s", Quoted(c.Name), d.Types[c.Type])
		if !c.Nullable {
			b.WriteString(" NOT NULL")
		}
		b.WriteString(",\n")
	}
	fmt.Fprintf(&b, "\tPRIMARY KEY (%s)\n)%s", strings.Join(Keys(t), ", "), d.End)
	return b.String()
}

// indexes returns the statements that make the indexes of a table by which rows about a subject are found.
func indexes(t *projections.Table, name string) []string {
	var all []string
	for i, c := range t.Columns {
		if c.Subject && t.Keys()[0] != i { // the primary key finds its first column
			// The name has the column's position, as that of the column may be too long for Postgres.
			all = append(all, fmt.Sprintf("CREATE INDEX %s ON %s (%s)",
				Quoted(fmt.Sprintf("%s_about_%d", name, i)), Quoted(name), Quoted(c.Name)))
		}
	}
	return all
}

// setUp makes what is not of one build.
func (s *Store) setUp(ctx context.Context) error {
	tx, err := s.database.Begin(ctx, "schema")
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing
	var statements []string
	for _, t := range meta() {
		statements = append(statements, "CREATE TABLE IF NOT EXISTS "+s.dialect.table(t, t.Name))
	}
	if err := executeAll(ctx, tx, append(statements, s.dialect.Setup...)); err != nil {
		return err
	}
	return tx.Commit()
}

// createTables makes the tables of a build, and remembers how they were declared.
func (s *Store) createTables(ctx context.Context, tx querier, p *projections.Projection, number int) error {
	states := statesTable(p)
	statements := []string{"CREATE TABLE " + s.dialect.table(states, physical(states.Name, number))}
	for _, t := range p.Tables {
		name := physical(t.Name, number)
		statements = append(statements, "CREATE TABLE "+s.dialect.table(t, name))
		statements = append(statements, indexes(t, name)...)
	}
	if err := executeAll(ctx, tx, statements); err != nil {
		return err
	}
	for _, t := range p.Tables {
		if err := s.remember(ctx, tx, p.Name, number, tableFile+t.Name, declared(t)); err != nil {
			return err
		}
	}
	return nil
}

func executeAll(ctx context.Context, tx querier, statements []string) error {
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// declared returns a checksum of a table's columns.
func declared(t *projections.Table) string {
	var b strings.Builder
	for _, c := range t.Columns {
		fmt.Fprintln(&b, c.Name, c.Type, c.Key, c.Subject, c.Sum, c.Nullable)
	}
	return checksum([]byte(b.String()))
}

func checksum(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
