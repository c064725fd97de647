package orders_test

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/lovoo/goka"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/processors/foldtest"
	"refold/processors/orders"
)

var ring = eventsourcing.Recent{}.
	Add("k", eventsourcing.Entry{FirstSequence: 7, LastSequence: 7}, 16)

// full is an order in which no field is empty; no real one is ever like that.
var full = orders.Order{
	Status: orders.StatusCancelled, Payment: orders.PaymentRefundDeclined,
	AccountID: "Zoë", Currency: "EUR", Lines: teapot, Total: 1<<63 - 1,
	Parcels: []orders.Parcel{parcel}, PaymentID: "Zoë/3", RefundID: "Zoë/4",
	Reason: "changed my mind", Code: "account-closed",
	Surplus: []orders.Surplus{{PaymentID: "Zoë/9", RefundID: "Zoë/10", Code: "account-closed"}},
}

// values are one value of each record type, and the fullest row.
var values = []any{
	place(teapot...),
	ship(parcel),
	orders.DeliverOrder{},
	orders.CancelOrder(cancelled),
	orders.RecordPayment{PaymentID: "Zoë/3"},
	orders.RecordPaymentDeclined(declined),
	orders.RecordRefund{RefundID: "Zoë/4"},
	orders.RecordRefundDeclined(refundDeclined),
	placed, paid, declined, handed, shipped, delivered, cancelled, requested, refunded, refundDeclined,
	surplus("Zoë/9"), surplusBack, surplusKept,
}

// Every value goes through the set of its topic and comes back, and two independent libraries agree on every
// schema (decision 2).
func TestCodecsKnowEveryType(t *testing.T) {
	foldtest.KnowsEveryType(t, orders.Definition, values...)
}

// Also a row at sequence 0, which is there for its ring alone.
func TestRowIsItsSnapshot(t *testing.T) {
	foldtest.KeepsRows(t, orders.Definition,
		eventsourcing.Snapshot[orders.Order]{State: full, Sequence: 7, Recent: ring},
		eventsourcing.Snapshot[orders.Order]{
			Recent: eventsourcing.Recent{}.Add("k", eventsourcing.Entry{Code: "lines-missing"}, 16),
		})
}

// G8: whatever the bytes of a command, they are poison, or a command that is decided or rejected at
// every point of an order's life; and what it leads to can be written down.
func FuzzCommand(f *testing.F) {
	c := foldtest.Open(f, orders.Definition)
	for _, decided := range commands {
		b, err := c.Commands.Encode(decided.command)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		value, err := c.Commands.Decode(t.Context(), b)
		if err != nil {
			if _, is := errors.AsType[*codecs.Malformed](err); !is {
				t.Fatalf("%x is no poison: %v", b, err)
			}
			return
		}
		command, _ := value.(orders.Command)
		for _, past := range pasts {
			state := orders.Decider.Fold(orders.Order{}, recorded(past...)...)
			events, err := orders.Decider.Decide(eventsourcing.Context{}, state, command)
			if _, is := errors.AsType[*eventsourcing.Rejection](err); err != nil && !is {
				t.Fatalf("%#v on %+v: %v", command, state, err)
			}
			for _, event := range events {
				mustSurvive(t, c.Events, event)
			}
			mustKeep(t, c.Table, eventsourcing.Snapshot[orders.Order]{
				State: orders.Decider.Fold(state, recorded(events...)...), Sequence: 1, Recent: ring,
			})
		}
	})
}

// G8: whatever the bytes of an event, they are poison, or an event that is written down again.
func FuzzEvent(f *testing.F) {
	c := foldtest.Open(f, orders.Definition)
	for _, value := range values {
		if event, is := value.(orders.Event); is {
			b, err := c.Events.Encode(event)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		value, err := c.Events.Decode(t.Context(), b)
		if err != nil {
			if _, is := errors.AsType[*codecs.Malformed](err); !is {
				t.Fatalf("%x is no poison: %v", b, err)
			}
			return
		}
		event, is := value.(orders.Event)
		if !is {
			t.Fatalf("%x is a %T", b, value)
		}
		mustSurvive(t, c.Events, event)
		for _, past := range pasts { // the fold refuses nothing
			state := orders.Decider.Fold(orders.Order{}, recorded(append(slices.Clip(past), event)...)...)
			mustKeep(t, c.Table, eventsourcing.Snapshot[orders.Order]{
				State: state, Sequence: 1, Recent: ring,
			})
		}
	})
}

