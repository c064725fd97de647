package accounts

// Command is a wish. The types below are all there are; each is a struct value.
//
//sumtype:decl
type Command interface{ isCommand() }

// OpenAccount opens an account that was never opened before.
type OpenAccount struct {
	// Owner names whose account it is: 1 to [MaxOwner] characters.
	Owner string `avro:"owner"`
	// Currency is the account's for good, an active ISO 4217 code such as "EUR".
	Currency string `avro:"currency"`
}

// DepositMoney pays money in.
type DepositMoney struct {
	// Amount is in minor units, at least 1.
	Amount int64 `avro:"amount"`
	// Currency must be the account's.
	Currency string `avro:"currency"`
}

// WithdrawMoney pays money out.
type WithdrawMoney struct {
	// Amount is in minor units, at least 1 and at most the balance.
	Amount int64 `avro:"amount"`
	// Currency must be the account's.
	Currency string `avro:"currency"`
}

// ChargeAccount takes money for something that RefundAccount can give it back for. A reference is
// charged once: a second charge for it is refused, also when the first was refunded.
type ChargeAccount struct {
	// Amount is in minor units, at least 1 and at most the balance.
	Amount int64 `avro:"amount"`
	// Currency must be the account's.
	Currency string `avro:"currency"`
	// Reference is what is paid for, such as an order's ID: 1 to [MaxReference] characters.
	Reference string `avro:"reference"`
}

// RefundAccount gives back what ChargeAccount took for a reference, all or a part of it.
type RefundAccount struct {
	// Amount is in minor units, at least 1 and at most what is left to refund.
	Amount int64 `avro:"amount"`
	// Currency must be the account's.
	Currency string `avro:"currency"`
	// Reference is that of the charge.
	Reference string `avro:"reference"`
}

// FreezeAccount stops money from going out.
type FreezeAccount struct {
	// Reason is for the record: 1 to [MaxReason] characters.
	Reason string `avro:"reason"`
}

// UnfreezeAccount lets money go out again.
type UnfreezeAccount struct{}

// CloseAccount ends an account whose balance is zero.
type CloseAccount struct{}

func (OpenAccount) isCommand()     {}
func (DepositMoney) isCommand()    {}
func (WithdrawMoney) isCommand()   {}
func (ChargeAccount) isCommand()   {}
func (RefundAccount) isCommand()   {}
func (FreezeAccount) isCommand()   {}
func (UnfreezeAccount) isCommand() {}
func (CloseAccount) isCommand()    {}
