package readmodels_test

import (
	"testing"
	"time"

	"refold/processors/accounts"
	"refold/processors/orders"
	"refold/projections/projectiontest"
	"refold/readmodels"
)

// An order is told event by event: the row is changed as each step says, and so is the sum of its account.
type step struct {
	row      func(*readmodels.OrderRow)
	customer func(*readmodels.CustomerRow)
}

func status(s orders.Status) func(*readmodels.OrderRow) {
	return func(r *readmodels.OrderRow) { r.Status = s }
}

// steps are those of lifeOfOrder, without the first, by which the order is placed.
var steps = [][]step{
	{
		{func(r *readmodels.OrderRow) { r.Payment = orders.PaymentPaid }, paidBy(500)},
		{func(r *readmodels.OrderRow) { r.Parcels = 1 }, nil},
		{func(r *readmodels.OrderRow) { r.Parcels = 2 }, nil},
		{status(orders.StatusShipped), moved(-1, 1, 0)},
		{status(orders.StatusDelivered), moved(0, -1, 1)},
		{func(*readmodels.OrderRow) {}, paidBy(500)},
		{func(r *readmodels.OrderRow) { r.Attention = readmodels.SurplusDeclined }, nil},
		{func(r *readmodels.OrderRow) { r.Attention = readmodels.NoAttention }, refunded(500)},
	},
	{
		{
			func(r *readmodels.OrderRow) {
				r.Status, r.Payment = orders.StatusDeclined, orders.PaymentNotMade
				r.Code = "insufficient-funds"
			},
			func(c *readmodels.CustomerRow) { c.Placed, c.Declined = c.Placed-1, c.Declined+1 },
		},
	},
	{
		{func(r *readmodels.OrderRow) { r.Payment = orders.PaymentPaid }, paidBy(500)},
		{
			func(r *readmodels.OrderRow) {
				r.Status, r.Reason = orders.StatusCancelled, "ordered twice"
			},
			func(c *readmodels.CustomerRow) { c.Placed, c.Cancelled = c.Placed-1, c.Cancelled+1 },
		},
		{func(r *readmodels.OrderRow) { r.Payment = orders.PaymentRefundPending }, nil},
		{func(r *readmodels.OrderRow) {
			r.Payment, r.Code = orders.PaymentRefundDeclined, "account-closed"
			r.Attention = readmodels.RefundDeclined
		}, nil},
		{func(r *readmodels.OrderRow) {
			r.Payment, r.Code, r.Attention = orders.PaymentBack, "", readmodels.NoAttention
		}, refunded(500)},
	},
}

func paidBy(amount int64) func(*readmodels.CustomerRow) {
	return func(c *readmodels.CustomerRow) { c.Paid += amount }
}

func refunded(amount int64) func(*readmodels.CustomerRow) {
	return func(c *readmodels.CustomerRow) { c.Refunded += amount }
}

func moved(placed, shipped, delivered int64) func(*readmodels.CustomerRow) {
	return func(c *readmodels.CustomerRow) {
		c.Placed, c.Shipped, c.Delivered = c.Placed+placed, c.Shipped+shipped, c.Delivered+delivered
	}
}

// tell tells the lives of orders step by step, a minute each.
func tell(then func(order string, event any, at time.Time, row readmodels.OrderRow, s step)) {
	for i, life := range lifeOfOrder {
		now := at
		row := readmodels.OrderRow{
			OrderID: "order-" + string(rune('1'+i)), AccountID: "zoe", Status: orders.StatusPlaced,
			Payment: orders.PaymentPending, Currency: "EUR", Total: 500, Lines: 3, PlacedAt: now,
			StatusSince: now, PaymentSince: now, Sequence: 1,
		}
		then(row.OrderID, life[0], now, row, step{customer: func(c *readmodels.CustomerRow) {
			c.Orders, c.Placed = c.Orders+1, c.Placed+1
		}})
		for n, s := range steps[i] {
			now = now.Add(time.Minute)
			before := row
			s.row(&row)
			row.Sequence++
			if row.Status != before.Status {
				row.StatusSince = now
			}
			if row.Payment != before.Payment {
				row.PaymentSince = now
			}
			then(row.OrderID, life[n+1], now, row, s)
		}
	}
}

