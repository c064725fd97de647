package audit_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"refold/audit"
)

// keeper writes the topics of a small shop down, one message after the other, in one partition.
type keeper struct {
	shop  *audit.Shop
	rings map[string]*naive
	root  string // of the present trace
}

// wholeShop returns a shop in which all promises are kept: an account with money, and orders that
// were paid, declined, cancelled before and after the payment, and refused a refund.
func wholeShop() *audit.Shop {
	k := newKeeper()
	k.client(k.shop.Accounts, "open", "alice", "OpenAccount", "", "AccountOpened",
		fields("owner", "Alice", "currency", "EUR"))
	k.client(k.shop.Accounts, "fund", "alice", "DepositMoney", "", "MoneyDeposited", money(1000))
	k.client(k.shop.Accounts, "draw", "alice", "WithdrawMoney", "", "MoneyWithdrawn", money(100))
	for n, story := range []string{"paid", "declined", "refunded", "crossed", "stuck", "delivered"} {
		k.order(fmt.Sprintf("order-%d", n), story)
	}
	k.settle()
	return k.shop
}

func newKeeper() *keeper {
	return &keeper{
		shop:  &audit.Shop{Accounts: emptyWorld(audit.Accounts), Orders: emptyWorld(audit.Orders)},
		rings: map[string]*naive{},
	}
}

// placed are the fields of an order of 50.
func placed() map[string]any {
	return fields("accountId", "alice", "currency", "EUR", "total", int64(50), "lines", []any{
		map[string]any{"sku": "tea", "quantity": int64(2), "unitPrice": int64(25), "currency": "EUR"},
	})
}

func emptyWorld(kind audit.Kind) *audit.World {
	return &audit.World{Kind: kind, Rows: map[string]audit.Row{}, RingSize: ringSize}
}

func fields(pairs ...any) map[string]any {
	m := make(map[string]any)
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1]
	}
	return m
}

func money(amount int64) map[string]any { return fields("amount", amount, "currency", "EUR") }

// client is a command of somebody outside, which begins a trace.
func (k *keeper) client(w *audit.World, id, key, command, code string, event string, f map[string]any,
) string {
	k.root = id
	return k.command(w, id, "", key, command, code, f, happened{event, f})
}

// happened is an event of a command.
type happened struct {
	event  string
	fields map[string]any
}

// command writes a command and its outcome, and returns the ID of the first event.
func (k *keeper) command(w *audit.World, id, cause, key, command, code string, f map[string]any,
	events ...happened,
) string {
	at := audit.Place{Offset: int64(len(w.Commands)), Key: key}
	correlation := k.root
	if cause == "" {
		correlation = "" // its own
	}
	w.Commands = append(w.Commands, audit.Command{
		Place: at, ID: id, Type: command, Correlation: correlation, Causation: cause, Fields: f,
	})
	result := audit.Result{
		Place: at, ID: id + "/result", Causation: id, Correlation: k.root, Type: command,
		Accepted: code == "", Code: code,
	}
	sequence := w.Rows[key].Sequence
	if result.Accepted {
		result.First, result.Last = sequence+1, sequence+int64(len(events))
		for _, e := range events {
			sequence++
			w.Events = append(w.Events, audit.Event{
				Place: at, ID: fmt.Sprintf("%s/%d", key, sequence), Type: e.event, Subject: key,
				Sequence: sequence, Correlation: k.root, Causation: id, Fields: e.fields,
			})
		}
	}
	w.Results = append(w.Results, result)
	ring := k.rings[w.Kind.Name]
	if ring == nil {
		ring = &naive{rings: map[string][][]byte{}}
		k.rings[w.Kind.Name] = ring
	}
	w.Rows[key] = audit.Row{Place: at, Sequence: sequence, Recent: ring.remember(result)}
	return fmt.Sprintf("%s/%d", key, result.First)
}

