package postgres

import (
	"fmt"
	"slices"
	"strings"

	"refold/projections"
	"refold/projections/sqlstore"
)

// Changes returns the steps that make changes of one table. The rows go in as arrays, one for each column, so
// that the statement is the same for any number of them.
func (d *database) Changes(name string, groups []sqlstore.Group) (steps []sqlstore.Step) {
	if len(groups) > 1 && slices.ContainsFunc(groups, func(g sqlstore.Group) bool {
		return g.Op == projections.OpMerge // other members may change the rows, too
	}) {
		steps = append(steps, lockRows(name, groups))
	}
	for _, g := range groups {
		for some := range slices.Chunk(g.Rows, d.rowsPerStatement) {
			part := g
			part.Rows = some
			steps = append(steps, change(name, &part))
		}
	}
	return steps
}

// lockRows locks the rows that groups change, in the order of their keys: the groups by themselves would lock
// them in another order than a batch that has others.
func lockRows(name string, groups []sqlstore.Group) sqlstore.Step {
	all := sqlstore.Group{Table: groups[0].Table, Op: projections.OpDelete}
	for _, g := range groups {
		all.Rows = append(all.Rows, g.Rows...)
	}
	slices.SortFunc(all.Rows, func(a, b []any) int {
		return strings.Compare(all.Table.Key(a), all.Table.Key(b))
	})
	from, args := rows(&all, all.Table.Keys(), "WITH ORDINALITY", `"#"`) // no column is called that
	return sqlstore.Step{
		SQL: "SELECT 1 FROM " + from + " JOIN " + sqlstore.Quoted(name) + " AS t ON " + sameKey(all.Table) +
			" ORDER BY u.\"#\" FOR UPDATE OF t",
		Args: args,
	}
}

// change makes the changes of a group.
func change(name string, g *sqlstore.Group) sqlstore.Step {
	if g.Op == projections.OpDelete {
		from, args := rows(g, g.Table.Keys(), "")
		return sqlstore.Step{
			SQL: "DELETE FROM " + sqlstore.Quoted(name) + " AS t USING " + from +
				" WHERE " + sameKey(g.Table),
			Args: args,
		}
	}
	// Arrays that are unnested here, and not in FROM, are read in step, without a copy of all rows.
	selected := make([]string, len(g.Table.Columns))
	args := make([]any, len(selected))
	for i, c := range g.Table.Columns {
		selected[i], args[i] = fmt.Sprintf("unnest($%d::%s[])", i+1, arrayOf(c.Type)), array(g, i)
		if c.Type == projections.JSON {
			selected[i] += "::jsonb"
		}
	}
	return sqlstore.Step{
		SQL: "INSERT INTO " + sqlstore.Quoted(name) +
			" AS t (" + strings.Join(sqlstore.Columns(g.Table), ", ") +
			") SELECT " + strings.Join(selected, ", ") + g.OnConflict(),
		Args: args,
	}
}

// sameKey is the condition that a row of the table, t, has the key of one that was given, u.
func sameKey(t *projections.Table) string {
	keys := sqlstore.Keys(t)
	for i, key := range keys {
		keys[i] = "t." + key + " = u." + key
	}
	return strings.Join(keys, " AND ")
}

// rows returns some columns of the changes of a group as u, an entry of FROM, with its arguments. There may
// be more columns, which a word after the arrays makes.
func rows(g *sqlstore.Group, columns []int, word string, more ...string) (string, []any) {
	var arrays, names []string
	var args []any
	for i, at := range columns {
		c := &g.Table.Columns[at]
		arrays = append(arrays, fmt.Sprintf("$%d::%s[]", i+1, arrayOf(c.Type)))
		names = append(names, sqlstore.Quoted(c.Name))
		args = append(args, array(g, at))
	}
	return fmt.Sprintf("unnest(%s) %s AS u(%s)", strings.Join(arrays, ", "), word,
		strings.Join(append(names, more...), ", ")), args
}

// arrayOf is the type of the elements that a column's values go out as.
func arrayOf(t projections.ColumnType) string {
	if t == projections.JSON {
		return "text" // the database reads it
	}
	return types[t]
}
