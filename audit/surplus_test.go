package audit_test

import (
	"testing"

	"refold/audit"
)

// A payment that was not due is received once and given back once, or declined, and the row says so.
func TestSurplusOfAnOrder(t *testing.T) {
	about := func(more ...any) map[string]any {
		return fields(append([]any{"accountId", "alice", "amount", int64(50), "currency", "EUR"}, more...)...)
	}
	surplus := func(refund string) any {
		return fields("paymentId", "alice/9", "refundId", refund, "code", "")
	}
	declined := fields("code", "account-frozen", "message", "")
	received := happened{"SurplusReceived", about("paymentId", "alice/9")}
	kept := happened{"SurplusRefundDeclined", fields("paymentId", "alice/9", "code", "account-closed")}
	back := happened{"SurplusRefunded", about("paymentId", "alice/9", "refundId", "alice/10")}
	for name, test := range map[string]struct {
		events []happened
		want   []any
		broken bool
	}{
		"received": {[]happened{received}, []any{surplus("")}, false},
		"declined, and given back after all": {
			[]happened{received, kept, back},
			[]any{surplus("alice/10")},
			false,
		},
		"another row":      {[]happened{received, kept}, nil, true},
		"received twice":   {[]happened{received, received}, nil, true},
		"given back twice": {[]happened{received, back, back}, nil, true},
		"never received":   {[]happened{back}, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKeeper()
			o := k.shop.Orders
			k.client(o, "place", "o-1", "PlaceOrder", "", "OrderPlaced", placed())
			k.client(o, "decline", "o-1", "RecordPaymentDeclined", "", "PaymentDeclined", declined)
			k.command(o, "again", "", "o-1", "RecordPayment", "", fields("paymentId", "alice/9"),
				test.events...)
			k.trace(o, "again")
			row := o.Rows["o-1"]
			row.State = orderOf("declined", "declined", "code", "account-frozen",
				"surplus", append([]any{}, test.want...))
			o.Rows["o-1"] = row
			end := map[int32]int64{0: int64(len(o.Commands))}
			o.Committed, o.Ends = end, end
			if breaches := o.Check(); (len(breaches) > 0) != test.broken {
				t.Errorf("found:\n%s", audit.Report(breaches))
			}
		})
	}
}
