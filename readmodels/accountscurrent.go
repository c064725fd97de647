package readmodels

import (
	"strings"

	"refold/processors/accounts"
	"refold/projections"
)

// AccountRow is an account as it is now.
type AccountRow struct {
	AccountID string          `column:"account_id,key,subject" json:"accountId" doc:"The account's ID."`
	Status    accounts.Status `column:"status" json:"status" enum:"open,frozen,closed" doc:"Where it is in its life."`
	Owner     string          `column:"owner" json:"owner" doc:"Whose account it is."`
	// OwnerFolded is Owner as OwnerKey makes it: owners are found by it.
	OwnerFolded string `column:"owner_folded" json:"-"`
	Currency    string `column:"currency" json:"currency" doc:"The account's ISO 4217 code."`
	Balance     int64  `column:"balance" json:"balance" doc:"In minor units (cents), never negative."`
	FrozenFor   string `column:"frozen_for" json:"frozenFor,omitempty" doc:"Why it is frozen, such as STOLEN."`
	Sequence    int64  `column:"sequence" json:"sequence" doc:"Of the account's last event."`
}

// Accounts is the table of AccountsCurrent: a row for each account.
var Accounts = projections.NewTable[AccountRow]("accounts_current")

// AccountsCurrent has every account as it is.
var AccountsCurrent = projections.Projection{
	Name: "accounts_current", Version: 1,
	Tables:     projections.Tables{Accounts.Table},
	Sources:    []projections.Source{projections.FromStates(accounts.Definition, currentAccount)},
	Migrations: migrationsOf("accounts_current"),
}

func currentAccount(s projections.State[accounts.Account]) []projections.Change {
	a := s.State
	return []projections.Change{Accounts.Put(AccountRow{
		AccountID: s.Subject, Status: a.Status, Owner: a.Owner, OwnerFolded: OwnerKey(a.Owner),
		Currency: a.Currency, Balance: a.Balance, FrozenFor: a.FrozenFor, Sequence: s.Sequence,
	})}
}

// OwnerKey returns what owners are found by: the name in lower case, with single spaces.
func OwnerKey(owner string) string { return strings.ToLower(strings.Join(strings.Fields(owner), " ")) }
