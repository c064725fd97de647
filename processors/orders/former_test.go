package orders_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"refold/eventsourcing"
	"refold/eventsourcing/scenario"
	"refold/processors/foldtest"
	"refold/processors/orders"
)

const releasedSchemas = "../schemas/released"

type releases = foldtest.Releases[orders.Order, orders.Command, orders.Event]

func openReleases(t *testing.T) *releases {
	t.Helper()
	return foldtest.OpenReleases(t, releasedSchemas, orders.Definition)
}

// dhl is a parcel as version 1 had it, and as versions 2 and 3 have it inside other records.
func dhl(trackingNumber string) map[string]any {
	return map[string]any{"carrier": "DHL", "trackingNumber": trackingNumber}
}

// Each version of what was evolved is what it is today.
func TestShipmentsOfAllVersions(t *testing.T) {
	r := openReleases(t)
	for _, test := range []struct {
		name    string
		version int
		fields  map[string]any
		want    []any
	}{
		{"OrderShipped", 1, dhl("JJD 0001"), []any{handed, shipped}},
		{"OrderShipped", 2, map[string]any{"parcels": int64(3)}, []any{orders.OrderShipped{ParcelCount: 3}}},
		{
			"OrderShipped", 3,
			map[string]any{"parcelCount": int64(3)},
			[]any{orders.OrderShipped{ParcelCount: 3}},
		},
		{"ParcelHandedOver", 1, dhl("JJD 0001"), []any{handed}},
		{"ShipOrder", 1, dhl("JJD 0001"), []any{ship(parcel)}},
		{
			"ShipOrder", 2,
			map[string]any{"parcels": []any{dhl("JJD 0001"), dhl("JJD 0001")}},
			[]any{ship(parcel, parcel)},
		},
	} {
		got := r.Read(t, r.Write(t, test.name, test.version, test.fields))
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("version %d of %s (-want +got):\n%s", test.version, test.name, diff)
		}
	}
}

// Clients may go on sending what they have always sent.
func TestShipOrderAsJSON(t *testing.T) {
	r := openReleases(t)
	for _, sent := range []string{
		`{"carrier": "DHL", "trackingNumber": "JJD 0001"}`,
		`{"parcels": [{"carrier": "DHL", "trackingNumber": "JJD 0001"}]}`,
	} {
		got, err := r.Opened.Commands.FromJSON("ShipOrder", []byte(sent))
		if diff := cmp.Diff(ship(parcel), got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", sent, err, diff)
		}
	}
}

// shippedBy is the history of an order that was shipped by a release, in two parcels if that could be.
func shippedBy(t *testing.T, r *releases, version int) (history [][]byte, parcels []orders.Parcel) {
	t.Helper()
	history = [][]byte{r.Today(t, placed), r.Today(t, paid)}
	switch version {
	case 1:
		return append(history, r.Write(t, "OrderShipped", 1, dhl("JJD 0001"))), []orders.Parcel{parcel}
	case 2:
		history = append(history, r.Today(t, handed), r.Today(t, handed),
			r.Write(t, "OrderShipped", 2, map[string]any{"parcels": int64(2)}))
	case 3:
		history = append(history, r.Today(t, handed), r.Today(t, handed),
			r.Write(t, "OrderShipped", 3, map[string]any{"parcelCount": int64(2)}))
	}
	return history, []orders.Parcel{parcel, parcel}
}

// Whichever release has shipped an order: it is shipped, once, and can be delivered. The sequences of its
// events stay what they were.
func TestOrdersShippedByThreeReleases(t *testing.T) {
	r := openReleases(t)
	for version := 1; version <= 3; version++ {
		history, parcels := shippedBy(t, r, version)
		want := eventsourcing.Snapshot[orders.Order]{Sequence: int64(len(history)), State: orders.Order{
			Status: orders.StatusShipped, Payment: orders.PaymentPaid, AccountID: "alice", Currency: "EUR",
			Lines: teapot, Total: 2500, Parcels: parcels, PaymentID: "alice/3",
		}}
		if diff := cmp.Diff(want, r.Fold(t, history...), cmpopts.EquateEmpty(),
			cmpopts.IgnoreFields(want, "Recent")); diff != "" {
			t.Errorf("version %d (-want +got):\n%s", version, diff)
		}
		past := scenario.Of(t, orders.Decider)
		for _, event := range history {
			for _, value := range r.Read(t, event) {
				past = past.Given(value.(orders.Event)) //nolint:forcetypeassert // the test fails if not
			}
		}
		past.When(ship(parcel)).ThenRejected(orders.CodeOrderAlreadyShipped).
			When(orders.CancelOrder(cancelled)).ThenRejected(orders.CodeOrderAlreadyShipped).
			When(orders.DeliverOrder{}).Then(delivered)
	}
}

