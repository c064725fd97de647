package readmodels_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"refold/eventsourcing"
	"refold/processors/accounts"
	"refold/processors/orders"
	"refold/projections"
	"refold/projections/memory"
	"refold/readmodels"
	"refold/readmodels/readmodelstest"
)

// world is a naive model beside the projections: states as the deciders make them, and what is counted by
// hand.
type world struct {
	accounts map[string]accounts.Account
	orders   map[string]orders.Order
	history  readmodelstest.History
	now      time.Time

	bookings       map[string]int64 // by account
	paid, refunded map[string]int64 // by account
	since          map[string]time.Time
	placed         map[string]time.Time
}

// Whatever commands lead to, the rows say what the states do, and sums are those of the rows.
func TestReadModels_property(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{
			accounts: map[string]accounts.Account{}, orders: map[string]orders.Order{},
			bookings: map[string]int64{}, paid: map[string]int64{}, refunded: map[string]int64{},
			since: map[string]time.Time{}, placed: map[string]time.Time{}, now: at,
		}
		for range rapid.IntRange(1, 120).Draw(t, "commands") {
			// Most clocks agree; some are behind.
			hours := rapid.SampledFrom([]int{0, 1, 1, 30, 200, -40}).Draw(t, "hours")
			w.now = w.now.Add(time.Duration(hours) * time.Hour)
			if rapid.Bool().Draw(t, "of an account") {
				w.toAccount(t, drawAccount(t), drawAccountCommand(t))
			} else {
				w.toOrder(t, "o"+strconv.Itoa(rapid.IntRange(1, 5).Draw(t, "order")), drawOrderCommand(t))
			}
		}
		perBatch := rapid.IntRange(1, 20).Draw(t, "events of a batch")
		w.checkAccounts(t, perBatch)
		w.checkStatements(t, perBatch)
		w.checkOrders(t, perBatch)
		w.checkCustomers(t, perBatch)
	})
}

func drawAccount(t *rapid.T) string {
	return rapid.SampledFrom([]string{"a", "b", "a/b"}).Draw(t, "account")
}

func drawAccountCommand(t *rapid.T) accounts.Command {
	amount := rapid.Int64Range(1, 1_000).Draw(t, "amount")
	reference := "o" + strconv.Itoa(rapid.IntRange(1, 5).Draw(t, "reference"))
	switch rapid.IntRange(0, 11).Draw(t, "kind") {
	case 0, 1, 2:
		return accounts.OpenAccount{Owner: "Zoë", Currency: "EUR"}
	case 3, 4, 5:
		return accounts.DepositMoney{Amount: amount, Currency: "EUR"}
	case 6:
		return accounts.WithdrawMoney{Amount: amount, Currency: "EUR"}
	case 7:
		return accounts.ChargeAccount{Amount: amount, Currency: "EUR", Reference: reference}
	case 8:
		return accounts.RefundAccount{Amount: 1, Currency: "EUR", Reference: reference}
	case 9:
		return accounts.FreezeAccount{Reason: accounts.Reason{Kind: accounts.ReasonFraud, Text: "a check"}}
	case 10:
		return accounts.UnfreezeAccount{}
	default:
		return accounts.CloseAccount{}
	}
}

func drawOrderCommand(t *rapid.T) orders.Command {
	id := "a/" + strconv.Itoa(rapid.IntRange(1, 4).Draw(t, "id"))
	switch rapid.IntRange(0, 10).Draw(t, "kind") {
	case 0, 1, 2:
		return orders.PlaceOrder{
			AccountID: drawAccount(t), Currency: "EUR", Lines: []orders.Line{{
				SKU: rapid.SampledFrom([]string{"tea-500g", "pot"}).Draw(t, "sku"), Quantity: 1,
				UnitPrice: rapid.Int64Range(1, 1_000).Draw(t, "price"), Currency: "EUR",
			}},
		}
	case 3, 4:
		return orders.RecordPayment{PaymentID: id}
	case 5:
		return orders.RecordPaymentDeclined{Code: "account-closed", Message: "it is closed"}
	case 6:
		return orders.RecordRefund{RefundID: id}
	case 7:
		return orders.RecordRefundDeclined{Code: "account-closed", Message: "it is closed"}
	case 8:
		return orders.ShipOrder{Parcels: []orders.Parcel{{Carrier: "DHL", TrackingNumber: "1"}}}
	case 9:
		return orders.DeliverOrder{}
	default:
		return orders.CancelOrder{Reason: "ordered twice"}
	}
}

