package accounts

// THESE TYPES ARE THE STORED FORMAT. Events are kept for ever: a name here is a record name in
// the schema registry, a field is a field of every event ever written. What the level FULL_TRANSITIVE
// allows is safe: add a field with a default, or remove one that has one. Any other change needs the
// struct as it was in former.go, a function from it to today's, and the level BACKWARD_TRANSITIVE in
// processors/schemas/compatibility.yaml. "make schemas" finds a change that was forgotten; see
// docs/changing-events.md.
//
// An event says what happened and nothing that follows from it. So there is no balance in it: the
// balance is a fold, and if the fold was wrong once, a refold mends every balance, while one that
// is written down would stay wrong. There is a currency beside each amount, although the account
// has only one: whoever reads a single event must be able to tell how much it was.

// Event is a fact. The types below are all there are; each is a struct value.
//
//sumtype:decl
type Event interface{ isEvent() }

// AccountOpened says that there is an account from now on.
type AccountOpened struct {
	Owner    string `avro:"owner" doc:"Whose account it is."`
	Currency string `avro:"currency" doc:"The account's for good: an ISO 4217 code."`
}

// MoneyDeposited says that money was paid in.
type MoneyDeposited struct {
	Amount   int64  `avro:"amount" doc:"In minor units (cents), at least 1."`
	Currency string `avro:"currency" doc:"The account's ISO 4217 code, such as EUR."`
}

// MoneyWithdrawn says that money was paid out.
type MoneyWithdrawn struct {
	Amount   int64  `avro:"amount" doc:"In minor units (cents), at least 1."`
	Currency string `avro:"currency" doc:"The account's ISO 4217 code, such as EUR."`
}

// AccountCharged says that money was taken for what the reference names.
type AccountCharged struct {
	Amount    int64  `avro:"amount" doc:"In minor units (cents), at least 1."`
	Currency  string `avro:"currency" doc:"The account's ISO 4217 code, such as EUR."`
	Reference string `avro:"reference" doc:"What was paid for, such as an order's ID."`
}

// AccountRefunded says that money taken for the reference was given back.
type AccountRefunded struct {
	Amount    int64  `avro:"amount" doc:"In minor units (cents), at least 1."`
	Currency  string `avro:"currency" doc:"The account's ISO 4217 code, such as EUR."`
	Reference string `avro:"reference" doc:"That of the charge."`
}

// AccountFrozen says that no money goes out from now on.
type AccountFrozen struct {
	Reason Reason `avro:"reason" doc:"Why."`
}

// AccountUnfrozen says that money can go out again.
type AccountUnfrozen struct{}

// AccountClosed says that the account has ended.
type AccountClosed struct{}

func (AccountOpened) isEvent()   {}
func (MoneyDeposited) isEvent()  {}
func (MoneyWithdrawn) isEvent()  {}
func (AccountCharged) isEvent()  {}
func (AccountRefunded) isEvent() {}
func (AccountFrozen) isEvent()   {}
func (AccountUnfrozen) isEvent() {}
func (AccountClosed) isEvent()   {}
