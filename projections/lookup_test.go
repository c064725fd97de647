package projections_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/fold"
	"refold/processors"
	"refold/projections"
)

type (
	purseRefs   = []eventsourcing.EventRef
	purseLogged = projections.Logged[purseEvent]
	purseNow    = projections.Event[Purse, purseEvent]
	purseThen   = projections.State[Purse]
)

// noteRefs takes a note for the IDs of events that it refers to.
func noteRefs(e purseLogged) (refs purseRefs) {
	noted, is := e.Event.(Noted)
	if !is {
		return nil
	}
	if noted.Text == "panic" {
		panic("no reference")
	}
	for _, id := range strings.Fields(noted.Text) {
		ref, _ := eventsourcing.ParseEventRef(id)
		refs = append(refs, ref)
	}
	return refs
}

// byNotes makes contents of what purses had as of the events that notes refer to. Notes can't be referred to.
func byNotes() *projections.Projection {
	p := byEvents()
	ofPuts := projections.LookUp(purse(), func(e purseEvent) bool { _, is := e.(Put); return is })
	p.Sources[0] = projections.FromEventsWith(purse(), ofPuts, noteRefs,
		func(e purseNow, found []purseThen) []projections.Change {
			row := content{ID: e.Subject, Sequence: e.Sequence}
			for _, f := range found {
				row.Cents += f.State.Cents
			}
			return []projections.Change{contentTable.Put(row)}
		})
	return p
}

// A state that is looked up is that as of the event, though the aggregate has gone on, in the same batch and
// in a later one.
func TestFromEventsWith(t *testing.T) {
	s := newStory(byNotes(), 10)
	must(t, s.take("q", 1, Put{5}))
	must(t, s.take("q", 2, Put{4}))
	must(t, s.take("p", 1, Noted{"q/1"}))
	mustShow(t, s.close(t), "contents p: 5 cents by @1", "contents q: 0 cents by @2", "purse p @1",
		"purse q @2", "purse@ q/1 @1", "purse@ q/2 @2")
	s.Written()
	must(t, s.take("q", 3, Put{1}))
	must(t, s.take("p", 2, Noted{"q/2 q/1 q/3"}))
	mustShow(t, s.close(t), "contents p: 24 cents by @2", "contents q: 0 cents by @3", "purse p @2",
		"purse q @3", "purse@ q/3 @3")
}

// An event whose states are not there is folded in, and only its rows are missing.
func TestFromEventsWith_poison(t *testing.T) {
	many := strings.Repeat("q/1 ", projections.MaxReferences+1)
	for name, c := range map[string]struct{ text, code, says string }{
		"there is no such event":         {"q/3", "projection-lookup", `event 3 of purse "q"`},
		"there is no such purse":         {"r/1", "projection-lookup", "no such event"},
		"it is not kept":                 {"q/2", "projection-lookup", "was not kept"},
		"one of several":                 {"q/1 r/1", "projection-lookup", `event 1 of purse "r"`},
		"it is no reference":             {"q", "projection-lookup", "no such event"},
		"it refers to itself":            {"p/1", "projection-lookup", `event 1 of purse "p"`},
		"it refers to too many":          {many, "projection-lookup", "at most 1000"},
		"the function panics":            {"panic", "projection-panic", "no reference"},
		"its own purse was not kept yet": {"p/2", "projection-lookup", "no such event"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory(byNotes(), 10)
			must(t, s.take("q", 1, Put{5}))
			must(t, s.take("q", 2, Noted{""}))
			err := s.take("p", 1, Noted{c.text})
			if fold.CodeOf(err) != c.code {
				t.Fatalf("the error is %v", err)
			}
			mustSay(t, err, c.says)
			mustShow(t, s.close(t), "contents q: 0 cents by @2", "purse p @1", "purse q @2", "purse@ q/1 @1")
		})
	}
}

func mustLack(t *testing.T, f *projections.Folding, refs purseRefs, want ...eventsourcing.EventRef) {
	t.Helper()
	if diff := cmp.Diff(want, f.Lacks(0, refs)); diff != "" {
		t.Fatalf("the missing states differ (- wanted, + found):\n%s", diff)
	}
}

