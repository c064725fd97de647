package readmodels

import (
	"refold/processors/accounts"
	"refold/projections"
)

// CardRow is what a front end shows of an account wherever it shows one.
type CardRow struct {
	AccountID string          `column:"account_id,key,subject" json:"accountId" doc:"The account's ID."`
	Owner     string          `column:"owner" json:"owner" doc:"Whose account it is."`
	Status    accounts.Status `column:"status" json:"status" enum:"open,frozen,closed" doc:"Where it is in its life."`
	Currency  string          `column:"currency" json:"currency" doc:"The account's ISO 4217 code."`
	Balance   int64           `column:"balance" json:"balance" doc:"In minor units (cents), never negative."`
	Available int64           `column:"available" json:"available" doc:"What can be paid out now: the balance; 0 while the account is frozen, and when it is closed."`
	Sequence  int64           `column:"sequence" json:"sequence" doc:"Of the account's last event."`
}

// Cards is the table of AccountCard: an entry for each account.
var Cards = projections.NewTable[CardRow]("account_card")

// AccountCard is for a cache: what a front end asks a thousand times a second.
var AccountCard = projections.Projection{
	Name: "account_card", Version: 1, Kind: projections.Cache,
	Tables:  projections.Tables{Cards.Table},
	Sources: []projections.Source{projections.FromStates(accounts.Definition, card)},
}

func card(s projections.State[accounts.Account]) []projections.Change {
	a := s.State
	row := CardRow{
		AccountID: s.Subject, Owner: a.Owner, Status: a.Status, Currency: a.Currency, Balance: a.Balance,
		Sequence: s.Sequence,
	}
	if a.Status == accounts.StatusOpen {
		row.Available = a.Balance
	}
	return []projections.Change{Cards.Put(row)}
}
