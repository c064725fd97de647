package projections_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/processors"
	"refold/projections"
)

// The purse is an aggregate with events of an earlier release: then a note was part of the event by which
// money was put in, and shaking it was an event.
type (
	Purse struct {
		Cents int64    `avro:"cents" json:"cents"`
		Notes []string `avro:"notes" json:"notes"`
	}

	purseCommand interface{ isPurseCommand() }
	Fill         struct {
		Cents int64 `avro:"cents"`
	}

	purseEvent interface{ isPurseEvent() }
	Put        struct {
		Cents int64 `avro:"cents"`
	}
	Noted struct {
		Text string `avro:"text"`
	}
	put1 struct {
		Cents int64  `avro:"cents"`
		Note  string `avro:"note"`
	}
	shaken1 struct {
		Often int64 `avro:"often"`
	}
)

func (Fill) isPurseCommand() {}
func (Put) isPurseEvent()    {}
func (Noted) isPurseEvent()  {}

// unfoldable is an amount at which Evolve panics.
const unfoldable = 13

func purse() processors.Aggregate[Purse, purseCommand, purseEvent] {
	return processors.Aggregate[Purse, purseCommand, purseEvent]{
		Name: "purse", Plural: "purses", FoldVersion: 2,
		Decide: func(_ eventsourcing.Context, _ Purse, c purseCommand) ([]purseEvent, error) {
			return []purseEvent{Put{c.(Fill).Cents}}, nil
		},
		Evolve: func(p Purse, e eventsourcing.Recorded[purseEvent]) Purse {
			switch event := e.Event.(type) {
			case Put:
				if event.Cents == unfoldable {
					panic("thirteen")
				}
				p.Cents += event.Cents
			case Noted:
				p.Notes = append(slices.Clone(p.Notes), event.Text)
			}
			return p
		},
		Commands: []processors.Message{processors.Of(Fill{Cents: 2}, "Fills.")},
		Events: []processors.Message{
			processors.Of(Put{}, "Was put."), processors.Of(Noted{}, "Was noted."),
		},
		FormerEvents: []processors.Former{
			processors.Split("Shaken", func(shaken1) []any { return nil }),
			processors.Split("Put", func(e put1) []any {
				return []any{Put{e.Cents}, Noted{e.Note}, Put{1}}
			}),
		},
	}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// recorded are purses with codecs: events come from records, and states can be stored.
type recorded struct {
	today *processors.OpenAggregate
	first *codecs.Set // of the earlier release
}

func openPurses(t *testing.T) *recorded {
	t.Helper()
	fake := srfake.New()
	t.Cleanup(fake.Close)
	registry, err := codecs.NewRegistry(codecs.RegistrySettings{
		URLs: []string{fake.URL()}, Mode: codecs.Register,
	})
	must(t, err)
	t.Cleanup(registry.Close)
	r := &recorded{}
	r.first, err = codecs.NewSet(registry,
		codecs.RecordOf[put1](codecs.StructOptions{Namespace: "purses", Name: "Put"}),
		codecs.RecordOf[shaken1](codecs.StructOptions{Namespace: "purses", Name: "Shaken"}))
	must(t, err)
	must(t, r.first.Prepare(t.Context()))
	r.today, err = purse().Open(registry)
	must(t, err)
	must(t, r.today.Prepare(t.Context()))
	return r
}

// record returns an event of purse p as its release wrote it.
func (r *recorded) record(t *testing.T, sequence int64, event any) *kgo.Record {
	t.Helper()
	set := r.today.Events
	switch event.(type) {
	case put1, shaken1:
		set = r.first
	}
	value, err := set.Encode(event)
	must(t, err)
	return &kgo.Record{Key: []byte("p"), Value: value, Headers: []kgo.RecordHeader{
		{Key: codecs.HeaderID, Value: []byte("p/" + strconv.FormatInt(sequence, 10))},
		{Key: codecs.HeaderSequence, Value: []byte(strconv.FormatInt(sequence, 10))},
		{Key: codecs.HeaderTime, Value: []byte(noon.Format(time.RFC3339))},
	}}
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// The tables of the tests: what is in each purse, and all that was put into purses.
type (
	content struct {
		ID       string `column:"id,key,subject"`
		Cents    int64  `column:"cents"`
		Sequence int64  `column:"sequence"`
		Notes    int64  `column:"notes"`
	}
	grandTotal struct {
		ID    string `column:"id,key"`
		Cents int64  `column:"cents,sum"`
	}
)

var (
	contentTable = projections.NewTable[content]("contents")
	totalTable   = projections.NewTable[grandTotal]("totals")
	foreignTable = projections.NewTable[content]("foreign")
)

// Amounts at which the projections of the tests are poisoned.
const (
	panics  = 7 // after it has a change
	foreign = 8
)

// byEvents makes contents and totals of each event.
func byEvents() *projections.Projection {
	return &projections.Projection{
		Name: "by_events", Version: 1, Tables: projections.Tables{contentTable.Table, totalTable.Table},
		Sources: []projections.Source{projections.FromEvents(purse(),
			func(e projections.Event[Purse, purseEvent]) []projections.Change {
				changes := []projections.Change{contentTable.Put(contentOf(e.Subject, e.Sequence, e.After))}
				switch by := e.After.Cents - e.Before.Cents; by {
				case 0:
				case panics:
					panic("seven")
				case foreign:
					changes = append(changes, foreignTable.Put(content{ID: e.Subject}))
				default:
					changes = append(changes, totalTable.Merge(grandTotal{ID: "all", Cents: by}, "cents"))
				}
				return changes
			})},
	}
}

// byStates makes contents of states.
func byStates() *projections.Projection {
	return &projections.Projection{
		Name: "by_states", Version: 1, Tables: projections.Tables{contentTable.Table},
		Sources: []projections.Source{projections.FromStates(purse(),
			func(s projections.State[Purse]) []projections.Change {
				switch s.State.Cents {
				case panics:
					panic("seven")
				case foreign:
					return []projections.Change{foreignTable.Put(content{ID: s.Subject})}
				}
				return []projections.Change{contentTable.Put(contentOf(s.Subject, s.Sequence, s.State))}
			})},
	}
}

func contentOf(id string, sequence int64, p Purse) content {
	return content{ID: id, Cents: p.Cents, Sequence: sequence, Notes: int64(len(p.Notes))}
}
