package projections_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"refold/fold"
	"refold/processors"
	"refold/projections"
)

// story is a folding that is given events as Go values.
type story struct {
	*projections.Folding
	source *projections.OpenSource
}

func newStory(p *projections.Projection, limit int) *story {
	sources := p.Bare()
	return &story{projections.NewFolding(p, sources, limit), sources[0]}
}

// take takes an event of a purse, and returns its error.
func (s *story) take(id string, sequence int64, event purseEvent) error {
	e, _ := s.source.Record(event, sequence, noon, "")
	return s.Take(0, id, e)
}

// close ends the batch, and shows it as text: "put p: 5 cents @2", and "purse p @2" for the state.
func (s *story) close(t *testing.T) (shown []string) {
	t.Helper()
	folded, err := s.Close()
	must(t, err)
	for _, c := range folded.Changes {
		shown = append(shown,
			fmt.Sprintf("%s %s: %v cents by @%d", c.Table.Name, c.Key(), c.Values[1], c.Sequence))
	}
	for _, state := range folded.States {
		shown = append(shown, fmt.Sprintf("%s %s @%d", state.Aggregate, state.Subject, state.Sequence))
	}
	for _, p := range folded.Poison {
		shown = append(shown, fmt.Sprintf("poison of %s: %s", p.Subject, fold.CodeOf(p.Err)))
	}
	if folded.Repeated > 0 {
		shown = append(shown, fmt.Sprint("repeated: ", folded.Repeated))
	}
	return shown
}

func mustShow(t *testing.T, found []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, found, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("the batch differs (- wanted, + found):\n%s", diff)
	}
}

func TestFolding(t *testing.T) {
	s := newStory(byEvents(), 10)
	must(t, s.take("p", 1, Put{5}))
	must(t, s.take("q", 1, Put{1}))
	must(t, s.take("p", 2, Put{4}))
	must(t, s.take("p", 3, Noted{"n"}))
	mustShow(t, s.close(t), "contents p: 9 cents by @3", "contents q: 1 cents by @1",
		"totals all: 10 cents by @2", "purse p @3", "purse q @1")
	s.Written()
	mustShow(t, s.close(t))
	must(t, s.take("p", 4, Put{1}))
	mustShow(t, s.close(t), "contents p: 10 cents by @4", "totals all: 1 cents by @4", "purse p @4")
}

// Of states, the last one of a batch counts.
func TestFolding_states(t *testing.T) {
	s := newStory(byStates(), 10)
	must(t, s.take("p", 1, Put{panics})) // which is gone when the batch ends
	must(t, s.take("p", 2, Put{4}))
	must(t, s.take("q", 1, Put{panics}))
	must(t, s.take("r", 1, Put{foreign}))
	mustShow(t, s.close(t), "contents p: 11 cents by @2", "purse p @2", "purse q @1", "purse r @1",
		"poison of q: projection-panic", "poison of r: projection-table")
	s.Written()
	must(t, s.take("q", 2, Put{2})) // its state was folded in
	mustShow(t, s.close(t), "contents q: 9 cents by @2", "purse q @2")
}

// An event that the state has is left out: a build that is filled from a table meets those.
func TestFolding_repeated(t *testing.T) {
	s := newStory(byEvents(), 10)
	must(t, s.take("p", 1, Put{5}))
	must(t, s.take("p", 1, Put{5}))
	mustShow(t, s.close(t), "contents p: 5 cents by @1", "totals all: 5 cents by @1", "purse p @1",
		"repeated: 1")
	s.Written()
	must(t, s.take("p", 1, Put{5}))
	mustShow(t, s.close(t), "repeated: 1")
}

// Poison leaves no change behind, and the events after it are taken.
func TestFolding_poison(t *testing.T) {
	for _, c := range []struct {
		name   string
		event  purseEvent
		code   string
		folded bool
	}{
		{"a panic of the projection", Put{panics}, string(projections.PoisonPanic), true},
		{"a table of another projection", Put{foreign}, string(projections.PoisonTable), true},
		{"a sum that is too large", Put{math.MaxInt64 - 1}, string(projections.PoisonSum), true},
		{"a panic of the fold", Put{unfoldable}, string(processors.FoldPanic), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStory(byEvents(), 10)
			must(t, s.take("o", 1, Put{5})) // to the sum
			must(t, s.take("p", 1, Noted{"before"}))
			if code := fold.CodeOf(s.take("p", 2, c.event)); code != c.code {
				t.Fatalf("the code is %q; it must be %q", code, c.code)
			}
			rows := []string{
				"contents o: 5 cents by @1", "contents p: 0 cents by @1", "totals all: 5 cents by @1",
			}
			at, next := 1, int64(2)
			if c.folded {
				at, next = 2, 3
			}
			mustShow(t, s.close(t), append(rows, "purse o @1", fmt.Sprint("purse p @", at))...)
			s.Written()
			must(t, s.take("p", next, Noted{"after"}))
			if shown := s.close(t); !slices.Contains(shown, fmt.Sprint("purse p @", next)) {
				t.Errorf("the event after it has led to %q", shown)
			}
		})
	}
}

// An event that is beyond the next one is poison; nothing is known of its purse afterwards that was not
// before.
func TestFolding_gap(t *testing.T) {
	s := newStory(byEvents(), 10)
	if code := fold.CodeOf(s.take("p", 2, Put{1})); code != string(processors.FoldGap) {
		t.Fatalf("the code is %q; it must be %q", code, processors.FoldGap)
	}
	mustShow(t, s.close(t))
	must(t, s.take("p", 1, Put{1}))
	mustShow(t, s.close(t), "contents p: 1 cents by @1", "totals all: 1 cents by @1", "purse p @1")
}

