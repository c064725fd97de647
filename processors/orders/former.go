package orders

import "refold/processors"

// The versions of messages and rows that were released and are not written any more. Topics have them for
// ever. A version is a struct with its fields as they were; never change one. The oldest comes first.
type (
	// shipOrder1 and orderShipped1 knew orders of one parcel only, until one was too large for that. Version
	// 2 called the number of parcels "parcels", as commands and states call the parcels themselves: version
	// 3 renamed it. Avro reads version 2 by an alias.
	shipOrder1 struct {
		Carrier        string `avro:"carrier"`
		TrackingNumber string `avro:"trackingNumber"`
	}
	orderShipped1 struct {
		Carrier        string `avro:"carrier"`
		TrackingNumber string `avro:"trackingNumber"`
	}
	// order1 had a carrier and a tracking number in the place of parcels.
	order1 struct {
		Status         Status    `avro:"status"`
		Payment        Payment   `avro:"payment"`
		AccountID      string    `avro:"accountId"`
		Currency       string    `avro:"currency"`
		Lines          []Line    `avro:"lines"`
		Total          int64     `avro:"total"`
		Carrier        string    `avro:"carrier"`
		TrackingNumber string    `avro:"trackingNumber"`
		PaymentID      string    `avro:"paymentId"`
		RefundID       string    `avro:"refundId"`
		Reason         string    `avro:"reason"`
		Code           string    `avro:"code"`
		Surplus        []Surplus `avro:"surplus"`
	}
)

var (
	formerCommands = []processors.Former{
		processors.Upcast("ShipOrder", func(c shipOrder1) ShipOrder {
			return ShipOrder{Parcels: []Parcel{Parcel(c)}}
		}),
	}
	formerEvents = []processors.Former{
		processors.Split("OrderShipped", func(e orderShipped1) []any {
			return []any{ParcelHandedOver(e), OrderShipped{ParcelCount: 1}}
		}),
	}
	formerStates = []processors.Former{
		processors.UpcastState(1, func(o order1) Order {
			today := Order{
				Status: o.Status, Payment: o.Payment, AccountID: o.AccountID, Currency: o.Currency,
				Lines: o.Lines, Total: o.Total, PaymentID: o.PaymentID, RefundID: o.RefundID,
				Reason: o.Reason, Code: o.Code, Surplus: o.Surplus,
			}
			if o.Status == StatusShipped || o.Status == StatusDelivered {
				today.Parcels = []Parcel{{o.Carrier, o.TrackingNumber}}
			}
			return today
		}),
	}
)