// order tells the story of one order of 50.
func (k *keeper) order(id, story string) {
	o, a := k.shop.Orders, k.shop.Accounts
	about := func(more ...any) map[string]any {
		return fields(append([]any{"accountId", "alice", "amount", int64(50), "currency", "EUR"}, more...)...)
	}
	moved := fields("amount", int64(50), "currency", "EUR", "reference", id)
	cancelled := happened{"OrderCancelled", fields("reason", "no more")}
	requested := happened{"RefundRequested", about()}
	event := k.client(o, "place-"+id, id, "PlaceOrder", "", "OrderPlaced", placed())
	charge := event + "/order-payments.0"
	// recordOf is the ID of the command to the order, once the account's event is there.
	recordOf := func(command, event string) string {
		_, sequence, _ := strings.Cut(event, "/")
		return command + "/result." + sequence + "/order-payments.0"
	}
	if story == "declined" {
		k.command(a, charge, event, "alice", "ChargeAccount", "account-frozen", moved)
		f := fields("code", "account-frozen", "message", "")
		k.command(o, charge+"/result/order-payments.0", charge+"/result", id, "RecordPaymentDeclined", "", f,
			happened{"PaymentDeclined", f})
		return
	}
	if story == "crossed" {
		k.command(o, "cancel-"+id, "", id, "CancelOrder", "", cancelled.fields, cancelled)
		k.trace(o, "cancel-"+id)
	}
	k.root = "place-" + id
	paid := k.command(a, charge, event, "alice", "ChargeAccount", "", moved,
		happened{"AccountCharged", moved})
	events := []happened{{"PaymentProcessed", about("paymentId", paid)}}
	if story == "crossed" {
		events = append(events, requested)
	}
	k.command(o, recordOf(charge, paid), charge+"/result", id, "RecordPayment", "",
		fields("paymentId", paid), events...)
	switch story {
	case "delivered":
		f := fields("carrier", "DHL", "trackingNumber", "1")
		k.client(o, "ship-"+id, id, "ShipOrder", "", "OrderShipped", f)
		k.client(o, "deliver-"+id, id, "DeliverOrder", "", "OrderDelivered", fields())
		return
	case "paid":
		return
	case "refunded", "stuck":
		k.root = "cancel-" + id
		k.command(o, k.root, "", id, "CancelOrder", "", cancelled.fields, cancelled, requested)
	}
	event = fmt.Sprintf("%s/%d", id, o.Rows[id].Sequence)
	refund := event + "/order-payments.0"
	if story == "stuck" {
		k.command(a, refund, event, "alice", "RefundAccount", "reference-unknown", moved)
		f := fields("code", "reference-unknown", "message", "")
		k.command(o, refund+"/result/order-payments.0", refund+"/result", id, "RecordRefundDeclined", "", f,
			happened{"RefundDeclined", f})
		return
	}
	back := k.command(a, refund, event, "alice", "RefundAccount", "", moved,
		happened{"AccountRefunded", moved})
	k.command(o, recordOf(refund, back), refund+"/result", id, "RecordRefund", "", fields("refundId", back),
		happened{"PaymentRefunded", about("refundId", back)})
}

// trace makes a command the beginning of a trace of its own.
func (k *keeper) trace(w *audit.World, id string) {
	for i := range w.Events {
		if w.Events[i].Causation == id {
			w.Events[i].Correlation = id
		}
	}
	for i := range w.Results {
		if w.Results[i].Causation == id {
			w.Results[i].Correlation = id
		}
	}
}

// settle writes the rows' states and the offsets, as they must be in the end.
func (k *keeper) settle() {
	a := k.shop.Accounts.Rows["alice"]
	a.State = accountOf("Alice", 900-3*50, chargeOf("order-0", 50), chargeOf("order-2", 0),
		chargeOf("order-3", 0), chargeOf("order-4", 50), chargeOf("order-5", 50))
	k.shop.Accounts.Rows["alice"] = a
	for n, s := range []map[string]any{
		orderOf("placed", "paid"),
		orderOf("declined", "declined", "code", "account-frozen"),
		orderOf("cancelled", "refunded", "reason", "no more"),
		orderOf("cancelled", "refunded", "reason", "no more"),
		orderOf("cancelled", "refund-declined", "reason", "no more", "code", "reference-unknown"),
		orderOf("delivered", "paid", "parcels", []any{parcelOf("DHL", "1")}),
	} {
		id := fmt.Sprintf("order-%d", n)
		for _, e := range k.shop.Orders.Events {
			if e.Key != id {
				continue
			}
			for _, name := range []string{"paymentId", "refundId"} {
				if value, is := e.Fields[name]; is {
					s[name] = value
				}
			}
		}
		row := k.shop.Orders.Rows[id]
		row.State = s
		k.shop.Orders.Rows[id] = row
	}
	for _, w := range []*audit.World{k.shop.Accounts, k.shop.Orders} {
		end := map[int32]int64{0: int64(len(w.Commands))}
		w.Committed, w.Ends = end, end
	}
	k.shop.Inputs = []audit.Input{{
		Topic:     "order-events",
		Committed: map[int32]int64{0: 9}, Ends: map[int32]int64{0: 9},
	}}
}

