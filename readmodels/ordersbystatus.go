package readmodels

import (
	"time"

	"refold/processors/orders"
	"refold/projections"
)

// OrderRow is an order as it is now, with the times that say how long it has been so.
type OrderRow struct {
	OrderID   string         `column:"order_id,key,subject" json:"orderId" doc:"The order's ID."`
	AccountID string         `column:"account_id,subject" json:"accountId" doc:"The account that pays."`
	Status    orders.Status  `column:"status" json:"status" enum:"placed,shipped,delivered,cancelled,declined" doc:"Where it is in its life."`
	Payment   orders.Payment `column:"payment" json:"payment" enum:"pending,paid,declined,refund-pending,refunded,refund-declined" doc:"Where its money is."`
	Attention Attention      `column:"attention" json:"attention,omitempty" enum:"refund-declined,surplus-declined" doc:"Why a person has to see to it; none: nobody has to."`
	Currency  string         `column:"currency" json:"currency" doc:"The order's ISO 4217 code."`
	Total     int64          `column:"total" json:"total" doc:"In minor units (cents)."`
	Lines     int64          `column:"lines" json:"lines" doc:"How many lines it has."`
	Parcels   int64          `column:"parcels" json:"parcels" doc:"How many parcels carriers have."`
	Code      string         `column:"code" json:"code,omitempty" doc:"Why the account declined a payment or refund."`
	Reason    string         `column:"reason" json:"reason,omitempty" doc:"Why it was cancelled."`
	// The age of the order, of its status and of its payment: the time now less these.
	PlacedAt     time.Time `column:"placed_at" json:"placedAt" doc:"When it was placed."`
	StatusSince  time.Time `column:"status_since" json:"statusSince" doc:"Since when it has the status."`
	PaymentSince time.Time `column:"payment_since" json:"paymentSince" doc:"Since when its money is there."`
	Sequence     int64     `column:"sequence" json:"sequence" doc:"Of the order's last event."`
}

// Orders is the table of OrdersByStatus: a row for each order.
var Orders = projections.NewTable[OrderRow]("orders_by_status")

// OrdersByStatus is for an operations desk: what waits, since when, and what a person has to see to.
var OrdersByStatus = projections.Projection{
	Name: "orders_by_status", Version: 1,
	Tables:     projections.Tables{Orders.Table},
	Sources:    []projections.Source{projections.FromEvents(orders.Definition, orderByStatus)},
	Migrations: migrationsOf("orders_by_status"),
}

func orderByStatus(e projections.Event[orders.Order, orders.Event]) []projections.Change {
	o := e.After
	row := OrderRow{
		OrderID: e.Subject, AccountID: o.AccountID, Status: o.Status, Payment: o.Payment,
		Attention: attentionTo(o), Currency: o.Currency, Total: o.Total, Lines: int64(len(o.Lines)),
		Parcels: int64(len(o.Parcels)), Code: o.Code, Reason: o.Reason,
		PlacedAt: e.Time, StatusSince: e.Time, PaymentSince: e.Time, Sequence: e.Sequence,
	}
	if e.Before.Status == orders.StatusNone {
		return []projections.Change{Orders.Put(row)}
	}
	changed := []string{"status", "payment", "attention", "parcels", "code", "reason", "sequence"}
	if o.Status != e.Before.Status {
		changed = append(changed, "status_since")
	}
	if o.Payment != e.Before.Payment {
		changed = append(changed, "payment_since")
	}
	return []projections.Change{Orders.Merge(row, changed...)}
}
