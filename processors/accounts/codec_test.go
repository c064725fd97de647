package accounts_test

import (
	"strings"
	"testing"

	"refold/eventsourcing"
	"refold/processors/accounts"
	"refold/processors/foldtest"
)

var ring = eventsourcing.Recent{}.
	Add("k", eventsourcing.Entry{FirstSequence: 7, LastSequence: 7}, 16)

// values are one value of each type of commands and events.
var values = []any{
	accounts.OpenAccount{Owner: "Zoë", Currency: "EUR"},
	accounts.DepositMoney{Amount: 1, Currency: "EUR"},
	accounts.WithdrawMoney{Amount: 1<<63 - 1, Currency: "JPY"},
	accounts.ChargeAccount{Amount: 5, Currency: "EUR", Reference: "order-1"},
	accounts.RefundAccount{Amount: 5, Currency: "EUR", Reference: "order-1"},
	accounts.FreezeAccount{Reason: other("court order")},
	accounts.UnfreezeAccount{},
	accounts.CloseAccount{},
	accounts.AccountOpened{Owner: "Zoë", Currency: "EUR"},
	accounts.MoneyDeposited{Amount: 1, Currency: "EUR"},
	accounts.MoneyWithdrawn{Amount: 1, Currency: "EUR"},
	accounts.AccountCharged{Amount: 5, Currency: "EUR", Reference: "order-1"},
	accounts.AccountRefunded{Amount: 5, Currency: "EUR", Reference: "order-1"},
	accounts.AccountFrozen{Reason: other("court order")},
	accounts.AccountUnfrozen{},
	accounts.AccountClosed{},
}

// Every value goes through the set of its topic and comes back, and two independent libraries agree on every
// schema (decision 2).
func TestCodecsKnowEveryType(t *testing.T) {
	foldtest.KnowsEveryType(t, accounts.Definition, values...)
}

// Also a row at sequence 0, which is there for its ring alone.
func TestRowIsItsSnapshot(t *testing.T) {
	foldtest.KeepsRows(t, accounts.Definition,
		eventsourcing.Snapshot[accounts.Account]{
			State: accounts.Account{
				Status: accounts.StatusOpen, Owner: "Zoë", Currency: "EUR", Balance: 3,
				Charges:   []accounts.Charge{{Reference: "order-1", Refundable: 5}},
				FrozenFor: "STOLEN",
			},
			Sequence: 7, Recent: ring,
		},
		eventsourcing.Snapshot[accounts.Account]{
			Recent: eventsourcing.Recent{}.Add("k", eventsourcing.Entry{Code: "account-closed"}, 16),
		})
}

func BenchmarkRow(b *testing.B) {
	table := foldtest.Open(b, accounts.Definition).Table
	snapshot := eventsourcing.Snapshot[accounts.Account]{
		State: accounts.Account{
			Status: accounts.StatusOpen, Owner: "Zoë", Currency: "EUR", Balance: 3,
		},
	}
	for i := range int64(16) {
		snapshot.Recent = snapshot.Recent.Add(strings.Repeat("k", int(i+1)),
			eventsourcing.Entry{FirstSequence: i + 1, LastSequence: i + 1}, 16)
	}
	encoded, err := table.Encode(snapshot)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := table.Encode(snapshot); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := table.Decode(encoded); err != nil {
				b.Fatal(err)
			}
		}
	})
}
