package projections_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"refold/processors"
	"refold/projections"
)

// given is an event of a purse.
type given struct {
	id    string
	event purseEvent
}

// A projection of states makes the rows that one of events makes, and each makes the same in batches of any
// size.
func TestStatesMakeTheRowsOfEvents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) given {
			id := rapid.SampledFrom([]string{"p", "q", "r"}).Draw(t, "id")
			if rapid.Bool().Draw(t, "noted") {
				return given{id, Noted{"n"}}
			}
			return given{id, Put{rapid.Int64Range(100, 1000).Draw(t, "cents")}} // less is poison
		}), 0, 25).Draw(t, "events")
		single := rowsOf(t, byEvents(), events, 1)
		for name, found := range map[string]map[string][]any{
			"events in batches": rowsOf(t, byEvents(), events, rapid.IntRange(1, 9).Draw(t, "of events")),
			"states in batches": rowsOf(t, byStates(), events, rapid.IntRange(1, 9).Draw(t, "of states")),
		} {
			if diff := cmp.Diff(single, found); diff != "" {
				t.Fatalf("%s make other rows (- each event, + %s):\n%s", name, name, diff)
			}
		}
	})
}

// rowsOf returns the contents of purses after events in batches of so many.
func rowsOf(tb fataler, p *projections.Projection, events []given, perBatch int) map[string][]any {
	tb.Helper()
	b := build(tb, p)
	s := newStory(p, len(events))
	sequences := make(map[string]int64)
	for batch := range slices.Chunk(events, perBatch) {
		for _, g := range batch {
			sequences[g.id]++
			if err := s.take(g.id, sequences[g.id], g.event); err != nil {
				tb.Fatal(err)
			}
		}
		folded, err := s.Close()
		if err != nil || len(folded.Poison) > 0 {
			tb.Fatal(err, folded.Poison)
		}
		write(tb, b, folded.Changes)
		s.Written()
	}
	return rows(tb, b, contentTable.Table)
}

func TestSources(t *testing.T) {
	if byEvents().OfStates() || !byStates().OfStates() {
		t.Error("a projection of states is one all of whose sources are")
	}
	reads := byEvents().Reads()
	if len(reads) != 1 || reads[0].Named().Plural != "purses" {
		t.Errorf("the projection reads %v; it must be purses", reads)
	}
	source := byEvents().Bare()[0]
	if _, is := source.Record("no event", 1, noon, ""); is {
		t.Error("a text is an event")
	}
	if folds := projections.Folds(byEvents().Bare()); folds != "purse=2" {
		t.Errorf("the folds are %q; they must be purse=2", folds)
	}
	if table := byEvents().Table("totals"); table != totalTable.Table {
		t.Errorf("the table totals is %v", table)
	}
	if table := byEvents().Table("foreign"); table != nil {
		t.Errorf("the table foreign is %v; there is none", table)
	}
}

// A projection is opened with the aggregates of its program.
func TestProjection_Open(t *testing.T) {
	purses := openPurses(t).today
	_, err := byEvents().Open(nil)
	mustSay(t, err, "projection by_events", `aggregate "purse", which is not among the definitions`)

	other := *purses
	other.Fold = nil
	_, err = byEvents().Open([]*processors.OpenAggregate{&other})
	mustSay(t, err, "projection by_events", "aggregate purse", "another one")

	sources, err := byEvents().Open([]*processors.OpenAggregate{purses})
	must(t, err)
	if s := sources[0]; s.FoldVersion != 2 || s.Decode == nil || s.EncodeState == nil || s.OfState != nil {
		t.Errorf("the source is %+v", s)
	}
}

// A projection's function is told the states around an event, and what it returns is taken in its order.
func TestFromEvents_states(t *testing.T) {
	var told []string
	p := byEvents()
	type purseChange = projections.Event[Purse, purseEvent]
	p.Sources[0] = projections.FromEvents(purse(), func(e purseChange) []projections.Change {
		told = append(told, fmt.Sprintf("%s@%d: %d to %d by %T", e.Subject, e.Sequence, e.Before.Cents,
			e.After.Cents, e.Event))
		return []projections.Change{
			contentTable.Put(content{ID: e.Subject, Cents: 1}), contentTable.Delete(content{ID: e.Subject}),
			contentTable.Merge(content{ID: e.Subject, Notes: e.Sequence}, "notes"),
		}
	})
	events := []given{{"p", Put{100}}, {"q", Put{1}}, {"p", Noted{"n"}}}
	found := rowsOf(t, p, events, 2)
	want := map[string][]any{
		"p": {"p", int64(0), int64(0), int64(2)}, "q": {"q", int64(0), int64(0), int64(1)},
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("the rows differ (- wanted, + found):\n%s", diff)
	}
	wantTold := []string{
		"p@1: 0 to 100 by projections_test.Put", "q@1: 0 to 1 by projections_test.Put",
		"p@2: 100 to 100 by projections_test.Noted",
	}
	if diff := cmp.Diff(wantTold, told); diff != "" {
		t.Errorf("the projection was told otherwise (- wanted, + found):\n%s", diff)
	}
}
