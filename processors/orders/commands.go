package orders

// Command is a wish. The types below are all there are; each is a struct value.
//
//sumtype:decl
type Command interface{ isCommand() }

// PlaceOrder orders goods that an account pays for.
type PlaceOrder struct {
	// AccountID names the account that pays: 1 to [MaxID] characters. Whether there is such an
	// account is for the payment to find out.
	AccountID string `avro:"accountId" doc:"The account that pays: 1 to 128 characters."`
	Currency  string `avro:"currency" doc:"The order's ISO 4217 code, such as EUR."`
	Lines     []Line `avro:"lines" doc:"What is ordered: 1 to 100 lines."`
}

// Line is a line of an order: so many of one thing.
type Line struct {
	SKU       string `avro:"sku" json:"sku" doc:"Names the thing: 1 to 64 characters."`
	Quantity  int64  `avro:"quantity" json:"quantity" doc:"At least 1."`
	UnitPrice int64  `avro:"unitPrice" json:"unitPrice" doc:"Of one, in minor units (cents), 0 or more."`
	Currency  string `avro:"currency" json:"currency" doc:"The order's ISO 4217 code: a price without one is no price."`
}

// ShipOrder hands a paid order to carriers, all of it, in one parcel or several.
type ShipOrder struct {
	Parcels []Parcel `avro:"parcels" doc:"1 to 20 parcels."`
}

// Parcel is a part of an order that a carrier has.
type Parcel struct {
	Carrier        string `avro:"carrier" json:"carrier" doc:"1 to 100 characters."`
	TrackingNumber string `avro:"trackingNumber" json:"trackingNumber" doc:"The carrier's: 1 to 100 characters."`
}

// DeliverOrder says that the carrier has handed the order over.
type DeliverOrder struct{}

// CancelOrder ends an order that was not shipped. What was paid is refunded.
type CancelOrder struct {
	Reason string `avro:"reason" doc:"For the record: 1 to 500 characters."`
}

// RecordPayment is the payment process's: the account has paid.
type RecordPayment struct {
	PaymentID string `avro:"paymentId" doc:"The ID of the account's event."`
}

// RecordPaymentDeclined is the payment process's: the account has refused to pay.
type RecordPaymentDeclined struct {
	Code    string `avro:"code" doc:"The account's, such as insufficient-funds."`
	Message string `avro:"message" doc:"Says it to a person."`
}

// RecordRefund is the payment process's: the account has its money back.
type RecordRefund struct {
	RefundID string `avro:"refundId" doc:"The ID of the account's event."`
}

// RecordRefundDeclined is the payment process's: the account takes no refund, for it is closed, or
// has forgotten the charge. A person has to pay it out in another way.
type RecordRefundDeclined struct {
	Code    string `avro:"code" doc:"The account's, such as account-closed."`
	Message string `avro:"message" doc:"Says it to a person."`
}

func (PlaceOrder) isCommand()            {}
func (ShipOrder) isCommand()             {}
func (DeliverOrder) isCommand()          {}
func (CancelOrder) isCommand()           {}
func (RecordPayment) isCommand()         {}
func (RecordPaymentDeclined) isCommand() {}
func (RecordRefund) isCommand()          {}
func (RecordRefundDeclined) isCommand()  {}

// AvroDoc documents the record inside other schemas.
func (Parcel) AvroDoc() string { return "A part of an order that a carrier has." }

// AvroDoc documents the record inside other schemas.
func (Line) AvroDoc() string { return "A line of an order: so many of one thing." }