// A row of fold version 1 is what a rebuild would make of it.
func TestRowsOfFoldVersion1(t *testing.T) {
	r := openReleases(t)
	shippedBefore, _ := shippedBy(t, r, 1)
	for status, history := range map[orders.Status][][]byte{
		orders.StatusPlaced:    shippedBefore[:2],
		orders.StatusShipped:   shippedBefore,
		orders.StatusDelivered: append(shippedBefore[:3:3], r.Today(t, delivered)),
	} {
		lines := make([]any, len(teapot))
		for i, l := range teapot {
			lines[i] = map[string]any{
				"sku": l.SKU, "quantity": l.Quantity, "unitPrice": l.UnitPrice, "currency": l.Currency,
			}
		}
		fields := map[string]any{
			"status": string(status), "payment": "paid", "accountId": "alice", "currency": "EUR",
			"lines": lines, "total": int64(2500), "carrier": "DHL", "trackingNumber": "JJD 0001",
			"paymentId": "alice/3", "refundId": "", "reason": "", "code": "", "surplus": []any{},
			"sequence": int64(len(history)), "recent": []byte{},
		}
		if status == orders.StatusPlaced {
			fields["carrier"], fields["trackingNumber"] = "", ""
		}
		row := r.Row(t, r.Write(t, "OrderRow", 1, fields))
		if diff := cmp.Diff(r.Fold(t, history...), row, cmpopts.EquateEmpty(),
			cmpopts.IgnoreFields(row, "Recent")); diff != "" {
			t.Errorf("%s (-fold +row):\n%s", status, diff)
		}
	}
}

// Whichever releases have written a history, its fold is that of the same history written today, and the
// payment process asks for the same.
func TestHistoryOfAnyReleases_property(t *testing.T) {
	r := openReleases(t)
	rapid.Check(t, func(t *rapid.T) {
		var state orders.Order
		var today, mixed [][]byte
		handle := func(command orders.Command) {
			events, err := orders.Decider.Decide(eventsourcing.Context{}, state, command)
			if err != nil {
				return
			}
			for _, event := range events {
				state = orders.Decider.Evolve(state, recorded(event)[0])
				today = append(today, r.Today(t, event))
			}
			mixed = append(mixed, writtenBy(t, r, events)...)
		}
		handle(place(teapot...))
		for range rapid.IntRange(1, 12).Draw(t, "commands") {
			handle(drawLife(t))
		}
		got, want := r.Fold(t, mixed...), r.Fold(t, today...)
		if diff := cmp.Diff(want.State, got.State, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("(-today +mixed):\n%s", diff)
		}
		if diff := cmp.Diff(state, got.State, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("(-live +mixed):\n%s", diff)
		}
		if got.Sequence != int64(len(mixed)) {
			t.Fatalf("%d events were written, the sequence is %d", len(mixed), got.Sequence)
		}
		if diff := cmp.Diff(asked(t, r, today), asked(t, r, mixed)); diff != "" {
			t.Fatalf("the process asks for other things (-today +mixed):\n%s", diff)
		}
	})
}

// drawLife is a command that is often accepted.
func drawLife(t *rapid.T) orders.Command {
	return rapid.SampledFrom([]orders.Command{
		orders.RecordPayment{PaymentID: "alice/3"},
		orders.RecordPayment{PaymentID: "alice/9"},
		orders.RecordRefund{RefundID: "alice/4"},
		ship(parcel),
		ship(parcel, orders.Parcel{Carrier: "UPS", TrackingNumber: rapid.StringN(1, 9, 99).Draw(t, "id")}),
		orders.DeliverOrder{},
		orders.CancelOrder(cancelled),
	}).Draw(t, "command")
}

// writtenBy writes the events of a command as one of the releases that could.
func writtenBy(t *rapid.T, r *releases, events []orders.Event) (records [][]byte) {
	for i, event := range events {
		shipped, is := event.(orders.OrderShipped)
		if !is {
			records = append(records, r.Today(t, event))
			continue
		}
		first := 2
		if shipped.ParcelCount == 1 {
			first = 1
		}
		switch version := rapid.IntRange(first, 3).Draw(t, "version"); version {
		case 1: // the parcel is in the event
			only := events[i-1].(orders.ParcelHandedOver) //nolint:forcetypeassert // the test fails if not
			records = append(records[:i-1], r.Write(t, "OrderShipped", 1, map[string]any{
				"carrier": only.Carrier, "trackingNumber": only.TrackingNumber,
			}))
		case 2:
			records = append(records,
				r.Write(t, "OrderShipped", 2, map[string]any{"parcels": shipped.ParcelCount}))
		default:
			records = append(records, r.Today(t, event))
		}
	}
	return records
}

// asked is what the payment process asks for when it reads a history.
func asked(t *rapid.T, r *releases, history [][]byte) (all []eventsourcing.Instruction) {
	for i, record := range history {
		for _, value := range r.Read(t, record) {
			event, is := value.(orders.Event)
			if !is {
				t.Fatalf("event %d is a %T", i+1, value)
			}
			all = append(all, orders.Payments.React(eventsourcing.Envelope[orders.Event]{
				Metadata: eventsourcing.Metadata{Subject: "order-1", Sequence: int64(i) + 1}, Data: event,
			})...)
		}
	}
	return all
}