// A folding knows the states of its batch and those that it was told, until they are taken back.
func TestFolding_lacks(t *testing.T) {
	one := eventsourcing.EventRef{Subject: "q", Sequence: 1}
	two := eventsourcing.EventRef{Subject: "q", Sequence: 2}
	refs := purseRefs{one, two}
	s := newStory(byNotes(), 10)
	mustLack(t, s.Folding, refs, one, two)
	must(t, s.take("q", 1, Put{5}))
	mustLack(t, s.Folding, refs, two)
	s.Written()
	must(t, s.take("q", 2, Put{4}))
	mustLack(t, s.Folding, refs)
	s.Discard()
	mustLack(t, s.Folding, refs, two)
	s.Forget()
	mustLack(t, s.Folding, refs, one, two)
}

// A state that was read ahead is for one event: another event that refers to it does not find it by chance.
func TestFolding_takeWith(t *testing.T) {
	ref := eventsourcing.EventRef{Subject: "r", Sequence: 1}
	s := newStory(byNotes(), 10)
	put, _ := s.source.Record(Put{9}, 1, noon, "")
	state, _, err := s.source.Apply(nil, "r", put, nil)
	must(t, err)
	note, _ := s.source.Record(Noted{"r/1"}, 1, noon, "")
	must(t, s.TakeWith(0, "p", note, map[eventsourcing.EventRef]any{ref: state}))
	mustLack(t, s.Folding, purseRefs{ref}, ref)
	if err := s.take("q", 1, Noted{"r/1"}); fold.CodeOf(err) != "projection-lookup" {
		t.Errorf("the error is %v", err)
	}
	mustShow(t, s.close(t), "contents p: 9 cents by @1", "purse p @1", "purse q @1")
}

// No more states than the limit stay in memory from batch to batch.
func TestFolding_limitOfLookups(t *testing.T) {
	const limit, many = 3, 8
	s := newStory(byNotes(), limit)
	var refs purseRefs
	for i := range int64(many) {
		refs = append(refs, eventsourcing.EventRef{Subject: "q", Sequence: i + 1})
		must(t, s.take("q", i+1, Put{1}))
	}
	mustLack(t, s.Folding, refs)
	s.Written()
	if lacking := s.Lacks(0, refs); len(lacking) != many-limit {
		t.Errorf("%d of %d states are missing; %d may stay", len(lacking), many, limit)
	}
}

// States come back from a store, and the cause of an event from its record: also of one that is several
// events today.
func TestFromEventsWith_stored(t *testing.T) {
	purses := openPurses(t)
	var told []string
	p := byNotes()
	p.Sources[0] = projections.FromEventsWith(purse(), projections.LookUp(purse(), nil),
		func(e purseLogged) purseRefs {
			cause, _ := eventsourcing.CauseOf("shop", e.CausationID)
			return purseRefs{cause.Origin}
		},
		func(e purseNow, found []purseThen) []projections.Change {
			told = append(told, fmt.Sprintf("%T: %s@%d has %d", e.Event, found[0].Subject, found[0].Sequence,
				found[0].State.Cents))
			return nil
		})
	sources, err := p.Open([]*processors.OpenAggregate{purses.today})
	must(t, err)
	decode := func(sequence int64, event any, cause string) any {
		t.Helper()
		r := purses.record(t, sequence, event)
		r.Headers = append(r.Headers, kgo.RecordHeader{
			Key: codecs.HeaderCausationID, Value: []byte(cause),
		})
		decoded, err := sources[0].Decode(r)
		must(t, err)
		return decoded
	}
	first := projections.NewFolding(p, sources, 10)
	_ = first.Take(0, "q", decode(1, Put{5}, "none"))
	batch, err := first.Close()
	must(t, err)
	second := projections.NewFolding(p, sources, 10)
	for _, stored := range batch.States {
		if stored.Aggregate == projections.AsOf("purse") {
			must(t, second.Found(0, []projections.StoredState{stored}))
		}
	}
	must(t, second.Take(0, "p", decode(1, put1{5, "n"}, "q/1/shop.0")))
	want := []string{
		"projections_test.Put: q@1 has 5", "projections_test.Noted: q@1 has 5",
		"projections_test.Put: q@1 has 5",
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("the projection was told otherwise (- wanted, + found):\n%s", diff)
	}
	for subject, says := range map[string]string{"q": "no event's ID", "q/1": "stored state"} {
		err := second.Found(0, []projections.StoredState{{Aggregate: "purse@", Subject: subject}})
		mustSay(t, err, says)
	}
}

