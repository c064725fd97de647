package readmodelstest

import (
	"time"

	"refold/eventsourcing"
	"refold/processors/accounts"
	"refold/processors/orders"
)

// Begun is when the history of Shop begins.
var Begun = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

// Shop returns a history of three months with four accounts and six orders:
//
//	alice   EUR, open, 3 months of bookings; orders tea, pot (cancelled, refunded), cups (placed)
//	bob     JPY, frozen; order kettle (shipped in two parcels)
//	carol   EUR, closed
//	=dave+1 BHD, open, without bookings: a name that a spreadsheet would take for a formula
//
// and orders of accounts that there are not: lost (declined), owed (its refund was declined).
func Shop() History {
	s := shop{at: Begun, sequence: make(map[string]int64)}
	s.happens("alice",
		accounts.AccountOpened{Owner: "Alice <b>Liddell</b>", Currency: "EUR"},
		accounts.MoneyDeposited{Amount: 10_000, Currency: "EUR"},
		accounts.MoneyWithdrawn{Amount: 2_550, Currency: "EUR"})
	s.happens("bob",
		accounts.AccountOpened{Owner: "Bob", Currency: "JPY"},
		accounts.MoneyDeposited{Amount: 90_000, Currency: "JPY"})
	s.happens("tea", placed("alice", "EUR", 1_250, "tea-500g"))
	s.happens("alice", accounts.AccountCharged{Amount: 1_250, Currency: "EUR", Reference: "tea"})
	s.happens("tea",
		orders.PaymentProcessed{AccountID: "alice", PaymentID: "alice/4", Amount: 1_250, Currency: "EUR"},
		orders.ParcelHandedOver{Carrier: "DHL", TrackingNumber: "00340434-1"},
		orders.OrderShipped{ParcelCount: 1}, orders.OrderDelivered{})
	s.happens("=dave+1", accounts.AccountOpened{Owner: "=HYPERLINK(\"http://x\")", Currency: "BHD"})
	s.at = s.at.AddDate(0, 1, 0)
	s.happens("pot", placed("alice", "EUR", 3_000, "pot-blue"))
	s.happens("alice", accounts.AccountCharged{Amount: 3_000, Currency: "EUR", Reference: "pot"})
	s.happens("pot",
		orders.PaymentProcessed{AccountID: "alice", PaymentID: "alice/5", Amount: 3_000, Currency: "EUR"},
		orders.OrderCancelled{Reason: "ordered twice"},
		orders.RefundRequested{AccountID: "alice", Amount: 3_000, Currency: "EUR"})
	s.happens("alice", accounts.AccountRefunded{Amount: 3_000, Currency: "EUR", Reference: "pot"})
	s.happens("pot", orders.PaymentRefunded{
		AccountID: "alice", RefundID: "alice/6", Amount: 3_000, Currency: "EUR",
	})
	s.happens("carol",
		accounts.AccountOpened{Owner: "Carol", Currency: "EUR"}, accounts.AccountClosed{})
	s.happens("kettle", placed("bob", "JPY", 4_980, "kettle-1.7L", "tea-500g"))
	s.happens("bob", accounts.AccountCharged{Amount: 4_980, Currency: "JPY", Reference: "kettle"})
	s.happens("kettle",
		orders.PaymentProcessed{AccountID: "bob", PaymentID: "bob/3", Amount: 4_980, Currency: "JPY"},
		orders.ParcelHandedOver{Carrier: "DHL", TrackingNumber: "00340434-2"},
		orders.ParcelHandedOver{Carrier: "Café Express", TrackingNumber: "1Z999AA1"},
		orders.OrderShipped{ParcelCount: 2})
	s.happens("bob", accounts.AccountFrozen{Reason: accounts.Reason{
		Kind: accounts.ReasonStolen, Text: "reported by the owner",
	}})
	s.at = s.at.AddDate(0, 1, 0)
	s.happens("alice", accounts.MoneyDeposited{Amount: 5_000, Currency: "EUR"})
	s.happens("cups", placed("alice", "EUR", 2_000, "cups"))
	s.happens("lost", placed("mallory", "EUR", 100, "tea-500g"),
		orders.PaymentDeclined{Code: accounts.CodeAccountNotOpen, Message: "the account was never opened"})
	s.happens("owed", placed("erin", "EUR", 700, "cups"),
		orders.PaymentProcessed{AccountID: "erin", PaymentID: "erin/3", Amount: 700, Currency: "EUR"},
		orders.OrderCancelled{Reason: "moved away"},
		orders.RefundRequested{AccountID: "erin", Amount: 700, Currency: "EUR"},
		orders.RefundDeclined{Code: accounts.CodeAccountClosed, Message: "the account is closed"})
	return s.history
}

// shop tells a history, an event each minute.
type shop struct {
	history  History
	at       time.Time
	sequence map[string]int64 // the last one, by aggregate: no two have the same ID
}

func (s *shop) happens(subject string, events ...any) {
	for _, e := range events {
		s.history = append(s.history, Event{subject, e, s.at, s.cause(e)})
		s.at = s.at.Add(time.Minute)
		s.sequence[subject]++
	}
}

// cause returns the ID of the command that the payment process has sent for the latest event of an order.
func (s *shop) cause(event any) string {
	var order string
	switch event := event.(type) {
	case accounts.AccountCharged:
		order = event.Reference
	case accounts.AccountRefunded:
		order = event.Reference
	default:
		return ""
	}
	latest := eventsourcing.EventRef{Subject: order, Sequence: s.sequence[order]}
	return latest.ID() + "/" + orders.Payments.Name + ".0"
}

// placed returns the event of an order with one of each SKU, the first one at the price.
func placed(account, currency string, price int64, skus ...string) orders.OrderPlaced {
	o := orders.OrderPlaced{AccountID: account, Currency: currency, Total: price}
	for i, sku := range skus {
		l := orders.Line{SKU: sku, Quantity: 1, Currency: currency}
		if i == 0 {
			l.UnitPrice = price
		}
		o.Lines = append(o.Lines, l)
	}
	return o
}
