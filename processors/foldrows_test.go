package processors_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"refold/codecs"
	"refold/eventsourcing"
)

// A row says what its state says, whatever is in its ring.
func TestRowCodec(t *testing.T) {
	f := newFolding(t)
	ring := eventsourcing.Recent{}.Add("command", eventsourcing.Entry{FirstSequence: 2, LastSequence: 2}, 16)
	for name, c := range map[string]struct {
		of, with []int64 // the events of the row, and of the state that it is compared with
		sequence int64
		equal    bool
	}{
		"the same":          {[]int64{5, 7}, []int64{5, 7}, 2, true},
		"another order":     {[]int64{7, 5}, []int64{5, 7}, 2, true},
		"another state":     {[]int64{5, 8}, []int64{5, 7}, 2, false},
		"behind":            {[]int64{5}, []int64{5, 7}, 1, false},
		"ahead":             {[]int64{5, 7}, []int64{5}, 2, false},
		"the ring alone":    {nil, []int64{5}, 0, false},
		"no events at all":  {nil, nil, 0, true},
		"events after none": {[]int64{5}, nil, 1, false},
	} {
		row, err := f.RowWith(f.after(t, c.of...), ring.Bytes())
		must(t, err)
		if sequence, err := f.Sequence(row); sequence != c.sequence || err != nil {
			t.Errorf("%s: sequence %d, error %v", name, sequence, err)
		}
		state := f.after(t, c.with...)
		if equal, err := f.Equal(state, row); equal != c.equal || err != nil {
			t.Errorf("%s: equal %v, error %v", name, equal, err)
		}
		mended, err := f.Row(state, row)
		must(t, err)
		back, err := f.rows.Decode(mended)
		must(t, err)
		if s, _ := back.(eventsourcing.Snapshot[ledger]); !cmp.Equal(s.Recent.Bytes(), ring.Bytes()) {
			t.Errorf("%s: the ring of the live row is lost", name)
		}
	}
}

// G4: the row of a fold is the row that handling the commands makes, byte for byte, rings included.
func TestFoldMakesTheRowsThatCommandsMake(t *testing.T) {
	f := newFolding(t)
	state := f.after(t, 5, 7)
	live := eventsourcing.Snapshot[ledger]{
		State: ledger{12, 2, map[string]int64{"5": 5, "7": 7}}, Sequence: 2,
	}
	live.Recent = live.Recent.Add("command", eventsourcing.Entry{FirstSequence: 2, LastSequence: 2}, 16)
	row, err := f.rows.Encode(live)
	must(t, err)
	for range 20 { // a map has no order
		if equal, err := f.Equal(state, row); !equal || err != nil {
			t.Fatalf("equal %v, error %v", equal, err)
		}
	}
	wrong := live
	wrong.State.Total = 13
	wrongRow, err := f.rows.Encode(wrong)
	must(t, err)
	if equal, err := f.Equal(state, wrongRow); equal || err != nil {
		t.Errorf("equal %v, error %v", equal, err)
	}
	mended, err := f.Row(state, wrongRow)
	must(t, err)
	back, err := f.rows.Decode(mended)
	must(t, err)
	if diff := cmp.Diff(live, back); diff != "" {
		t.Errorf("the mended row: %s", diff)
	}
	if sequence, err := f.Sequence(mended); sequence != 2 || err != nil || f.Version() != 3 {
		t.Errorf("sequence %d, error %v, version %d", sequence, err, f.Version())
	}
	encoded, err := f.EncodeState(state)
	must(t, err)
	again, err := f.DecodeState(encoded)
	must(t, err)
	if equal, err := f.Equal(again, row); !equal || err != nil {
		t.Errorf("equal %v, error %v", equal, err)
	}
	shown, err := f.JSON(wrongRow)
	must(t, err)
	if want := `{"sequence":2,"state":{"total":13,"events":2,"by":{"5":5,"7":7}}}`; string(shown) != want {
		t.Errorf("JSON %s", shown)
	}
}

// A row at sequence 0 is there for its ring: its state says nothing.
func TestFoldOfNoEvents(t *testing.T) {
	f := newFolding(t)
	var ring eventsourcing.Recent
	ring = ring.Add("rejected", eventsourcing.Entry{Code: "no"}, 16)
	row, err := f.RowWith(nil, ring.Bytes())
	must(t, err)
	if sequence, err := f.Sequence(row); sequence != 0 || err != nil {
		t.Errorf("sequence %d, error %v", sequence, err)
	}
	if equal, err := f.Equal(nil, row); !equal || err != nil {
		t.Errorf("equal %v, error %v", equal, err)
	}
	if equal, err := f.Equal(f.after(t, 1), row); equal || err != nil {
		t.Errorf("equal %v, error %v", equal, err)
	}
	if _, err := f.RowWith(nil, []byte("?")); !errors.Is(err, eventsourcing.ErrMalformedRecent) {
		t.Errorf("error %v", err)
	}
}

// G9: a row of an earlier release is compared by what it says today.
func TestFoldComparesRowsOfEarlierReleases(t *testing.T) {
	type oldRow struct {
		Total    int64            `avro:"total"`
		By       map[string]int64 `avro:"by"`
		Sequence int64            `avro:"sequence"`
		Recent   []byte           `avro:"recent"`
	}
	type LedgerRow oldRow
	f := newFolding(t)
	old, err := codecs.NewSet(f.registry, codecs.Record[LedgerRow](ledgerSchema("")))
	must(t, err)
	row, err := old.Encode(LedgerRow{Total: 5, By: map[string]int64{"5": 5}, Sequence: 1})
	must(t, err)
	// It lacks what the fold has counted, and gets the default instead.
	if equal, err := f.Equal(f.after(t, 5), row); equal || err != nil {
		t.Errorf("equal %v, error %v", equal, err)
	}
	must(t, f.rows.Rows.Prepare(context.Background()))
	counted, err := f.rows.Encode(eventsourcing.Snapshot[ledger]{
		State: ledger{5, 1, map[string]int64{"5": 5}}, Sequence: 1,
	})
	must(t, err)
	if equal, err := f.Equal(f.after(t, 5), counted); !equal || err != nil {
		t.Errorf("equal %v, error %v", equal, err)
	}
}