// The row of an order after each event, and the sums of its account, whichever is told first.
func TestOrders(t *testing.T) {
	byStatus := projectiontest.Of(t, readmodels.OrdersByStatus).ThenEmpty()
	ofCustomers := projectiontest.Of(t, readmodels.CustomerOrders).ThenEmpty()
	var customer readmodels.CustomerRow
	customer.AccountID = "zoe"
	rows, ofAccount := map[string]any{}, map[string]any{}
	tell(func(order string, event any, now time.Time, row readmodels.OrderRow, s step) {
		rows[order] = row
		byStatus = byStatus.At(now).Given(order, event).Then(values(rows)...)
		ofAccount[order] = readmodels.CustomerOrder{
			AccountID: "zoe", OrderID: order, Status: row.Status, Payment: row.Payment, Currency: "EUR",
			Total: 500, PlacedAt: at, Sequence: row.Sequence,
		}
		if s.customer != nil {
			s.customer(&customer)
		}
		ofCustomers = ofCustomers.At(now).Given(order, event).Then(values(ofAccount)...).Then(customer)
	})
	customer.Status, customer.Owner, customer.Currency = accounts.StatusClosed, "Zoë  Smith", "EUR"
	customer.Sequence = int64(len(lifeOfAccount))
	ofCustomers.Given("zoe", lifeOfAccount...).Then(customer).Then(values(ofAccount)...)
}

func values(m map[string]any) (all []any) {
	for _, v := range m {
		all = append(all, v)
	}
	return all
}

// An account without orders is a customer.
func TestCustomerOrders_accounts(t *testing.T) {
	projectiontest.Of(t, readmodels.CustomerOrders).Given("zoe", lifeOfAccount[:2]...).
		Then(readmodels.CustomerRow{
			AccountID: "zoe", Status: accounts.StatusOpen, Owner: "Zoë  Smith", Currency: "EUR",
			Balance: 1_000, Sequence: 2,
		})
}

// An order is found by all that it has come to; each text is there once.
func TestOrderSearch(t *testing.T) {
	doc := readmodels.OrderDocument{
		OrderID: "order-1", AccountID: "zoe", Status: orders.StatusPlaced, Payment: orders.PaymentPending,
		Currency: "EUR", Total: 500, SKUs: []string{"Tea-500g", "leaflet"}, Carriers: []string{},
		TrackingNumbers: []string{}, Terms: "order 1 zoe placed pending eur tea 500g leaflet", Sequence: 1,
	}
	story := projectiontest.Of(t, readmodels.OrderSearch).Given("order-1", placed).Then(doc)
	story = story.Given("order-1", lifeOfOrder[0][1:]...)
	doc.Status, doc.Payment, doc.Sequence = orders.StatusDelivered, orders.PaymentPaid, 9
	doc.Carriers, doc.TrackingNumbers = []string{"DHL"}, []string{"0034-1", "0034-2"}
	doc.Terms = "order 1 zoe delivered paid eur tea 500g leaflet dhl 0034 2"
	story.Then(doc)
	for i, is := range []readmodels.OrderDocument{
		{
			Status: orders.StatusDeclined, Payment: orders.PaymentNotMade,
			Terms: "order 2 zoe declined eur tea 500g leaflet",
		},
		{
			Status: orders.StatusCancelled, Payment: orders.PaymentBack,
			Terms: "order 3 zoe cancelled refunded eur tea 500g leaflet",
		},
	} {
		id := "order-" + string(rune('2'+i))
		is.OrderID, is.AccountID, is.Currency, is.Total, is.SKUs = id, "zoe", "EUR", 500, doc.SKUs
		is.Carriers, is.TrackingNumbers = []string{}, []string{}
		is.Sequence = int64(len(lifeOfOrder[i+1]))
		projectiontest.Of(t, readmodels.OrderSearch).Given(id, lifeOfOrder[i+1]...).Then(is)
	}
}
