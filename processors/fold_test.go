package processors_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/processors"
)

// ledger is an aggregate's fold, with a row of two releases: the first had no Events.
type (
	ledger struct {
		Total  int64            `avro:"total" json:"total"`
		Events int64            `avro:"events" json:"events"`
		By     map[string]int64 `avro:"by" json:"by"`
	}
	LedgerRow struct {
		ledger   `avro:",inline"`
		Sequence int64  `avro:"sequence"`
		Recent   []byte `avro:"recent"`
	}
)

const ledgerFields = `{"name": "total", "type": "long"},
	{"name": "by", "type": {"type": "map", "values": "long"}},
	{"name": "sequence", "type": "long"}, {"name": "recent", "type": "bytes"}`

func ledgerSchema(more string) string {
	return fmt.Sprintf(`{"type": "record", "name": "LedgerRow", "namespace": "refold.test",
		"fields": [%s%s]}`, ledgerFields, more)
}

// folding is a fold with codecs of its events and rows.
type folding struct {
	*processors.Fold[ledger, Counted]
	events   *codecs.Set
	rows     processors.TableCodec[ledger, LedgerRow]
	registry *codecs.Registry
}

func newFolding(t *testing.T) *folding {
	t.Helper()
	fake := srfake.New()
	t.Cleanup(fake.Close)
	f := &folding{}
	var err error
	f.registry, err = codecs.NewRegistry(codecs.RegistrySettings{
		URLs: []string{fake.URL()}, Mode: codecs.Register,
	})
	must(t, err)
	t.Cleanup(f.registry.Close)
	f.events, err = codecs.NewSet(f.registry, codecs.Record[Counted](schemaOf("Counted")))
	must(t, err)
	f.rows.Rows, err = codecs.NewSet(f.registry,
		codecs.Record[LedgerRow](ledgerSchema(`, {"name": "events", "type": "long", "default": 0}`)))
	must(t, err)
	f.rows.ToRow = func(l ledger, sequence int64, recent []byte) LedgerRow {
		return LedgerRow{l, sequence, recent}
	}
	f.rows.FromRow = func(r LedgerRow) (ledger, int64, []byte) { return r.ledger, r.Sequence, r.Recent }
	f.Fold = processors.NewFold(eventsourcing.Decider[ledger, Count, Counted]{
		Evolve: func(l ledger, recorded eventsourcing.Recorded[Counted]) ledger {
			e := recorded.Event
			if e.By == 13 {
				panic("thirteen")
			}
			by := map[string]int64{fmt.Sprint(e.By): e.By}
			for k, v := range l.By {
				by[k] = v
			}
			return ledger{l.Total + e.By, l.Events + 1, by}
		},
		FoldVersion: 3,
	}, f.events, f.rows)
	return f
}

func (f *folding) event(t *testing.T, sequence string, by int64) *kgo.Record {
	t.Helper()
	value, err := f.events.Encode(Counted{By: by})
	must(t, err)
	return &kgo.Record{Key: []byte("a"), Value: value, Headers: []kgo.RecordHeader{
		{Key: codecs.HeaderID, Value: []byte("a/1")},
		{Key: codecs.HeaderSequence, Value: []byte(sequence)},
	}}
}

// after returns the state after some events.
func (f *folding) after(t *testing.T, by ...int64) any {
	t.Helper()
	var state any
	for i, n := range by {
		event, err := f.Decode(f.event(t, fmt.Sprint(i+1), n))
		must(t, err)
		state, err = f.Apply(state, event)
		must(t, err)
	}
	return state
}

func code(err error) string {
	if e, is := errors.AsType[*processors.FoldError](err); is {
		return e.Code()
	}
	return ""
}

