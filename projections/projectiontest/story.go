package projectiontest

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"refold/projections"
	"refold/projections/memory"
)

// Story is a projection with events that it has been given. It is a value: telling on from it does not change
// it, so that several stories can begin alike.
type Story struct {
	tb         testing.TB
	projection projections.Projection
	past       []given
	at         time.Time
	cause      string
}

// given is an event of an aggregate.
type given struct {
	subject string
	event   any
	at      time.Time
	cause   string
}

// Of begins a story without events. It fails the test if the projection is defined wrongly.
func Of(tb testing.TB, p projections.Projection) Story {
	tb.Helper()
	if err := p.Check(); err != nil {
		tb.Fatal(err)
	}
	return Story{tb: tb, projection: p}
}

// At sets the time of all events that follow; it is the zero time at first.
func (s Story) At(t time.Time) Story {
	s.at = t
	return s
}

// Caused has all events that follow be caused by the command with an ID, such as that of a process:
// order-1/1/order-payments.0.
func (s Story) Caused(byCommand string) Story {
	s.cause = byCommand
	return s
}

// Given has events happen to the aggregate with an ID, one after the other. Nobody asks whether they could.
func (s Story) Given(subject string, events ...any) Story {
	s.past = slices.Clip(s.past)
	for _, e := range events {
		s.past = append(s.past, given{subject, e, s.at, s.cause})
	}
	return s
}

// Then expects the tables of the rows' types to have exactly these rows, in any order, and returns the story.
// Each row is a value of the struct of one of the projection's tables. A table of which there is no row here
// is not looked at: see ThenEmpty.
func (s Story) Then(rows ...any) Story {
	s.tb.Helper()
	want := make(map[*projections.Table][][]any)
	for _, row := range rows {
		t := s.table(row)
		want[t] = append(want[t], t.Values(row))
	}
	for t, values := range want {
		s.check(t, values)
	}
	return s
}

// ThenEmpty expects all tables to be empty.
func (s Story) ThenEmpty() Story {
	s.tb.Helper()
	for _, t := range s.projection.Tables {
		s.check(t, nil)
	}
	return s
}

// table returns the table whose rows are of the type of one.
func (s Story) table(row any) *projections.Table {
	s.tb.Helper()
	for _, t := range s.projection.Tables {
		if t.GoType() == reflect.TypeOf(row) {
			return t
		}
	}
	s.tb.Fatalf("the projection %s has no table with rows of type %T", s.projection.Name, row)
	return nil
}

func (s Story) check(t *projections.Table, want [][]any) {
	s.tb.Helper()
	single, together := s.rows(t, 1), s.rows(t, len(s.past))
	wanted := shown(t, want)
	if diff := difference(wanted, shown(t, single)); diff != "" {
		s.tb.Fatalf("table %s differs (- wanted, + found):\n%s", t.Name, diff)
	}
	if diff := difference(wanted, shown(t, together)); diff != "" {
		s.tb.Fatalf("table %s differs when all events are one batch (- wanted, + found):\n%s", t.Name, diff)
	}
}

// difference shows what only one of two sorted lists has: - wanted, + found.
func difference(wanted, found []string) string {
	var b strings.Builder
	for len(wanted)+len(found) > 0 {
		switch {
		case len(found) == 0 || len(wanted) > 0 && wanted[0] < found[0]:
			b.WriteString("- " + wanted[0] + "\n")
			wanted = wanted[1:]
		case len(wanted) == 0 || found[0] < wanted[0]:
			b.WriteString("+ " + found[0] + "\n")
			found = found[1:]
		default:
			wanted, found = wanted[1:], found[1:]
		}
	}
	return b.String()
}

// shown returns rows as text, sorted: a line for each.
func shown(t *projections.Table, rows [][]any) []string {
	lines := make([]string, 0, len(rows))
	for _, values := range rows {
		parts := make([]string, len(values))
		for i, v := range values {
			parts[i] = t.Columns[i].Name + "=" + text(v)
		}
		lines = append(lines, strings.Join(parts, " "))
	}
	slices.Sort(lines)
	return lines
}

// text returns a value as text, so that different values look different.
func text(v any) string {
	switch v := v.(type) {
	case json.RawMessage:
		return string(v)
	case string, []byte:
		return fmt.Sprintf("%q", v)
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case nil:
		return "null"
	default:
		return fmt.Sprint(v)
	}
}

// rows returns the rows of a table after all events, in batches of so many.
func (s Story) rows(t *projections.Table, perBatch int) (rows [][]any) {
	s.tb.Helper()
	ctx, p := context.Background(), s.projection
	store := &memory.Store{}
	b, err := store.Begin(ctx, &p, projections.Build{Version: p.Version}, false)
	s.must(err)
	open, err := store.Open(ctx, &p, b.Number)
	s.must(err)
	told := &telling{folding: projections.NewFolding(&p, p.Bare(), len(s.past)), sources: p.Bare()}
	for batch := range slices.Chunk(s.past, max(perBatch, 1)) {
		for _, g := range batch {
			s.must(told.take(g))
		}
		folded, err := told.folding.Close()
		s.must(err)
		for _, poison := range folded.Poison {
			s.must(poison.Err)
		}
		s.must(open.Write(ctx, &projections.Batch{Changes: folded.Changes}))
		told.folding.Written()
	}
	s.must(open.Look(ctx, func(v projections.View) error {
		return v.Rows(ctx, t, func(values []any) error { rows = append(rows, values); return nil })
	}))
	return rows
}

func (s Story) must(err error) {
	s.tb.Helper()
	if err != nil {
		s.tb.Fatal(err)
	}
}

// telling gives a folding events with their sequences.
type telling struct {
	folding   *projections.Folding
	sources   []*projections.OpenSource
	sequences map[string]int64
}

func (t *telling) take(g given) error {
	for i, source := range t.sources {
		name := source.Name + "/" + g.subject
		event, is := source.Record(g.event, t.sequences[name]+1, g.at, g.cause)
		if !is {
			continue
		}
		if t.sequences == nil {
			t.sequences = make(map[string]int64)
		}
		t.sequences[name]++
		if err := t.folding.Take(i, g.subject, event); err != nil {
			return fmt.Errorf("event %d of %s: %w", t.sequences[name], name, err)
		}
		return nil
	}
	return fmt.Errorf("a %T is no event of the projection's aggregates", g.event)
}