func TestWholeShopPasses(t *testing.T) {
	if breaches := wholeShop().Check(); len(breaches) > 0 {
		t.Fatalf("a whole shop is said to be broken:\n%s", audit.Report(breaches))
	}
}

func TestDamageOfShopIsNoticed(t *testing.T) {
	ofType := func(w *audit.World, name string) int {
		return slices.IndexFunc(w.Commands, func(c audit.Command) bool { return c.Type == name })
	}
	order := func(s *audit.Shop, id string) map[string]any { return s.Orders.Rows[id].State }
	change := func(c *audit.Command, name string, value any) {
		copied := map[string]any{}
		for k, v := range c.Fields {
			copied[k] = v
		}
		copied[name] = value
		c.Fields = copied
	}
	for name, damage := range map[string]struct {
		counter audit.Counter
		do      func(*audit.Shop)
	}{
		"a charge was never sent": {audit.Processes, func(s *audit.Shop) {
			i := ofType(s.Accounts, "ChargeAccount")
			s.Accounts.Commands = slices.Delete(s.Accounts.Commands, i, i+1)
		}},
		"a charge of another amount": {audit.Processes, func(s *audit.Shop) {
			change(&s.Accounts.Commands[ofType(s.Accounts, "ChargeAccount")], "amount", int64(51))
		}},
		"a charge for another order": {audit.Processes, func(s *audit.Shop) {
			change(&s.Accounts.Commands[ofType(s.Accounts, "ChargeAccount")], "reference", "order-9")
		}},
		"a charge to another account": {audit.Processes, func(s *audit.Shop) {
			s.Accounts.Commands[ofType(s.Accounts, "ChargeAccount")].Key = "bob"
		}},
		"an order was told of another payment": {audit.Processes, func(s *audit.Shop) {
			change(&s.Orders.Commands[ofType(s.Orders, "RecordPayment")], "paymentId", "alice/99")
		}},
		"an order was told another code": {audit.Processes, func(s *audit.Shop) {
			change(&s.Orders.Commands[ofType(s.Orders, "RecordPaymentDeclined")], "code", "other")
		}},
		"an order was not told": {audit.Processes, func(s *audit.Shop) {
			i := ofType(s.Orders, "RecordRefund")
			s.Orders.Commands = slices.Delete(s.Orders.Commands, i, i+1)
		}},
		"a charge that nothing asked for": {audit.Processes, func(s *audit.Shop) {
			c := s.Accounts.Commands[ofType(s.Accounts, "ChargeAccount")]
			c.ID = strings.Replace(c.ID, "/1/", "/77/", 1)
			s.Accounts.Commands = append(s.Accounts.Commands, c)
		}},
		"an event of another trace": {audit.Traces, func(s *audit.Shop) {
			s.Accounts.Events[len(s.Accounts.Events)-1].Correlation = "fund"
		}},
		"a process's command of another trace": {audit.Traces, func(s *audit.Shop) {
			s.Orders.Commands[ofType(s.Orders, "RecordPayment")].Correlation = "fund"
		}},
		"a cause that is not there": {audit.Traces, func(s *audit.Shop) {
			s.Orders.Commands[ofType(s.Orders, "RecordRefund")].Causation = "nobody"
		}},
		"an order left pending": {audit.States, func(s *audit.Shop) {
			order(s, "order-0")["payment"] = "pending"
		}},
		"an order in no legal state": {audit.States, func(s *audit.Shop) {
			order(s, "order-5")["payment"] = "declined"
		}},
		"an order's row differs": {audit.Rows, func(s *audit.Shop) {
			order(s, "order-5")["parcels"] = []any{parcelOf("UPS", "1")}
		}},
		"an order forgets that it was paid": {audit.Money, func(s *audit.Shop) {
			order(s, "order-0")["payment"] = "declined"
		}},
		"an account keeps what it paid": {audit.Money, func(s *audit.Shop) {
			add(s.Accounts.Rows["alice"].State, 50)
		}},
		"the process has not read all": {audit.Behind, func(s *audit.Shop) {
			s.Inputs[0].Committed = map[int32]int64{0: 8}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			shop := wholeShop()
			damage.do(shop)
			breaches := shop.Check()
			if !slices.ContainsFunc(breaches, func(b audit.Breach) bool {
				return b.Counter == damage.counter
			}) {
				t.Errorf("want %s, got:\n%s", damage.counter, audit.Report(breaches))
			}
		})
	}
}
