package bench

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/processors"
	"refold/processors/accounts"
	"refold/processors/foldtest"
	"refold/processors/orders"
)

func newTestPast(t *testing.T, definition processors.AggregateDefinition, keys, wrong int) *past {
	t.Helper()
	a, err := newAggregate(foldtest.Open(t, definition), "t-", keys)
	if err != nil {
		t.Fatal(err)
	}
	return newPast(a, "table", wrong)
}

// The rows are the fold of the events, but for as many as are to be wrong; keys come by turns.
func TestPast(t *testing.T) {
	const keys, events, wrong = 50, 170, 7
	for _, definition := range []processors.AggregateDefinition{accounts.Definition, orders.Definition} {
		events := events
		if definition.Named().Name == "order" {
			events = 2 * keys // its sample traffic has two of each key
		}
		p := newTestPast(t, definition, keys, wrong)
		states := map[string]any{}
		var order []string
		for record, err := range p.eventRecords(events) {
			if err != nil {
				t.Fatal(err)
			}
			if record.Topic != p.Topics("t-").Events {
				t.Fatal(record.Topic)
			}
			event, err := p.Fold.Decode(record)
			if err == nil {
				states[string(record.Key)], err = p.Fold.Apply(states[string(record.Key)], event)
			}
			if err != nil {
				t.Fatal(err)
			}
			order = append(order, string(record.Key))
		}
		if len(order) != events || len(states) != keys || slices.IsSorted(order[:keys]) {
			t.Errorf("%d events of %d %s", len(order), len(states), p.Plural)
		}
		lies, rows := 0, 0
		for record, err := range p.rowRecords() {
			if err != nil {
				t.Fatal(err)
			}
			rows++
			equal, err := p.Fold.Equal(states[string(record.Key)], record.Value)
			if err != nil {
				t.Fatal(err)
			}
			if !equal {
				lies++
			}
		}
		if rows != keys || lies != wrong {
			t.Errorf("%d rows of %s, %d of them wrong", rows, p.Plural, lies)
		}
	}
}

// A key whose traffic has ended ends the past with an error, not with a loop.
func TestPastEnds(t *testing.T) {
	var failed error
	for _, err := range newTestPast(t, orders.Definition, 3, 0).eventRecords(7) {
		failed = err
	}
	if failed == nil || !strings.Contains(failed.Error(), "no more events") {
		t.Errorf("got %v", failed)
	}
}

// The commands of an aggregate are its traffic, key by key, and their results are told from others.
func TestAggregate(t *testing.T) {
	a, err := newAggregate(foldtest.Open(t, accounts.Definition), "t-", 2)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range 4 {
		record, err := a.Command(i)
		if err != nil {
			t.Fatal(err)
		}
		again, err := a.Command(i)
		if err != nil || !bytes.Equal(again.Value, record.Value) || record.Topic != a.Topics("t-").Commands {
			t.Errorf("command %d is %+v, then %+v, %v", i, record, again, err)
		}
		name, _, err := a.Commands.ToJSON(t.Context(), record.Value)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(record.Key)+" "+name)
	}
	if want := []string{
		"account-0 OpenAccount", "account-1 OpenAccount", "account-0 DepositMoney", "account-1 DepositMoney",
	}; !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	for id, own := range map[string]bool{"command-17": true, "command-x": false, "17": false} {
		result := &kgo.Record{Headers: []kgo.RecordHeader{{Key: "ce_causationid", Value: []byte(id)}}}
		if i, is := a.Index(result); is != own || own && i != 17 {
			t.Errorf("%s: %d, %v", id, i, is)
		}
	}
}
