package rows

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Tables are tables by their names.
type Tables map[string]Table

// Table has rows by their keys.
type Table map[string]Row

// Row has the values of columns by their names. Stores have them in different types; those with the same text
// are equal.
type Row map[string]any

// keys are the columns of the tables' keys.
var keys = map[string][]string{
	"accounts_current":  {"account_id"},
	"account_statement": {"account_id", "sequence"},
	"account_months":    {"account_id", "month"},
	"account_holders":   {"account_id"},
	"orders_by_status":  {"order_id"},
	"customers":         {"account_id"},
	"customer_orders":   {"account_id", "order_id"},
	"order_search":      {"order_id"},
	"account_card":      {"account_id"},
}

// keyOf names a row within its table.
func keyOf(table string, row Row) string {
	var parts []string
	for _, column := range keys[table] {
		parts = append(parts, text(row[column]))
	}
	return strings.Join(parts, "/")
}

// put replaces a row.
func (t Tables) put(table string, row Row) {
	if t[table] == nil {
		t[table] = make(Table)
	}
	t[table][keyOf(table, row)] = row
}

// add adds a row that a store has. The error says that it has the row twice.
func (t Tables) add(table string, row Row) error {
	if key := keyOf(table, row); t[table][key] != nil {
		return fmt.Errorf("%s has the row %s twice", table, key)
	}
	t.put(table, row)
	return nil
}

// Sum adds up a column of a table.
func (t Tables) Sum(table, column string) (sum int64) {
	for _, row := range t[table] {
		n, _ := row[column].(int64)
		sum += n
	}
	return sum
}

// Differences says how tables differ from what they should be, a line for each row.
func Differences(want, got Tables, tables ...string) (all []string) {
	for _, table := range tables {
		for key, row := range want[table] {
			stored, is := got[table][key]
			if !is {
				all = append(all, fmt.Sprintf("%s %s is missing", table, key))
			} else if columns := differing(row, stored); columns != "" {
				all = append(all, fmt.Sprintf("%s %s: %s", table, key, columns))
			}
		}
		for key := range got[table] {
			if want[table][key] == nil {
				all = append(all, fmt.Sprintf("%s %s is too much", table, key))
			}
		}
	}
	slices.Sort(all)
	return all
}

// differing names the columns in which two rows differ, with both values.
func differing(want, got Row) string {
	columns := make(map[string]bool)
	for _, row := range []Row{want, got} {
		for column := range row {
			columns[column] = true
		}
	}
	var all []string
	for _, column := range slices.Sorted(maps.Keys(columns)) {
		right, expected := want[column]
		stored, is := got[column]
		switch {
		case !expected:
			all = append(all, column+" is no column")
		case !is:
			all = append(all, column+" is missing")
		case text(right) != text(stored):
			all = append(all, fmt.Sprintf("%s is %s, and should be %s", column, text(stored), text(right)))
		}
	}
	return strings.Join(all, "; ")
}

// timeForm is how times are compared: stores keep microseconds.
const timeForm = "2006-01-02T15:04:05.000000Z"

// text is a value in the form that is the same for all stores.
func text(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case string:
		return v
	case time.Time:
		return v.UTC().Truncate(time.Microsecond).Format(timeForm)
	case []string, []any:
		list, err := json.Marshal(v)
		if err != nil {
			return err.Error()
		}
		return string(list)
	default:
		return fmt.Sprint(v)
	}
}
