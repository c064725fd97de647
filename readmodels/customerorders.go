package readmodels

import (
	"time"

	"refold/processors/accounts"
	"refold/processors/orders"
	"refold/projections"
)

// CustomerRow is an account with what its orders come to. The columns of the account are set by its own
// events, all others are sums that events of its orders add to, in whichever order the two come.
type CustomerRow struct {
	AccountID string `column:"account_id,key,subject" json:"accountId" doc:"The account's ID."`
	// Status is empty, and so are all columns of the account, if there are orders in the name of an account
	// that was never opened, or that is not known yet.
	Status    accounts.Status `column:"status" json:"status,omitempty" enum:"open,frozen,closed" doc:"The account's; none if it was never opened."`
	Owner     string          `column:"owner" json:"owner" doc:"Whose account it is."`
	Currency  string          `column:"currency" json:"currency" doc:"The account's ISO 4217 code."`
	Balance   int64           `column:"balance" json:"balance" doc:"In minor units (cents)."`
	Sequence  int64           `column:"sequence" json:"sequence" doc:"Of the account's last event."`
	Orders    int64           `column:"orders,sum" json:"orders" doc:"How many orders it has placed: those of the five statuses together."`
	Placed    int64           `column:"placed,sum" json:"placed" doc:"How many of them are placed, and not shipped yet."`
	Shipped   int64           `column:"shipped,sum" json:"shipped" doc:"How many are under way."`
	Delivered int64           `column:"delivered,sum" json:"delivered" doc:"How many have arrived."`
	Cancelled int64           `column:"cancelled,sum" json:"cancelled" doc:"How many were cancelled."`
	Declined  int64           `column:"declined,sum" json:"declined" doc:"For how many the account did not pay."`
	Paid      int64           `column:"paid,sum" json:"paid" doc:"What it has paid for orders, in minor units."`
	Refunded  int64           `column:"refunded,sum" json:"refunded" doc:"What it has back of that, in minor units."`
}

// CustomerOrder is an order of an account.
type CustomerOrder struct {
	AccountID string         `column:"account_id,key,subject" json:"-"`
	OrderID   string         `column:"order_id,key,subject" json:"orderId" doc:"The order's ID."`
	Status    orders.Status  `column:"status" json:"status" enum:"placed,shipped,delivered,cancelled,declined" doc:"Where it is in its life."`
	Payment   orders.Payment `column:"payment" json:"payment" enum:"pending,paid,declined,refund-pending,refunded,refund-declined" doc:"Where its money is."`
	Currency  string         `column:"currency" json:"currency" doc:"The order's ISO 4217 code."`
	Total     int64          `column:"total" json:"total" doc:"In minor units (cents)."`
	PlacedAt  time.Time      `column:"placed_at" json:"placedAt" doc:"When it was placed."`
	Sequence  int64          `column:"sequence" json:"sequence" doc:"Of the order's last event."`
}

// The tables of CustomerOrders.
var (
	Customers       = projections.NewTable[CustomerRow]("customers")
	OrdersOfAccount = projections.NewTable[CustomerOrder]("customer_orders")
)

// CustomerOrders has accounts with their orders, of the events of both. Amounts that an account has paid are
// in its own currency: it pays in no other.
var CustomerOrders = projections.Projection{
	Name: "customer_orders", Version: 1,
	Tables: projections.Tables{Customers.Table, OrdersOfAccount.Table},
	Sources: []projections.Source{
		projections.FromStates(accounts.Definition, customer),
		projections.FromEvents(orders.Definition, orderOfCustomer),
	},
	Migrations: migrationsOf("customer_orders"),
}

func customer(s projections.State[accounts.Account]) []projections.Change {
	a := s.State
	return []projections.Change{Customers.Merge(CustomerRow{
		AccountID: s.Subject, Status: a.Status, Owner: a.Owner, Currency: a.Currency, Balance: a.Balance,
		Sequence: s.Sequence,
	}, "status", "owner", "currency", "balance", "sequence")}
}

func orderOfCustomer(e projections.Event[orders.Order, orders.Event]) []projections.Change {
	o := e.After
	row := CustomerOrder{
		AccountID: o.AccountID, OrderID: e.Subject, Status: o.Status, Payment: o.Payment,
		Currency: o.Currency, Total: o.Total, PlacedAt: e.Time, Sequence: e.Sequence,
	}
	change := OrdersOfAccount.Put(row)
	if e.Before.Status != orders.StatusNone {
		change = OrdersOfAccount.Merge(row, "status", "payment", "sequence")
	}
	changes := []projections.Change{change}
	if more := addedBy(e); more != (CustomerRow{}) {
		more.AccountID = o.AccountID
		changes = append(changes, Customers.Merge(more, "orders", "placed", "shipped", "delivered",
			"cancelled", "declined", "paid", "refunded"))
	}
	return changes
}

// addedBy returns what an order's event adds to the sums of its account.
func addedBy(e projections.Event[orders.Order, orders.Event]) (more CustomerRow) {
	if e.Before.Status != e.After.Status {
		more.count(e.Before.Status, -1)
		more.count(e.After.Status, 1)
	}
	if e.Before.Status == orders.StatusNone {
		more.Orders = 1
	}
	switch event := e.Event.(type) {
	case orders.PaymentProcessed:
		more.Paid = event.Amount
	case orders.SurplusReceived:
		more.Paid = event.Amount
	case orders.PaymentRefunded:
		more.Refunded = event.Amount
	case orders.SurplusRefunded:
		more.Refunded = event.Amount
	default: // no money has come or gone
	}
	return more
}

func (c *CustomerRow) count(status orders.Status, by int64) {
	switch status {
	case orders.StatusNone:
	case orders.StatusPlaced:
		c.Placed += by
	case orders.StatusShipped:
		c.Shipped += by
	case orders.StatusDelivered:
		c.Delivered += by
	case orders.StatusCancelled:
		c.Cancelled += by
	case orders.StatusDeclined:
		c.Declined += by
	}
}
