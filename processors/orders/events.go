package orders

// THESE TYPES ARE THE STORED FORMAT. Events are kept for ever: a name here is a record name in
// the schema registry, a field is a field of every event ever written. What the level FULL_TRANSITIVE
// allows is safe: add a field with a default, or remove one that has one. Any other change needs the
// struct as it was in former.go, a function from it to today's, and the level BACKWARD_TRANSITIVE in
// processors/schemas/compatibility.yaml. "make schemas" finds a change that was forgotten; see
// docs/changing-events.md.
//
// Events about money name account, amount and currency, although the order knows them: the payment
// process reacts to a single event, and so may anybody else.

// Event is a fact. The types below are all there are; each is a struct value.
//
//sumtype:decl
type Event interface{ isEvent() }

// OrderPlaced says what was ordered, at which price. The total is a fact, not a fold: it is what
// the customer was told and is charged, whatever a later release thinks lines amount to.
type OrderPlaced struct {
	AccountID string `avro:"accountId" doc:"The account that pays."`
	Currency  string `avro:"currency" doc:"The order's ISO 4217 code, such as EUR."`
	Lines     []Line `avro:"lines" doc:"What was ordered."`
	Total     int64  `avro:"total" doc:"What the account is charged, in minor units (cents), at least 1."`
}

// PaymentProcessed says that the account has paid the total.
type PaymentProcessed struct {
	AccountID string `avro:"accountId" doc:"The account that pays."`
	PaymentID string `avro:"paymentId" doc:"The ID of the account's event."`
	Amount    int64  `avro:"amount" doc:"The order's total in minor units (cents)."`
	Currency  string `avro:"currency" doc:"The order's ISO 4217 code, such as EUR."`
}

// PaymentDeclined says that the account has refused to pay.
type PaymentDeclined struct {
	Code    string `avro:"code" doc:"The account's, such as insufficient-funds."`
	Message string `avro:"message" doc:"Says it to a person."`
}

// ParcelHandedOver says that a carrier has a part of the order.
type ParcelHandedOver struct {
	Carrier        string `avro:"carrier" doc:"Who."`
	TrackingNumber string `avro:"trackingNumber" doc:"The carrier's."`
}

// OrderShipped says that carriers have all of the order. It follows on the events of its parcels.
type OrderShipped struct {
	ParcelCount int64 `avro:"parcelCount,alias=parcels" doc:"How many parcels the customer has to expect, at least 1."`
}

// OrderDelivered says that the customer has the order.
type OrderDelivered struct{}

// OrderCancelled says that the order will not be shipped.
type OrderCancelled struct {
	Reason string `avro:"reason" doc:"Why, for the record."`
}

// RefundRequested says that the account is owed what it has paid.
type RefundRequested struct {
	AccountID string `avro:"accountId" doc:"The account that pays."`
	Amount    int64  `avro:"amount" doc:"The order's total in minor units (cents)."`
	Currency  string `avro:"currency" doc:"The order's ISO 4217 code, such as EUR."`
}

// PaymentRefunded says that the account has its money back.
type PaymentRefunded struct {
	AccountID string `avro:"accountId" doc:"The account that pays."`
	RefundID  string `avro:"refundId" doc:"The ID of the account's event."`
	Amount    int64  `avro:"amount" doc:"The order's total in minor units (cents)."`
	Currency  string `avro:"currency" doc:"The order's ISO 4217 code, such as EUR."`
}

// RefundDeclined says that the account takes no refund: somebody has to pay it out in another way.
type RefundDeclined struct {
	Code    string `avro:"code" doc:"The account's, such as account-closed."`
	Message string `avro:"message" doc:"Says it to a person."`
}

// SurplusReceived says that the account has paid although no payment was due: it was charged again,
// or so late that the order has ended. It is owed that back.
type SurplusReceived struct {
	AccountID string `avro:"accountId" doc:"The account that pays."`
	PaymentID string `avro:"paymentId" doc:"The ID of the account's event by which it has paid what was not due."`
	Amount    int64  `avro:"amount" doc:"The order's total in minor units (cents)."`
	Currency  string `avro:"currency" doc:"The order's ISO 4217 code, such as EUR."`
}

// SurplusRefunded says that the account has a surplus back.
type SurplusRefunded struct {
	AccountID string `avro:"accountId" doc:"The account that pays."`
	PaymentID string `avro:"paymentId" doc:"The ID of the account's event by which it has paid what was not due."`
	RefundID  string `avro:"refundId" doc:"The ID of the account's event by which it has that back."`
	Amount    int64  `avro:"amount" doc:"The order's total in minor units (cents)."`
	Currency  string `avro:"currency" doc:"The order's ISO 4217 code, such as EUR."`
}

// SurplusRefundDeclined says that the account does not take a surplus back: somebody has to pay it
// out in another way.
type SurplusRefundDeclined struct {
	PaymentID string `avro:"paymentId" doc:"The ID of the account's event by which it has paid what was not due."`
	Code      string `avro:"code" doc:"The account's, such as reference-unknown."`
	Message   string `avro:"message" doc:"Says it to a person; at most 500 characters."`
}

func (OrderPlaced) isEvent()           {}
func (PaymentProcessed) isEvent()      {}
func (PaymentDeclined) isEvent()       {}
func (ParcelHandedOver) isEvent()      {}
func (OrderShipped) isEvent()          {}
func (OrderDelivered) isEvent()        {}
func (OrderCancelled) isEvent()        {}
func (RefundRequested) isEvent()       {}
func (PaymentRefunded) isEvent()       {}
func (RefundDeclined) isEvent()        {}
func (SurplusReceived) isEvent()       {}
func (SurplusRefunded) isEvent()       {}
func (SurplusRefundDeclined) isEvent() {}