// No lines are no lines: nil and empty are the same bytes (G4), also when they come as JSON.
func TestNoLines(t *testing.T) {
	c := foldtest.Open(t, orders.Definition)
	none, err := c.Commands.Encode(orders.PlaceOrder{AccountID: "alice", Currency: "EUR"})
	if err != nil {
		t.Fatal(err)
	}
	empty, err := c.Commands.Encode(place([]orders.Line{}...))
	if err != nil || !bytes.Equal(none, empty) {
		t.Errorf("nil lines are %x, empty ones %x, %v", none, empty, err)
	}
	value, err := c.Commands.FromJSON("PlaceOrder",
		[]byte(`{"accountId": "alice", "currency": "EUR", "lines": []}`))
	if err != nil {
		t.Fatal(err)
	}
	fromJSON, err := c.Commands.Encode(value)
	if err != nil || !bytes.Equal(none, fromJSON) {
		t.Errorf("nil lines are %x, [] is %x, %v", none, fromJSON, err)
	}
	rows := [][]byte{}
	for _, o := range []orders.Order{{}, {Lines: []orders.Line{}, Surplus: []orders.Surplus{}}} {
		b, err := c.Table.Encode(eventsourcing.Snapshot[orders.Order]{State: o})
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, b)
	}
	if !bytes.Equal(rows[0], rows[1]) {
		t.Errorf("nil is %x, empty %x", rows[0], rows[1])
	}
}

// mustKeep fails the test unless the row is encoded and comes back.
func mustKeep(t *testing.T, table goka.Codec, want eventsourcing.Snapshot[orders.Order]) {
	t.Helper()
	b, err := table.Encode(want)
	if err != nil {
		t.Fatalf("%#v: %v", want, err)
	}
	value, err := table.Decode(b)
	got, _ := value.(eventsourcing.Snapshot[orders.Order])
	if err != nil || !cmp.Equal(want.State, got.State, cmpopts.EquateEmpty()) ||
		!want.Recent.Equal(got.Recent) {
		t.Fatalf("%#v comes back as %#v, %v", want, got, err)
	}
}

// mustSurvive fails the test unless the value is encoded and comes back.
func mustSurvive(t *testing.T, set *codecs.Set, value any) {
	t.Helper()
	b, err := set.Encode(value)
	if err != nil {
		t.Fatalf("%#v: %v", value, err)
	}
	got, err := set.Decode(t.Context(), b)
	if err != nil || !cmp.Equal(value, got, cmpopts.EquateEmpty()) {
		t.Fatalf("%#v comes back as %#v, %v", value, got, err)
	}
}

// Whatever the bytes of a row, they are refused, or a row that is the same when it is read again.
func FuzzRow(f *testing.F) {
	table := foldtest.Open(f, orders.Definition).Table
	for _, state := range []orders.Order{full, {}} {
		b, err := table.Encode(eventsourcing.Snapshot[orders.Order]{
			State: state, Sequence: 7, Recent: ring,
		})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		row, err := table.Decode(b)
		if err != nil {
			return
		}
		again, err := table.Encode(row)
		if err != nil {
			t.Fatalf("%+v decodes, but is not encoded: %v", row, err)
		}
		if back, err := table.Decode(again); err != nil || !reflect.DeepEqual(back, row) {
			t.Fatalf("%+v comes back as %+v, %v", row, back, err)
		}
	})
}

func BenchmarkRow(b *testing.B) {
	table := foldtest.Open(b, orders.Definition).Table
	snapshot := eventsourcing.Snapshot[orders.Order]{State: full}
	for i := range int64(16) {
		snapshot.Recent = snapshot.Recent.Add(strings.Repeat("k", int(i+1)),
			eventsourcing.Entry{FirstSequence: i + 1, LastSequence: i + 1}, 16)
	}
	encoded, err := table.Encode(snapshot)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := table.Encode(snapshot); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := table.Decode(encoded); err != nil {
				b.Fatal(err)
			}
		}
	})
}