// Events become states one after the other; the first one needs no state.
func TestEventFold(t *testing.T) {
	f := newFolding(t)
	for name, c := range map[string]struct {
		by   []int64
		want string
	}{
		"none":   {nil, `{"sequence":0,"state":{"total":0,"events":0,"by":{}}}`},
		"one":    {[]int64{5}, `{"sequence":1,"state":{"total":5,"events":1,"by":{"5":5}}}`},
		"twice":  {[]int64{5, 5}, `{"sequence":2,"state":{"total":10,"events":2,"by":{"5":5}}}`},
		"others": {[]int64{5, -7}, `{"sequence":2,"state":{"total":-2,"events":2,"by":{"-7":-7,"5":5}}}`},
	} {
		row, err := f.RowWith(f.after(t, c.by...), nil)
		must(t, err)
		shown, err := f.JSON(row)
		must(t, err)
		if string(shown) != c.want {
			t.Errorf("%s: %s", name, shown)
		}
	}
	headers := f.Headers()
	read := []string{codecs.HeaderSequence, codecs.HeaderTime, codecs.HeaderValueSchemaID}
	if f.Version() != 3 || !slices.Equal(headers, read) {
		t.Errorf("version %d, headers %v", f.Version(), headers)
	}
	if _, err := f.Apply(nil, "no event"); err == nil || code(err) != "" {
		t.Errorf("an event of another fold: %v", err)
	}
	if _, err := f.Apply("no state", nil); err == nil || code(err) != "" {
		t.Errorf("a state of another fold: %v", err)
	}
}

// G7: what can't be folded has a code, and leaves the state as it was.
func TestEventFold_refuses(t *testing.T) {
	f := newFolding(t)
	for name, c := range map[string]struct {
		code  string
		event *kgo.Record
	}{
		"gap":        {"sequence-gap", f.event(t, "4", 1)},
		"repeated":   {"sequence-repeated", f.event(t, "2", 1)},
		"panic":      {"evolve-panic", f.event(t, "3", 13)},
		"header":     {"bad-header", f.event(t, "three", 1)},
		"zero":       {"bad-header", f.event(t, "0", 1)},
		"no header":  {"bad-header", &kgo.Record{Key: []byte("a"), Value: f.event(t, "3", 1).Value}},
		"no key":     {"no-key", &kgo.Record{Value: []byte("x")}},
		"garbage":    {"not-wire-format", &kgo.Record{Key: []byte("a"), Headers: f.event(t, "3", 1).Headers}},
		"cut off":    {"undecodable", cut(f.event(t, "3", 1))},
		"no schema":  {"unknown-schema", schema(f.event(t, "3", 1), 99)},
		"other type": {"unknown-type", f.foreign(t)},
	} {
		state := f.after(t, 5, 7)
		before, err := f.EncodeState(state)
		must(t, err)
		event, err := f.Decode(c.event)
		if err == nil {
			_, err = f.Apply(state, event)
		}
		if code(err) != c.code {
			t.Errorf("%s: error %v", name, err)
		}
		if equal, err := f.Equal(state, before); !equal || err != nil {
			t.Errorf("%s: the state has changed, error %v", name, err)
		}
	}
}

func cut(r *kgo.Record) *kgo.Record { r.Value = r.Value[:5]; return r }

func schema(r *kgo.Record, id byte) *kgo.Record { r.Value[4] = id; return r }

// foreign is an event of another aggregate.
func (f *folding) foreign(t *testing.T) *kgo.Record {
	t.Helper()
	set, err := codecs.NewSet(f.registry, codecs.Record[Count](schemaOf("Count")))
	must(t, err)
	r := f.event(t, "3", 1)
	r.Value, err = set.Encode(Count{By: 1})
	must(t, err)
	return r
}

// A registry that is away is a fault: it has no code, and the event is not to blame.
func TestFoldWithoutARegistry(t *testing.T) {
	f := newFolding(t)
	event := f.event(t, "1", 1)
	other := newFolding(t)
	other.registry.Close()
	if _, err := other.Decode(event); err == nil || code(err) != "" {
		t.Errorf("error %v", err)
	}
	row, err := f.RowWith(f.after(t, 1), nil)
	must(t, err)
	if _, err := other.Sequence(row); err == nil || code(err) != "" {
		t.Errorf("error %v", err)
	}
	if _, err := f.Sequence([]byte("no row")); code(err) != "row-unusable" {
		t.Errorf("error %v", err)
	}
}
