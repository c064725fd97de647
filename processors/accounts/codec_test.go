package accounts_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"refold/codecs"
	"refold/codecs/avrotest"
	"refold/eventsourcing"
	"refold/processors/accounts"
	"refold/processors/foldtest"
)

var ring = eventsourcing.Recent{}.
	Add("k", eventsourcing.Entry{FirstSequence: 7, LastSequence: 7}, 16)

// AccountRow is a row as the table's topic has it.
type AccountRow struct {
	accounts.Account `avro:",inline"`

	Sequence int64  `avro:"sequence"`
	Recent   []byte `avro:"recent"`
}

// values are one value of each record type, and the largest row.
var values = []any{
	accounts.OpenAccount{Owner: "Zoë", Currency: "EUR"},
	accounts.DepositMoney{Amount: 1, Currency: "EUR"},
	accounts.WithdrawMoney{Amount: 1<<63 - 1, Currency: "JPY"},
	accounts.ChargeAccount{Amount: 5, Currency: "EUR", Reference: "order-1"},
	accounts.RefundAccount{Amount: 5, Currency: "EUR", Reference: "order-1"},
	accounts.FreezeAccount{Reason: "court order"},
	accounts.UnfreezeAccount{},
	accounts.CloseAccount{},
	accounts.AccountOpened{Owner: "Zoë", Currency: "EUR"},
	accounts.MoneyDeposited{Amount: 1, Currency: "EUR"},
	accounts.MoneyWithdrawn{Amount: 1, Currency: "EUR"},
	accounts.AccountCharged{Amount: 5, Currency: "EUR", Reference: "order-1"},
	accounts.AccountRefunded{Amount: 5, Currency: "EUR", Reference: "order-1"},
	accounts.AccountFrozen{Reason: "court order"},
	accounts.AccountUnfrozen{},
	accounts.AccountClosed{},
	AccountRow{
		Account: accounts.Account{
			Status: accounts.StatusOpen, Owner: "Zoë", Currency: "EUR", Balance: 3,
			Charges: []accounts.Charge{{Reference: "order-1", Refundable: 5}},
		},
		Sequence: 7, Recent: ring.Bytes(),
	},
}

// Two independent libraries agree on every schema (decision 2).
func TestSchemasInTwoLibraries(t *testing.T) {
	opened := foldtest.Open(t, accounts.Definition)
	for _, value := range values {
		name := eventsourcing.TypeName(value)
		t.Run(name, func(t *testing.T) {
			avrotest.CrossCheck(t, opened.SchemaText(name), value)
			avrotest.CrossCheckSchema(t, opened.SchemaText(name))
		})
	}
}

// Every value goes through the set of its topic and comes back.
func TestCodecsKnowEveryType(t *testing.T) {
	c := foldtest.Open(t, accounts.Definition)
	known := map[string]*codecs.Set{}
	for _, set := range []*codecs.Set{c.Commands, c.Events, c.Rows} {
		for _, name := range set.Types() {
			known[name] = set
		}
	}
	for _, value := range values {
		if _, isRow := value.(AccountRow); isRow {
			delete(known, "AccountRow") // TestRowIsItsSnapshot has it
			continue
		}
		set := known[eventsourcing.TypeName(value)]
		if set == nil {
			t.Fatalf("%T is in no set", value)
		}
		b, err := set.Encode(value)
		if err != nil {
			t.Fatal(err)
		}
		got, err := set.Decode(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(value, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("(-sent +got):\n%s", diff)
		}
		delete(known, eventsourcing.TypeName(value))
	}
	if len(known) > 0 {
		t.Errorf("no value of these types was tried: %v", known)
	}
}

func TestRowIsItsSnapshot(t *testing.T) {
	table := foldtest.Open(t, accounts.Definition).Table
	want := eventsourcing.Snapshot[accounts.Account]{
		State: accounts.Account{
			Status: accounts.StatusOpen, Owner: "Zoë", Currency: "EUR", Balance: 3,
		},
		Sequence: 7,
		Recent:   eventsourcing.Recent{}.Add("k", eventsourcing.Entry{Code: "account-closed"}, 16),
	}
	b, err := table.Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	value, err := table.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	got, _ := value.(eventsourcing.Snapshot[accounts.Account])
	if diff := cmp.Diff(want.State, got.State, cmpopts.EquateEmpty()); diff != "" ||
		got.Sequence != 7 || !bytes.Equal(got.Recent.Bytes(), want.Recent.Bytes()) {
		t.Errorf("got %+v; (-want +got):\n%s", got, diff)
	}
	again, err := table.Encode(got)
	if err != nil || !bytes.Equal(again, b) { // G4: the same state is the same bytes
		t.Errorf("encoded again: %x, first: %x, %v", again, b, err)
	}
}

func TestRowOfSomethingElseIsRefused(t *testing.T) {
	c := foldtest.Open(t, accounts.Definition)
	if _, err := c.Table.Encode(accounts.Account{}); err == nil ||
		!strings.Contains(err.Error(), "snapshot") {
		t.Errorf("got %v", err)
	}
	other, err := c.Events.Encode(accounts.AccountClosed{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Table.Decode(other); err == nil {
		t.Error("an event was decoded as a row")
	}
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