func mustMiss(t *testing.T, f *projections.Folding, asked []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, f.Missing(0, asked), cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("the missing states differ (- wanted, + found):\n%s", diff)
	}
}

func TestFolding_missing(t *testing.T) {
	s := newStory(byEvents(), 10)
	mustMiss(t, s.Folding, []string{"q", "p", "q", "p", "q"}, "q", "p")
	must(t, s.Know(0, []string{"q"}, nil)) // it has no events
	mustMiss(t, s.Folding, []string{"q", "p"}, "p")
	must(t, s.take("p", 1, Put{1}))
	mustMiss(t, s.Folding, []string{"q", "p"})
}

// Discard forgets the states that the batch has changed, Forget all.
func TestFolding_discard(t *testing.T) {
	s := newStory(byEvents(), 10)
	must(t, s.take("p", 1, Put{1}))
	must(t, s.take("q", 1, Put{1}))
	s.Written()
	must(t, s.take("p", 2, Put{1}))
	must(t, s.take("p", 1, Put{1}))
	s.Discard()
	mustMiss(t, s.Folding, []string{"p", "q"}, "p")
	mustShow(t, s.close(t))
	must(t, s.take("q", 2, Put{3}))
	mustShow(t, s.close(t), "contents q: 4 cents by @2", "totals all: 3 cents by @2", "purse q @2")
	s.Forget()
	mustMiss(t, s.Folding, []string{"p", "q"}, "p", "q")
	mustShow(t, s.close(t))
}

// No more states than the limit stay in memory from batch to batch.
func TestFolding_limit(t *testing.T) {
	const limit, many = 3, 8
	s := newStory(byEvents(), limit)
	var all []string
	for i := range many {
		all = append(all, fmt.Sprint("purse ", i))
		must(t, s.take(all[i], 1, Put{1}))
	}
	mustMiss(t, s.Folding, all)
	if shown := s.close(t); len(shown) != 2*many+1 {
		t.Fatalf("the batch has %d rows and states; it must have %d", len(shown), 2*many+1)
	}
	s.Written()
	if missing := s.Missing(0, all); len(missing) != many-limit {
		t.Errorf("%d of %d states are missing; %d may stay", len(missing), many, limit)
	}
}

// A folding goes on from the states that another one has made, as a store keeps them.
func TestFolding_goesOnFromStoredStates(t *testing.T) {
	purses := openPurses(t)
	p := byEvents()
	sources, err := p.Open([]*processors.OpenAggregate{purses.today})
	must(t, err)
	folding := func() *story { return &story{projections.NewFolding(p, sources, 10), sources[0]} }
	take := func(s *story, sequence int64, event any) {
		t.Helper()
		decoded, err := s.source.Decode(purses.record(t, sequence, event))
		must(t, err)
		must(t, s.Take(0, "p", decoded))
	}
	first := folding()
	take(first, 1, Put{5})
	take(first, 2, Noted{"n"})
	stored, err := first.Close()
	must(t, err)

	second := folding()
	must(t, second.Know(0, []string{"p", "q"}, stored.States))
	mustMiss(t, second.Folding, []string{"p", "q", "r"}, "r")
	take(second, 2, Noted{"n"}) // which it has
	take(second, 3, Put{1})
	mustShow(t, second.close(t), "contents p: 6 cents by @3", "totals all: 1 cents by @3", "purse p @3",
		"repeated: 1")

	broken := projections.StoredState{Aggregate: "purse", Subject: "r", State: []byte("broken")}
	err = folding().Know(0, []string{"r"}, []projections.StoredState{broken})
	mustSay(t, err, `stored state of purse "r"`)
}

// A record of an earlier release that is several events today is each of them to the projection, and none of
// them if it takes one not.
func TestFolding_severalEventsInOneRecord(t *testing.T) {
	purses := openPurses(t)
	for _, c := range []struct {
		name   string
		event  any
		code   string
		events []string
		state  string
	}{
		{"three", put1{5, "n"}, "", []string{"0 to 5", "5 to 5", "5 to 6"}, "purse p @1"},
		{"none", shaken1{2}, "", nil, "purse p @1"},
		{"one that panics", put1{panics, "n"}, "projection-panic", []string{"0 to 7"}, "purse p @1"},
		{"one that can't be folded", put1{unfoldable, "n"}, "evolve-panic", nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var events []string
			p := byEvents()
			p.Sources[0] = projections.FromEvents(purse(),
				func(e projections.Event[Purse, purseEvent]) []projections.Change {
					events = append(events, fmt.Sprintf("%d to %d", e.Before.Cents, e.After.Cents))
					if e.Sequence != 1 || !e.Time.Equal(noon) || e.Subject != "p" {
						t.Errorf("the event is %+v", e)
					}
					if e.After.Cents == panics {
						panic("seven")
					}
					return []projections.Change{contentTable.Put(contentOf(e.Subject, e.Sequence, e.After))}
				})
			sources, err := p.Open([]*processors.OpenAggregate{purses.today})
			must(t, err)
			s := &story{projections.NewFolding(p, sources, 10), sources[0]}
			decoded, err := s.source.Decode(purses.record(t, 1, c.event))
			must(t, err)
			if code := fold.CodeOf(s.Take(0, "p", decoded)); code != c.code {
				t.Fatalf("the code is %q; it must be %q", code, c.code)
			}
			if diff := cmp.Diff(c.events, events); diff != "" {
				t.Errorf("the events differ (- wanted, + found):\n%s", diff)
			}
			var want []string
			if c.name == "three" {
				want = append(want, "contents p: 6 cents by @1")
			}
			if c.state != "" {
				want = append(want, c.state)
			}
			mustShow(t, s.close(t), want...)
		})
	}
}
