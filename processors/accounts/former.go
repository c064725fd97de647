package accounts

import "refold/processors"

// The versions of messages and rows that were released and are not written any more. Topics have them for
// ever. A version is a struct with its fields as they were; never change one. The oldest comes first.
type (
	// freezeAccount1 and accountFrozen1 had a text for a reason, until programs had to act on reasons, too.
	// Version 3 has more kinds of reasons than version 2. Avro reads version 2 by itself.
	freezeAccount1 struct {
		Reason string `avro:"reason"`
	}
	accountFrozen1 struct {
		Reason string `avro:"reason"`
	}
	// account1 did not say why an account is frozen. A refold from its events finds a text, which is a reason
	// of the kind OTHER; so does a row.
	account1 struct {
		Status   Status   `avro:"status"`
		Owner    string   `avro:"owner"`
		Currency string   `avro:"currency"`
		Balance  int64    `avro:"balance"`
		Charges  []Charge `avro:"charges"`
	}
)

var (
	formerCommands = []processors.Former{
		processors.Upcast("FreezeAccount", func(c freezeAccount1) FreezeAccount {
			return FreezeAccount{Reason: otherReason(c.Reason)}
		}),
	}
	formerEvents = []processors.Former{
		processors.Upcast("AccountFrozen", func(e accountFrozen1) AccountFrozen {
			return AccountFrozen{Reason: otherReason(e.Reason)}
		}),
	}
	formerStates = []processors.Former{
		processors.UpcastState(1, func(a account1) Account {
			today := Account{
				Status: a.Status, Owner: a.Owner, Currency: a.Currency, Balance: a.Balance,
				Charges: a.Charges,
			}
			if a.Status == StatusFrozen {
				today.FrozenFor = string(ReasonOther)
			}
			return today
		}),
	}
)

func otherReason(text string) Reason { return Reason{Kind: ReasonOther, Text: text} }
