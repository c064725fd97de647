package storetest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"refold/projections"
)

// contents are what a build has.
type contents struct {
	rows     map[*projections.Table]map[string][]any // by key
	progress []projections.Progress                  // by partition
	states   []projections.StoredState               // by subject
}

// nothing is what a build has that was begun and not written to.
func nothing() contents { return contents{rows: make(map[*projections.Table]map[string][]any)} }

// with adds rows of a table, each a value of its struct.
func (c contents) with(t *projections.Table, rows ...any) contents {
	if c.rows[t] == nil {
		c.rows[t] = make(map[string][]any)
	}
	for _, row := range rows {
		values := t.Values(row)
		c.rows[t][t.Key(values)] = values
	}
	return c
}

// at adds what advances lead to.
func (c contents) at(advances ...projections.Advance) contents {
	for _, a := range advances {
		c.progress = append(c.progress, stepped(a))
	}
	return c
}

// knowing adds states.
func (c contents) knowing(states ...projections.StoredState) contents {
	c.states = append(c.states, states...)
	return c
}

// look reads all rows, the progress, and the states of some accounts.
func look(tb testing.TB, b *bank, build projections.OpenBuild, subjects ...string) contents {
	tb.Helper()
	var c contents
	must(tb, build.Look(tb.Context(), func(v projections.View) error {
		return c.read(tb.Context(), v, b, subjects...)
	}))
	return c
}

// read reads all that a view shows.
func (c *contents) read(ctx context.Context, v projections.View, b *bank, subjects ...string) error {
	c.rows = make(map[*projections.Table]map[string][]any)
	var err error
	if c.progress, err = v.Progress(ctx); err != nil {
		return fmt.Errorf("reading the progress: %w", err)
	}
	c.progress = slices.SortedFunc(slices.Values(c.progress), byPartition)
	for _, t := range b.Tables {
		c.rows[t] = make(map[string][]any)
		err := v.Rows(ctx, t, func(values []any) error {
			key := t.Key(values)
			if c.rows[t][key] != nil {
				return fmt.Errorf("row %s is there twice", key)
			}
			c.rows[t][key] = slices.Clone(values)
			return nil
		})
		if err != nil {
			return fmt.Errorf("reading the rows of %s: %w", t.Name, err)
		}
	}
	for _, subject := range subjects {
		stored, err := v.State(ctx, "account", subject)
		if err != nil {
			return fmt.Errorf("reading the state of %s: %w", subject, err)
		}
		if stored != nil {
			c.states = append(c.states, *stored)
		}
	}
	return nil
}

// mostShown is how many differences a failure lists.
const mostShown = 10

// mustHold fails the test unless the build has these rows, and no others, and these states. Progress is
// looked at if some is wanted.
func (s *suite) mustHold(tb testing.TB, b *bank, build projections.OpenBuild, want contents) {
	tb.Helper()
	subjects := make([]string, len(want.states))
	for i, state := range want.states {
		subjects[i] = state.Subject
	}
	found := look(tb, b, build, subjects...)
	if want.progress == nil {
		found.progress = nil
	}
	mustEqual(tb, b, want, found)
}

func mustEqual(tb testing.TB, b *bank, want, found contents) {
	tb.Helper()
	if diff := differences(b.Tables, want, found); len(diff) > 0 {
		few := strings.Join(diff[:min(len(diff), mostShown)], "")
		tb.Fatalf("the build holds something else (- wanted, + found):\n%s", few)
	}
}

// differences lists what two builds don't have in common.
func differences(tables projections.Tables, want, found contents) (all []string) {
	if diff := cmp.Diff(want.progress, found.progress, cmpopts.EquateEmpty()); diff != "" {
		all = append(all, "progress:\n"+diff)
	}
	all = append(all, statesDiffer(want.states, found.states)...)
	for _, t := range tables {
		keys := make(map[string]bool)
		for _, rows := range []map[string][]any{want.rows[t], found.rows[t]} {
			for key := range rows {
				keys[key] = true
			}
		}
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			all = append(all, rowsDiffer(t, key, want.rows[t][key], found.rows[t][key])...)
		}
	}
	return all
}

// statesDiffer compares states in any order.
func statesDiffer(want, found []projections.StoredState) (all []string) {
	name := func(s projections.StoredState) string { return s.Aggregate + "/" + s.Subject }
	wanted := make(map[string]projections.StoredState)
	for _, s := range want {
		wanted[name(s)] = s
	}
	for _, s := range found {
		w, is := wanted[name(s)]
		if !is || w.Sequence != s.Sequence || !bytes.Equal(w.State, s.State) {
			all = append(all, fmt.Sprintf("+ state of %s @%d: %.100q\n", name(s), s.Sequence, s.State))
			continue
		}
		delete(wanted, name(s))
	}
	for _, s := range wanted {
		all = append(all, fmt.Sprintf("- state of %s @%d: %.100q\n", name(s), s.Sequence, s.State))
	}
	return all
}

// rowsDiffer compares two rows; nil is none.
func rowsDiffer(t *projections.Table, key string, want, found []any) (all []string) {
	switch name := fmt.Sprintf("%s/%.60s", t.Name, key); {
	case want == nil:
		return []string{fmt.Sprintf("+ %s: %.300v\n", name, found)}
	case found == nil:
		return []string{fmt.Sprintf("- %s: %.300v\n", name, want)}
	case len(found) != len(t.Columns):
		return []string{fmt.Sprintf("%s has %d values for %d columns\n", name, len(found), len(t.Columns))}
	default:
		for i, c := range t.Columns {
			if !c.Equal(want[i], found[i]) {
				all = append(all, fmt.Sprintf("%s.%s:\n- %s\n+ %s\n", name, c.Name, shown(want[i]),
					shown(found[i])))
			}
		}
		return all
	}
}

// shown is the beginning of a value, as text.
func shown(v any) string {
	switch v := v.(type) {
	case json.RawMessage:
		return fmt.Sprintf("%.200s (JSON)", v)
	case string, []byte:
		return fmt.Sprintf("%.200q (%T)", v, v)
	default:
		return fmt.Sprintf("%v (%T)", v, v)
	}
}
