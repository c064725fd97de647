package sqlstore

import (
	"fmt"
	"regexp"
	"strings"

	"refold/projections"
)

// Quoted returns a name as SQL takes it, be it a word of SQL. It is one of those that projections allow, so
// it has no quotes.
func Quoted(name string) string { return `"` + name + `"` }

// physical returns the name of a build's table.
func physical(table string, number int) string { return fmt.Sprintf("%s__%d", table, number) }

// state is a row of the states of a build.
type state struct {
	Aggregate string `column:"aggregate,key"`
	Subject   string `column:"subject,key"`
	Sequence  int64  `column:"sequence"`
	State     []byte `column:"state"`
}

// statesTable returns the table of a projection's states.
func statesTable(p *projections.Projection) *projections.Table {
	return projections.NewTable[state](p.Name + "_states").Table
}

// ofBuild is a name that a build's table may have.
var ofBuild = regexp.MustCompile(`__\d+$`)

// checkNames lists names of tables that the store needs itself.
func checkNames(p *projections.Projection) error {
	for _, t := range p.Tables {
		switch {
		case strings.HasPrefix(t.Name, "refold_"):
			return fmt.Errorf("projection %s: the table %s can't be in a database: its name must not begin "+
				"with refold_", p.Name, t.Name)
		case ofBuild.MatchString(t.Name):
			return fmt.Errorf("projection %s: the table %s can't be in a database: its name must not end in "+
				"two underscores and a number", p.Name, t.Name)
		case t.Name == p.Name+"_states":
			return fmt.Errorf("projection %s: the table %s can't be in a database: that is the name of the "+
				"projection's states; call it otherwise", p.Name, t.Name)
		}
	}
	return nil
}

// lockOf is the lock on the builds of a projection, lockOfBuild the one on the rows of a build.
func lockOf(projection string) string { return "builds of " + projection }

func lockOfBuild(projection string, number int) string {
	return fmt.Sprintf("build %s-%d", projection, number)
}

// Keys returns the names of a table's key columns, quoted.
func Keys(t *projections.Table) []string {
	keys := make([]string, len(t.Keys()))
	for i, at := range t.Keys() {
		keys[i] = Quoted(t.Columns[at].Name)
	}
	return keys
}

// Columns returns the names of all columns of a table, quoted.
func Columns(t *projections.Table) []string {
	all := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		all[i] = Quoted(c.Name)
	}
	return all
}

// OnConflict returns what becomes of the row that is there already: the end of an INSERT of all columns,
// whose table is called t.
func (g *Group) OnConflict() string {
	var set []string
	for _, at := range g.Set() {
		name := Quoted(g.Table.Columns[at].Name)
		if g.Op == projections.OpMerge && g.Table.Columns[at].Sum {
			set = append(set, name+" = t."+name+" + excluded."+name)
		} else {
			set = append(set, name+" = excluded."+name)
		}
	}
	target := " ON CONFLICT (" + strings.Join(Keys(g.Table), ", ") + ") DO "
	if len(set) == 0 {
		return target + "NOTHING"
	}
	return target + "UPDATE SET " + strings.Join(set, ", ")
}
