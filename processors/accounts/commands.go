package accounts

// Command is a wish. The types below are all there are; each is a struct value.
//
//sumtype:decl
type Command interface{ isCommand() }

// OpenAccount opens an account that was never opened before.
type OpenAccount struct {
	Owner    string `avro:"owner" doc:"Whose account it is: 1 to 200 characters."`
	Currency string `avro:"currency" doc:"The account's for good: an active ISO 4217 code, such as EUR."`
}

// DepositMoney pays money in.
type DepositMoney struct {
	Amount   int64  `avro:"amount" doc:"In minor units (cents), at least 1."`
	Currency string `avro:"currency" doc:"The account's ISO 4217 code, such as EUR."`
}

// WithdrawMoney pays money out.
type WithdrawMoney struct {
	Amount   int64  `avro:"amount" doc:"In minor units (cents), at least 1, at most the balance."`
	Currency string `avro:"currency" doc:"The account's ISO 4217 code, such as EUR."`
}

// ChargeAccount takes money for something that RefundAccount can give it back for. A reference is
// charged once: a second charge for it is refused, also when the first was refunded.
type ChargeAccount struct {
	Amount    int64  `avro:"amount" doc:"In minor units (cents), at least 1, at most the balance."`
	Currency  string `avro:"currency" doc:"The account's ISO 4217 code, such as EUR."`
	Reference string `avro:"reference" doc:"What is paid for, such as an order's ID: 1 to 128 characters. Charges for the same reference add up."`
}

// RefundAccount gives back what ChargeAccount took for a reference, all or a part of it.
type RefundAccount struct {
	Amount    int64  `avro:"amount" doc:"In minor units (cents), at least 1, at most what is left to refund for the reference."`
	Currency  string `avro:"currency" doc:"The account's ISO 4217 code, such as EUR."`
	Reference string `avro:"reference" doc:"That of the charge."`
}

// FreezeAccount stops money from going out.
type FreezeAccount struct {
	Reason Reason `avro:"reason" json:"reason" doc:"Why."`
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
