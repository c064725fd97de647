package accounts_test

import (
	"bytes"
	"fmt"
	"strconv"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/processors/accounts"
)

// lifetime is what happens to one of the accounts, and some of what does not.
var lifetime = []accounts.Command{
	accounts.OpenAccount{Owner: "Zoë", Currency: "EUR"},
	accounts.DepositMoney{Amount: 100, Currency: "EUR"},
	accounts.ChargeAccount{Amount: 5, Currency: "EUR", Reference: "order-1"},
	accounts.ChargeAccount{Amount: 5, Currency: "EUR", Reference: "order-1"}, // rejected
	accounts.ChargeAccount{Amount: 7, Currency: "EUR", Reference: "order-2"},
	accounts.RefundAccount{Amount: 5, Currency: "EUR", Reference: "order-1"},
	accounts.FreezeAccount{Reason: "court order"},
	accounts.WithdrawMoney{Amount: 1, Currency: "EUR"}, // rejected
	accounts.UnfreezeAccount{},
	accounts.WithdrawMoney{Amount: 93, Currency: "EUR"},
	accounts.CloseAccount{},
}

// G4, G7: after each command the fold of the events makes the very row that handling the commands has
// made, byte for byte.
func TestFoldMakesTheRowThatCommandsMake(t *testing.T) {
	c := newCodecs(t)
	fold := accounts.NewFold(c)
	var live eventsourcing.Snapshot[accounts.Account]
	var state any
	for i, command := range lifetime {
		envelope := eventsourcing.Envelope[accounts.Command]{
			Metadata: eventsourcing.Metadata{ID: fmt.Sprint("command ", i), Subject: "zoe"}, Data: command,
		}
		outcome, err := eventsourcing.Handle(accounts.Decider, 16, live, envelope)
		if err != nil {
			t.Fatal(err)
		}
		live = outcome.Snapshot
		for _, event := range outcome.Events {
			value, err := c.Events.Encode(event.Data)
			if err != nil {
				t.Fatal(err)
			}
			sequence := kgo.RecordHeader{
				Key: codecs.HeaderSequence, Value: strconv.AppendInt(nil, event.Sequence, 10),
			}
			decoded, err := fold.Decode(&kgo.Record{
				Key: []byte("zoe"), Value: value, Headers: []kgo.RecordHeader{sequence},
			})
			if err != nil {
				t.Fatal(err)
			}
			if state, err = fold.Apply(state, decoded); err != nil {
				t.Fatal(err)
			}
		}
		row, err := c.Table().Encode(live)
		if err != nil {
			t.Fatal(err)
		}
		folded, err := fold.Row(state, row)
		if err != nil {
			t.Fatal(err)
		}
		if equal, err := fold.Equal(state, row); !equal || err != nil || !bytes.Equal(row, folded) {
			t.Errorf("after %#v: equal %v, error %v, rows\n%x\n%x", command, equal, err, row, folded)
		}
	}
	if live.Sequence < 5 || fold.Version() != 1 {
		t.Errorf("sequence %d, fold version %d", live.Sequence, fold.Version())
	}
}