func (w *world) toAccount(t *rapid.T, id string, command accounts.Command) {
	events, err := accounts.Decider.Decide(eventsourcing.Context{}, w.accounts[id], command)
	if err != nil {
		return // it is rejected, and nothing happens
	}
	for _, event := range events {
		recorded := eventsourcing.Recorded[accounts.Event]{Event: event, Time: w.now}
		after := accounts.Decider.Evolve(w.accounts[id], recorded)
		if after.Balance != w.accounts[id].Balance {
			w.bookings[id]++
		}
		w.accounts[id] = after
		w.history = append(w.history, readmodelstest.Event{Subject: id, Event: event, Time: w.now})
	}
}

func (w *world) toOrder(t *rapid.T, id string, command orders.Command) {
	events, err := orders.Decider.Decide(eventsourcing.Context{}, w.orders[id], command)
	if err != nil {
		return // it is rejected, and nothing happens
	}
	for _, event := range events {
		before := w.orders[id]
		recorded := eventsourcing.Recorded[orders.Event]{Event: event, Time: w.now}
		w.orders[id] = orders.Decider.Evolve(before, recorded)
		if w.orders[id].Status != before.Status {
			w.since[id] = w.now
		}
		if before.Status == orders.StatusNone {
			w.placed[id] = w.now
		}
		switch event.(type) {
		case orders.PaymentProcessed, orders.SurplusReceived:
			w.paid[before.AccountID] += before.Total
		case orders.PaymentRefunded, orders.SurplusRefunded:
			w.refunded[before.AccountID] += before.Total
		default: // no money came or went
		}
		w.history = append(w.history, readmodelstest.Event{Subject: id, Event: event, Time: w.now})
	}
}

// rowsOf returns the rows of a table by their keys, after the whole history.
func rowsOf[R any](
	t *rapid.T, w *world, p *projections.Projection, table projections.TableOf[R], perBatch int,
) map[string]R {
	ctx, store := context.Background(), &memory.Store{}
	if err := readmodelstest.Fill(ctx, store, p, w.history, perBatch); err != nil {
		t.Fatal(err)
	}
	rows, err := readmodelstest.Rows(ctx, store, p, table)
	if err != nil {
		t.Fatal(err)
	}
	byKey := make(map[string]R, len(rows))
	for _, row := range rows {
		byKey[table.Key(table.Values(row))] = row
	}
	return byKey
}

func expect[R comparable](t *rapid.T, what string, got map[string]R, key string, want R) {
	if row, is := got[key]; !is || row != want {
		t.Fatalf("%s %s: the row is %+v (there: %t), want %+v", what, key, row, is, want)
	}
}

func (w *world) checkAccounts(t *rapid.T, perBatch int) {
	current := rowsOf(t, w, &readmodels.AccountsCurrent, readmodels.Accounts, perBatch)
	cards := rowsOf(t, w, &readmodels.AccountCard, readmodels.Cards, perBatch)
	if len(current) != len(w.accounts) || len(cards) != len(w.accounts) {
		t.Fatalf("%d accounts, %d rows and %d cards", len(w.accounts), len(current), len(cards))
	}
	for id, a := range w.accounts {
		key := readmodels.Accounts.KeyOf(id)
		expect(t, "account", current, key, readmodels.AccountRow{
			AccountID: id, Status: a.Status, Owner: a.Owner, OwnerFolded: "zoë", Currency: a.Currency,
			Balance: a.Balance, FrozenFor: a.FrozenFor, Sequence: w.sequence(id),
		})
		card := readmodels.CardRow{
			AccountID: id, Status: a.Status, Owner: a.Owner, Currency: a.Currency, Balance: a.Balance,
			Sequence: w.sequence(id),
		}
		if a.Status == accounts.StatusOpen {
			card.Available = a.Balance
		}
		expect(t, "card", cards, key, card)
	}
}

// sequence counts the events of an aggregate. No order has the ID of an account.
func (w *world) sequence(id string) (n int64) {
	for _, e := range w.history {
		if e.Subject == id {
			n++
		}
	}
	return n
}

