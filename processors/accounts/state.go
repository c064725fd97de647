package accounts

import (
	"fmt"
	"slices"

	"refold/eventsourcing"
)

// Status is where an account is in its life. Its text is part of the table's rows.
type Status string

// An account's life.
const (
	StatusNone   Status = "" // never opened
	StatusOpen   Status = "open"
	StatusFrozen Status = "frozen"
	StatusClosed Status = "closed"
)

// MaxCharges is how many references an account remembers to have been charged. It is part of the
// fold: when it changes, tables must be refolded. 32 references as long as a UUID are some 1.3 KiB of a row
// that is written with every command.
const MaxCharges = 32

// Account is the state of one account. Its zero value is that of an account that was never
// opened. It is part of the table's rows and of the API, by the names in its tags.
type Account struct {
	Status   Status `avro:"status" json:"status" doc:"open, frozen or closed; empty if the account was never opened."`
	Owner    string `avro:"owner" json:"owner" doc:"Whose account it is."`
	Currency string `avro:"currency" json:"currency" doc:"The account's ISO 4217 code."`
	// Balance is in minor units, never negative.
	Balance int64 `avro:"balance" json:"balance" doc:"In minor units (cents), never negative."`
	// FrozenFor is a text, not an enum, so that a row keeps a kind that only a newer release knows.
	FrozenFor string `avro:"frozenFor" json:"frozenFor,omitempty" doc:"The kind of the reason why it is frozen, such as STOLEN; empty unless it is frozen."`
	// Charges are what was charged, the reference charged longest ago first; at most MaxCharges,
	// with no reference twice. Those that are refunded stay, so that none is charged again, but
	// are the first to be forgotten. The slice is shared with earlier states: it is copied
	// before it is changed.
	Charges []Charge `avro:"charges" json:"charges" nullable:"false" doc:"What was charged, the reference charged longest ago first."`
}

// Charge says that a reference was charged, and what is left to refund of it.
type Charge struct {
	Reference string `avro:"reference" json:"reference" doc:"What was paid for, such as an order's ID."`
	// Refundable is in minor units; 0 if all was refunded.
	Refundable int64 `avro:"refundable" json:"refundable" doc:"In minor units (cents); 0 if all was refunded."`
}

// evolve returns the account after an event. It refuses nothing: decide has.
func evolve(a Account, recorded eventsourcing.Recorded[Event]) Account {
	switch e := recorded.Event.(type) {
	case AccountOpened:
		a.Status, a.Owner, a.Currency = StatusOpen, e.Owner, e.Currency
	case MoneyDeposited:
		a.Balance += e.Amount
	case MoneyWithdrawn:
		a.Balance -= e.Amount
	case AccountCharged:
		a.Balance -= e.Amount
		a.Charges = charged(a.Charges, e.Reference, e.Amount)
	case AccountRefunded:
		a.Balance += e.Amount
		a.Charges = refunded(a.Charges, e.Reference, e.Amount)
	case AccountFrozen:
		a.Status, a.FrozenFor = StatusFrozen, string(e.Reason.Kind)
	case AccountUnfrozen:
		a.Status, a.FrozenFor = StatusOpen, ""
	case AccountClosed:
		// Nothing comes in any more, refunds included.
		a.Status, a.Charges = StatusClosed, nil
	default:
		// Passing over an event that this release does not know would make a wrong balance and
		// write it down. Whoever folds stops here.
		panic(fmt.Sprintf("accounts: no fold for a %T", e))
	}
	return a
}

// refundable returns what is left to refund for the reference; 0 if there is nothing.
func (a Account) refundable(reference string) int64 {
	if i := find(a.Charges, reference); i >= 0 {
		return a.Charges[i].Refundable
	}
	return 0
}

// find returns the index of the reference; -1 if the account doesn't remember it.
func find(charges []Charge, reference string) int {
	return slices.IndexFunc(charges, func(c Charge) bool { return c.Reference == reference })
}

// charged returns new charges with the reference as the latest, its older charge added: there is
// none since references are charged once, but events are for ever.
func charged(charges []Charge, reference string, amount int64) []Charge {
	drop := find(charges, reference)
	if drop >= 0 {
		amount += charges[drop].Refundable
	} else if len(charges) >= MaxCharges {
		drop = forgettable(charges)
	}
	kept := make([]Charge, 0, len(charges)+1)
	for i, c := range charges {
		if i != drop {
			kept = append(kept, c)
		}
	}
	return append(kept, Charge{Reference: reference, Refundable: amount})
}

// forgettable returns the index of the reference to forget: the oldest of those that are refunded,
// if there is one. A reference that isn't can still be cancelled.
func forgettable(charges []Charge) int {
	return max(0, slices.IndexFunc(charges, func(c Charge) bool { return c.Refundable == 0 }))
}

// refunded returns new charges with less to refund for the reference.
func refunded(charges []Charge, reference string, amount int64) []Charge {
	i := find(charges, reference)
	if i < 0 {
		return charges
	}
	charges = slices.Clone(charges)
	charges[i].Refundable -= min(amount, charges[i].Refundable)
	return charges
}

// AvroDoc documents the record inside the rows' schema.
func (Charge) AvroDoc() string {
	return "Says that a reference was charged, and what is left to refund of it."
}
