package sqlite

import (
	"strings"

	"refold/projections"
	"refold/projections/sqlstore"
)

// Changes returns the steps that make changes of one table: statements of some rows each.
func (d *database) Changes(name string, groups []sqlstore.Group) (steps []sqlstore.Step) {
	for _, g := range groups {
		columns := written(&g)
		size := power(d.parameters / len(columns))
		for from := 0; from < len(g.Rows); from += size {
			for size > len(g.Rows)-from {
				size /= 2 // so few sizes make few statements to prepare
			}
			steps = append(steps, sqlstore.Step{
				SQL: statement(name, &g, len(columns), size), Args: arguments(&g, columns, from, from+size),
			})
		}
	}
	return steps
}

// power returns the greatest power of two that is not more than n; 1 at least.
func power(n int) int {
	p := 1
	for p*2 <= n {
		p *= 2
	}
	return p
}

// written returns the columns with a value in the statement.
func written(g *sqlstore.Group) []int {
	if g.Op == projections.OpDelete {
		return g.Table.Keys()
	}
	all := make([]int, len(g.Table.Columns))
	for i := range all {
		all[i] = i
	}
	return all
}

// statement makes the changes of some rows of a group.
func statement(name string, g *sqlstore.Group, columns, rows int) string {
	row := "(?" + strings.Repeat(", ?", columns-1) + ")"
	values := row + strings.Repeat(", "+row, rows-1)
	if g.Op == projections.OpDelete {
		return "DELETE FROM " + sqlstore.Quoted(name) +
			" WHERE (" + strings.Join(sqlstore.Keys(g.Table), ", ") + ") IN (VALUES " + values + ")"
	}
	return "INSERT INTO " + sqlstore.Quoted(name) +
		" AS t (" + strings.Join(sqlstore.Columns(g.Table), ", ") + ") VALUES " + values + g.OnConflict()
}

func arguments(g *sqlstore.Group, columns []int, from, to int) []any {
	args := make([]any, 0, len(columns)*(to-from))
	for _, values := range g.Rows[from:to] {
		for _, at := range columns {
			args = append(args, value(g.Table.Columns[at].Type, values[at]))
		}
	}
	return args
}