// An aggregate that is only looked up is read, too: its fold version is one of the build's.
func TestLookUp_reads(t *testing.T) {
	box := processors.Aggregate[int64, purseCommand, purseEvent]{
		Name: "box", Plural: "boxes",
		Evolve: func(n int64, _ eventsourcing.Recorded[purseEvent]) int64 { return n + 1 },
	}
	none := func(purseLogged) purseRefs { return nil }
	rowless := func(purseNow, []projections.State[int64]) []projections.Change { return nil }
	p := byEvents()
	p.Sources[0] = projections.FromEventsWith(purse(), projections.LookUp(box, nil), none, rowless)
	must(t, p.Check())
	if reads := p.Reads(); len(reads) != 2 || reads[1].Named().Name != "box" {
		t.Errorf("the projection reads %v", reads)
	}
	if folds := projections.Folds(p.Bare()); folds != "box=1,purse=2" {
		t.Errorf("the folds are %q", folds)
	}
	if p.OfStates() {
		t.Error("the projection is of states, and could be filled from tables")
	}
	other := processors.Aggregate[string, purseCommand, purseEvent]{Name: "box", Plural: "boxes"}
	p.Sources = append(p.Sources, projections.FromEvents(other,
		func(projections.Event[string, purseEvent]) []projections.Change { return nil }))
	mustSay(t, p.Check(), "both must be of one definition")
	p.Sources = []projections.Source{
		projections.FromEventsWith(purse(), projections.Lookup[int64]{}, none, rowless),
	}
	mustSay(t, p.Check(), "Sources[0]", "its Lookup is empty; make it with projections.LookUp")
	p.Sources[0] = projections.FromEventsWith(purse(), projections.LookUp(box, nil), none, nil)
	mustSay(t, p.Check(), "a function is nil")
}

// A state that one source does not keep may be kept by another one.
func TestLookUp_severalKeep(t *testing.T) {
	puts := func(e purseEvent) bool { _, is := e.(Put); return is }
	notes := func(e purseEvent) bool { _, is := e.(Noted); return is }
	bag := processors.Aggregate[Purse, purseCommand, purseEvent]{
		Name: "bag", Plural: "bags", Evolve: purse().Evolve,
	}
	none := func(purseLogged) purseRefs { return nil }
	rowless := func(purseNow, []purseThen) []projections.Change { return nil }
	p := byEvents()
	p.Sources = []projections.Source{
		projections.FromEventsWith(purse(), projections.LookUp(purse(), puts), none, rowless),
		projections.FromEventsWith(bag, projections.LookUp(purse(), notes), none, rowless),
	}
	must(t, p.Check())
	source := p.Bare()[0]
	for _, event := range []purseEvent{Put{1}, Noted{"n"}} {
		e, _ := source.Record(event, 1, noon, "")
		if kept, err := source.Keeps(e); !kept || err != nil {
			t.Errorf("a %T is not kept: %v", event, err)
		}
	}
	broken := projections.LookUp(purse(), func(purseEvent) bool { panic("which") })
	p.Sources = []projections.Source{projections.FromEventsWith(purse(), broken, none, rowless)}
	s := newStory(p, 10)
	if code := fold.CodeOf(s.take("p", 1, Put{1})); code != string(projections.PoisonPanic) {
		t.Errorf("the code is %q", code)
	}
	mustShow(t, s.close(t), "purse p @1")
}