func (w *world) checkStatements(t *rapid.T, perBatch int) {
	p := &readmodels.AccountStatement
	holders := rowsOf(t, w, p, readmodels.AccountHolders, perBatch)
	sums := make(map[string]readmodels.StatementMonth)
	for _, m := range rowsOf(t, w, p, readmodels.StatementMonths, perBatch) {
		sum := sums[m.AccountID]
		sum.Bookings, sum.Credits, sum.Debits = sum.Bookings+m.Bookings, sum.Credits+m.Credits,
			sum.Debits+m.Debits
		sums[m.AccountID] = sum
	}
	lines := make(map[string][]readmodels.StatementLine)
	for _, l := range rowsOf(t, w, p, readmodels.StatementLines, perBatch) {
		lines[l.AccountID] = append(lines[l.AccountID], l)
	}
	for id, a := range w.accounts {
		if holder := holders[readmodels.AccountHolders.KeyOf(id)]; holder.Owner != a.Owner ||
			(holder.ClosedAt != nil) != (a.Status == accounts.StatusClosed) {
			t.Fatalf("the holder of %s is %+v, the account %+v", id, holder, a)
		}
		of := lines[id]
		slices.SortFunc(of, func(a, b readmodels.StatementLine) int { return int(a.Sequence - b.Sequence) })
		var balance int64
		for _, l := range of {
			if balance += l.Amount; l.Balance != balance || l.Month != l.BookedAt.Format("2006-01") {
				t.Fatalf("the line %+v of %s follows on the balance %d", l, id, balance-l.Amount)
			}
		}
		sum := sums[id]
		if balance != a.Balance || sum.Credits-sum.Debits != balance || int64(len(of)) != w.bookings[id] ||
			sum.Bookings != w.bookings[id] {
			t.Fatalf("%s has the balance %d and %d bookings; the statement ends with %d after %d lines, the "+
				"months are %+v", id, a.Balance, w.bookings[id], balance, len(of), sum)
		}
	}
}

func (w *world) checkOrders(t *rapid.T, perBatch int) {
	byStatus := rowsOf(t, w, &readmodels.OrdersByStatus, readmodels.Orders, perBatch)
	documents := rowsOf(t, w, &readmodels.OrderSearch, readmodels.OrderDocuments, perBatch)
	if len(byStatus) != len(w.orders) || len(documents) != len(w.orders) {
		t.Fatalf("%d orders, %d rows and %d documents", len(w.orders), len(byStatus), len(documents))
	}
	for id, o := range w.orders {
		row := byStatus[id]
		row.PaymentSince = time.Time{} // the test of each event has it
		expect(t, "order", map[string]readmodels.OrderRow{id: row}, id, readmodels.OrderRow{
			OrderID: id, AccountID: o.AccountID, Status: o.Status, Payment: o.Payment,
			Attention: row.Attention, Currency: o.Currency, Total: o.Total, Lines: int64(len(o.Lines)),
			Parcels: int64(len(o.Parcels)), Code: o.Code, Reason: o.Reason, PlacedAt: w.placed[id],
			StatusSince: w.since[id], Sequence: w.sequence(id),
		})
		if doc := documents[id]; doc.Status != o.Status || doc.Sequence != w.sequence(id) ||
			!slices.Contains(readmodels.Words(doc.Terms), string(o.Status)) {
			t.Fatalf("the document of %s is %+v, the order %+v", id, doc, o)
		}
	}
}

func (w *world) checkCustomers(t *rapid.T, perBatch int) {
	p := &readmodels.CustomerOrders
	customers := rowsOf(t, w, p, readmodels.Customers, perBatch)
	rows := rowsOf(t, w, p, readmodels.OrdersOfAccount, perBatch)
	if len(rows) != len(w.orders) {
		t.Fatalf("%d orders, %d rows", len(w.orders), len(rows))
	}
	want := make(map[string]readmodels.CustomerRow)
	for id, a := range w.accounts {
		want[id] = readmodels.CustomerRow{
			AccountID: id, Status: a.Status, Owner: a.Owner, Currency: a.Currency, Balance: a.Balance,
			Sequence: w.sequence(id),
		}
	}
	for id, o := range w.orders {
		c := want[o.AccountID]
		c.AccountID = o.AccountID
		c.Orders++
		*map[orders.Status]*int64{
			orders.StatusPlaced: &c.Placed, orders.StatusShipped: &c.Shipped,
			orders.StatusDelivered: &c.Delivered, orders.StatusCancelled: &c.Cancelled,
			orders.StatusDeclined: &c.Declined,
		}[o.Status]++
		c.Paid, c.Refunded = w.paid[o.AccountID], w.refunded[o.AccountID]
		want[o.AccountID] = c
		expect(t, "order", rows, readmodels.OrdersOfAccount.KeyOf(o.AccountID, id), readmodels.CustomerOrder{
			AccountID: o.AccountID, OrderID: id, Status: o.Status, Payment: o.Payment, Currency: o.Currency,
			Total: o.Total, PlacedAt: w.placed[id], Sequence: w.sequence(id),
		})
	}
	if len(customers) != len(want) {
		t.Fatalf("the customers are %s, want %s", fmt.Sprint(customers), fmt.Sprint(want))
	}
	for id, c := range want {
		expect(t, "customer", customers, readmodels.Customers.KeyOf(id), c)
	}
}
