package orders

// THESE TYPES ARE THE STORED FORMAT. Events are kept for ever: a name here is a record name in
// the schema registry, a field is a field of every event ever written. Change them only as their
// schemas' FULL_TRANSITIVE rule allows: add a field with a default, or remove one that has one.
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
	AccountID string `avro:"accountId"`
	Currency  string `avro:"currency"`
	Lines     []Line `avro:"lines"`
	// Total is in minor units, at least 1.
	Total int64 `avro:"total"`
}

// PaymentProcessed says that the account has paid the total.
type PaymentProcessed struct {
	AccountID string `avro:"accountId"`
	// PaymentID is the ID of the account's event.
	PaymentID string `avro:"paymentId"`
	Amount    int64  `avro:"amount"`
	Currency  string `avro:"currency"`
}

// PaymentDeclined says that the account has refused to pay.
type PaymentDeclined struct {
	Code    string `avro:"code"`
	Message string `avro:"message"`
}

// OrderShipped says that a carrier has the order.
type OrderShipped struct {
	Carrier        string `avro:"carrier"`
	TrackingNumber string `avro:"trackingNumber"`
}

// OrderDelivered says that the customer has the order.
type OrderDelivered struct{}

// OrderCancelled says that the order will not be shipped.
type OrderCancelled struct {
	Reason string `avro:"reason"`
}

// RefundRequested says that the account is owed what it has paid.
type RefundRequested struct {
	AccountID string `avro:"accountId"`
	Amount    int64  `avro:"amount"`
	Currency  string `avro:"currency"`
}

// PaymentRefunded says that the account has its money back.
type PaymentRefunded struct {
	AccountID string `avro:"accountId"`
	// RefundID is the ID of the account's event.
	RefundID string `avro:"refundId"`
	Amount   int64  `avro:"amount"`
	Currency string `avro:"currency"`
}

// RefundDeclined says that the account takes no refund: somebody has to pay it out in another way.
type RefundDeclined struct {
	Code    string `avro:"code"`
	Message string `avro:"message"`
}

// SurplusReceived says that the account has paid although no payment was due: it was charged again,
// or so late that the order has ended. It is owed that back.
type SurplusReceived struct {
	AccountID string `avro:"accountId"`
	// PaymentID is the ID of the account's event.
	PaymentID string `avro:"paymentId"`
	Amount    int64  `avro:"amount"`
	Currency  string `avro:"currency"`
}

// SurplusRefunded says that the account has a surplus back.
type SurplusRefunded struct {
	AccountID string `avro:"accountId"`
	// PaymentID is that of the surplus.
	PaymentID string `avro:"paymentId"`
	// RefundID is the ID of the account's event.
	RefundID string `avro:"refundId"`
	Amount   int64  `avro:"amount"`
	Currency string `avro:"currency"`
}

// SurplusRefundDeclined says that the account does not take a surplus back: somebody has to pay it
// out in another way.
type SurplusRefundDeclined struct {
	// PaymentID is that of the surplus.
	PaymentID string `avro:"paymentId"`
	Code      string `avro:"code"`
	Message   string `avro:"message"`
}

func (OrderPlaced) isEvent()           {}
func (PaymentProcessed) isEvent()      {}
func (PaymentDeclined) isEvent()       {}
func (OrderShipped) isEvent()          {}
func (OrderDelivered) isEvent()        {}
func (OrderCancelled) isEvent()        {}
func (RefundRequested) isEvent()       {}
func (PaymentRefunded) isEvent()       {}
func (RefundDeclined) isEvent()        {}
func (SurplusReceived) isEvent()       {}
func (SurplusRefunded) isEvent()       {}
func (SurplusRefundDeclined) isEvent() {}
