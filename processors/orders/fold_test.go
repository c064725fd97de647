package orders_test

import (
	"bytes"
	"fmt"
	"strconv"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/processors/orders"
)

// lifetime is what happens to one of the orders, and some of what does not.
var lifetime = []orders.Command{
	orders.PlaceOrder{AccountID: "zoe", Currency: "EUR", Lines: []orders.Line{
		{SKU: "tea", Quantity: 2, UnitPrice: 350, Currency: "EUR"},
	}},
	orders.ShipOrder{Carrier: "post", TrackingNumber: "1"}, // rejected: it is not paid
	orders.RecordPayment{PaymentID: "zoe/2"},
	orders.CancelOrder{Reason: "too late"},
	orders.RecordRefund{RefundID: "zoe/3"},
	orders.RecordPayment{PaymentID: "zoe/4"},
	orders.DeliverOrder{}, // rejected
}

// G4, G7: after each command the fold of the events makes the very row that handling the commands has
// made, byte for byte.
func TestFoldMakesTheRowThatCommandsMake(t *testing.T) {
	c := newCodecs(t)
	fold := orders.NewFold(c)
	var live eventsourcing.Snapshot[orders.Order]
	var state any
	for i, command := range lifetime {
		envelope := eventsourcing.Envelope[orders.Command]{
			Metadata: eventsourcing.Metadata{ID: fmt.Sprint("command ", i), Subject: "zoe"}, Data: command,
		}
		outcome, err := eventsourcing.Handle(orders.Decider, 16, live, envelope)
		if err != nil {
			t.Fatal(err)
		}
		live = outcome.Snapshot
		for _, event := range outcome.Events {
			value, err := c.Events.Encode(event.Data)
			if err != nil {
				t.Fatal(err)
			}
			sequence := kgo.RecordHeader{
				Key: codecs.HeaderSequence, Value: strconv.AppendInt(nil, event.Sequence, 10),
			}
			decoded, err := fold.Decode(&kgo.Record{
				Key: []byte("zoe"), Value: value, Headers: []kgo.RecordHeader{sequence},
			})
			if err != nil {
				t.Fatal(err)
			}
			if state, err = fold.Apply(state, decoded); err != nil {
				t.Fatal(err)
			}
		}
		row, err := c.Table().Encode(live)
		if err != nil {
			t.Fatal(err)
		}
		folded, err := fold.Row(state, row)
		if err != nil {
			t.Fatal(err)
		}
		if equal, err := fold.Equal(state, row); !equal || err != nil || !bytes.Equal(row, folded) {
			t.Errorf("after %#v: equal %v, error %v, rows\n%x\n%x", command, equal, err, row, folded)
		}
	}
	if live.Sequence < 5 || fold.Version() != 1 {
		t.Errorf("sequence %d, fold version %d", live.Sequence, fold.Version())
	}
}
