//go:build system

package main

import (
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/bench"
	"refold/codecs"
	"refold/eventsourcing"
	"refold/kafka"
	"refold/processors"
	"refold/processors/accounts"
	"refold/processors/orders"
)

// payers are the accounts that pay for orders.
const payers = 10_000

// orderSubject are orders that accounts pay for. An order's result is that of the payment's record.
type orderSubject struct {
	orders, accounts *processors.OpenAggregate
	order, account   processors.Topics
}

func newOrders(o, a *processors.OpenAggregate, prefix string) bench.Subject {
	return orderSubject{o, a, o.Topics(prefix), a.Topics(prefix)}
}

// Results is the results topic of orders.
func (s orderSubject) Results() string { return s.order.Results }

// Command places the i-th order.
func (s orderSubject) Command(i int) (*kgo.Record, error) {
	return command(s.orders, s.order.Commands, "order-"+strconv.Itoa(i), "place-"+strconv.Itoa(i),
		orders.PlaceOrder{
			AccountID: payer(i % payers), Currency: "EUR",
			Lines: []orders.Line{{SKU: "tea-500g", Quantity: 2, UnitPrice: 150, Currency: "EUR"}},
		})
}

// Before opens the accounts, and puts money in.
func (s orderSubject) Before() iter.Seq2[*kgo.Record, error] {
	return func(yield func(*kgo.Record, error) bool) {
		for k := range payers {
			for n, c := range []accounts.Command{
				accounts.OpenAccount{Owner: "Bench", Currency: "EUR"},
				accounts.DepositMoney{Amount: 1e12, Currency: "EUR"},
			} {
				id := fmt.Sprintf("fund-%d-%d", k, n)
				if !yield(command(s.accounts, s.account.Commands, payer(k), id, c)) {
					return
				}
			}
		}
	}
}

// Index returns the order of a result of a command that the payment process has sent: its ID has a slash.
func (s orderSubject) Index(result *kgo.Record) (int, bool) {
	cause := string(kafka.Header(result.Headers, codecs.HeaderCausationID))
	number, is := strings.CutPrefix(string(result.Key), "order-")
	i, err := strconv.Atoi(number)
	return i, is && err == nil && strings.Contains(cause, "/")
}

func payer(k int) string { return "payer-" + strconv.Itoa(k) }

// command makes a command as a client does.
func command(a *processors.OpenAggregate, topic, key, id string, data any) (*kgo.Record, error) {
	return bench.Record(a.Commands, topic, data, eventsourcing.Metadata{
		ID: id, Source: "bench", Subject: key, Type: eventsourcing.TypeName(data), Time: time.Now(),
	})
}
