//go:build system

package main

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/bench"
	"refold/codecs"
	"refold/processors/accounts"
	"refold/processors/foldtest"
	"refold/processors/orders"
)

func newTestOrders(t *testing.T) bench.Subject {
	t.Helper()
	return newOrders(foldtest.Open(t, orders.Definition), foldtest.Open(t, accounts.Definition), "t-")
}

// An order is done when its payment is recorded; the result of its placing comes before.
func TestOrderIsDoneWhenItsPaymentIsRecorded(t *testing.T) {
	for name, c := range map[string]struct {
		key, cause string
		own        bool
	}{
		"payment recorded": {"order-7", "order-7/2/1", true},
		"order placed":     {"order-7", "place-7", false},
		"somebody else's":  {"other-7", "other-7/2/1", false},
	} {
		i, own := newTestOrders(t).Index(&kgo.Record{
			Key:     []byte(c.key),
			Headers: []kgo.RecordHeader{{Key: codecs.HeaderCausationID, Value: []byte(c.cause)}},
		})
		if own != c.own || own && i != 7 {
			t.Errorf("%s: order %d, %v", name, i, own)
		}
	}
}

func TestAccountsThatPayAreOpenedAndHaveMoney(t *testing.T) {
	subject := newTestOrders(t)
	prepared, is := subject.(bench.Prepared)
	if !is {
		t.Fatal("nothing comes before the orders")
	}
	funded := make(map[string]int)
	for record, err := range prepared.Before() {
		if err != nil {
			t.Fatal(err)
		}
		if record.Topic != "t-account-commands" {
			t.Fatalf("a command to %s", record.Topic)
		}
		funded[string(record.Key)]++
	}
	if len(funded) != payers || funded[payer(0)] != 2 || funded[payer(payers-1)] != 2 {
		t.Errorf("commands to %d accounts, %d to the first", len(funded), funded[payer(0)])
	}
	order, err := subject.Command(0)
	if err != nil {
		t.Fatal(err)
	}
	if order.Topic != "t-order-commands" || string(order.Key) != "order-0" {
		t.Errorf("an order's command to %s, %s", order.Topic, order.Key)
	}
}
