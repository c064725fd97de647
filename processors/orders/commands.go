package orders

// Command is a wish. The types below are all there are; each is a struct value.
//
//sumtype:decl
type Command interface{ isCommand() }

// PlaceOrder orders goods that an account pays for.
type PlaceOrder struct {
	// AccountID names the account that pays: 1 to [MaxID] characters. Whether there is such an
	// account is for the payment to find out.
	AccountID string `avro:"accountId"`
	// Currency is the order's, an active ISO 4217 code. It must be the account's.
	Currency string `avro:"currency"`
	// Lines are what is ordered: 1 to [MaxLines].
	Lines []Line `avro:"lines"`
}

// Line is a line of an order: so many of one thing.
type Line struct {
	// SKU names the thing: 1 to [MaxSKU] characters.
	SKU string `avro:"sku" json:"sku"`
	// Quantity is at least 1.
	Quantity int64 `avro:"quantity" json:"quantity"`
	// UnitPrice is of one, in minor units; 0 is a gift.
	UnitPrice int64 `avro:"unitPrice" json:"unitPrice"`
	// Currency must be the order's. It is here because a price without one is no price.
	Currency string `avro:"currency" json:"currency"`
}

// ShipOrder hands a paid order to a carrier.
type ShipOrder struct {
	// Carrier is 1 to [MaxText] characters.
	Carrier string `avro:"carrier"`
	// TrackingNumber is the carrier's: 1 to [MaxText] characters.
	TrackingNumber string `avro:"trackingNumber"`
}

// DeliverOrder says that the carrier has handed the order over.
type DeliverOrder struct{}

// CancelOrder ends an order that was not shipped. What was paid is refunded.
type CancelOrder struct {
	// Reason is for the record: 1 to [MaxReason] characters.
	Reason string `avro:"reason"`
}

// RecordPayment is the payment process's: the account has paid.
type RecordPayment struct {
	// PaymentID is the ID of the account's event.
	PaymentID string `avro:"paymentId"`
}

// RecordPaymentDeclined is the payment process's: the account has refused to pay.
type RecordPaymentDeclined struct {
	// Code is the account's, such as "insufficient-funds".
	Code string `avro:"code"`
	// Message says it to a person.
	Message string `avro:"message"`
}

// RecordRefund is the payment process's: the account has its money back.
type RecordRefund struct {
	// RefundID is the ID of the account's event.
	RefundID string `avro:"refundId"`
}

// RecordRefundDeclined is the payment process's: the account takes no refund, for it is closed, or
// has forgotten the charge. A person has to pay it out in another way.
type RecordRefundDeclined struct {
	// Code is the account's, such as "account-closed".
	Code string `avro:"code"`
	// Message says it to a person.
	Message string `avro:"message"`
}

func (PlaceOrder) isCommand()            {}
func (ShipOrder) isCommand()             {}
func (DeliverOrder) isCommand()          {}
func (CancelOrder) isCommand()           {}
func (RecordPayment) isCommand()         {}
func (RecordPaymentDeclined) isCommand() {}
func (RecordRefund) isCommand()          {}
func (RecordRefundDeclined) isCommand()  {}
