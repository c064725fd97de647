package shop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"refold/eventsourcing"
	"refold/load"
	"refold/processors/accounts"
	"refold/processors/orders"
)

// shop decides as the real system does, in memory and one command after another. A payment is
// settled when somebody waits for it.
type shop struct {
	t        *testing.T
	mu       sync.Mutex
	accounts map[string]row[accounts.Account]
	orders   map[string]row[orders.Order]
	told     map[string]load.Answer
}

type row[S any] struct {
	state    S
	sequence int64
}

func newShop(t *testing.T) *shop {
	t.Helper()
	return &shop{
		t: t, accounts: map[string]row[accounts.Account]{}, orders: map[string]row[orders.Order]{},
		told: map[string]load.Answer{},
	}
}

// decide lets a command happen in the table.
func decide[S, C, E any](
	table map[string]row[S], d eventsourcing.Decider[S, C, E], id string, expected *int64, command C,
) load.Answer {
	r := table[id]
	if expected != nil && *expected != r.sequence {
		return load.Answer{Outcome: load.Rejected, Code: eventsourcing.CodeSequenceMismatch, Attempts: 1}
	}
	events, err := d.Decide(eventsourcing.Context{}, r.state, command)
	var rejected *eventsourcing.Rejection
	if errors.As(err, &rejected) {
		return load.Answer{Outcome: load.Rejected, Code: rejected.Code, Attempts: 1}
	}
	first := r.sequence + 1
	for _, event := range events {
		r.state = d.Evolve(r.state, eventsourcing.Recorded[E]{Event: event})
		r.sequence++
	}
	table[id] = r
	return load.Answer{Outcome: load.Accepted, FirstSequence: first, LastSequence: r.sequence, Attempts: 1}
}

// commandTypes are what customers send.
var commandTypes = map[string]any{
	"OpenAccount":     accounts.OpenAccount{},
	"DepositMoney":    accounts.DepositMoney{},
	"WithdrawMoney":   accounts.WithdrawMoney{},
	"FreezeAccount":   accounts.FreezeAccount{},
	"UnfreezeAccount": accounts.UnfreezeAccount{},
	"CloseAccount":    accounts.CloseAccount{},
	"PlaceOrder":      orders.PlaceOrder{},
	"ShipOrder":       orders.ShipOrder{},
	"DeliverOrder":    orders.DeliverOrder{},
	"CancelOrder":     orders.CancelOrder{},
}

// decoded is the data of a command as the domain has it.
func decoded(c load.Command) (any, error) {
	example, known := commandTypes[c.Type]
	if !known {
		return nil, fmt.Errorf("%w: no command %s", load.ErrRefused, c.Type)
	}
	pointer := reflect.New(reflect.TypeOf(example))
	decoder := json.NewDecoder(bytes.NewReader(c.Data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(pointer.Interface()); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", load.ErrRefused, c.Data, err)
	}
	return pointer.Elem().Interface(), nil
}

func (s *shop) Send(_ context.Context, c load.Command) (load.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if told, again := s.told[c.ID]; again {
		return told, nil
	}
	data, err := decoded(c)
	if err != nil {
		return load.Answer{Outcome: load.Refused}, err
	}
	var answer load.Answer
	switch command := data.(type) {
	case accounts.Command:
		answer = decide(s.accounts, accounts.Decider, c.Subject, c.Expected, command)
	case orders.Command:
		answer = decide(s.orders, orders.Decider, c.Subject, c.Expected, command)
	}
	s.told[c.ID] = answer
	return answer, nil
}

func (s *shop) Wait(_ context.Context, of load.Subject, until func(load.State) bool) (load.State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(of.ID)
	r := s.orders[of.ID]
	state := stateOf(string(r.state.Status), string(r.state.Payment), r.sequence)
	if !until(state) {
		return state, errors.New("it never will be")
	}
	return state, nil
}

// stateOf is an order as a worker shows it.
func stateOf(status, payment string, sequence int64) load.State {
	return load.State{
		Sequence: sequence, JSON: fmt.Appendf(nil, `{"status": %q, "payment": %q}`, status, payment),
	}
}

func (s *shop) Watch(load.Subject) {}

func (s *shop) Forget(load.Subject) {}

// settle does what the payment process does.
func (s *shop) settle(id string) {
	do := func(account accounts.Command, well, badly func(code string) orders.Command) {
		o := s.orders[id].state
		a := decide(s.accounts, accounts.Decider, o.AccountID, nil, account)
		answer := well
		if a.Outcome != load.Accepted {
			answer = badly
		}
		if told := decide(s.orders, orders.Decider, id, nil, answer(a.Code)); told.Outcome != load.Accepted {
			s.t.Errorf("the order %s doesn't take its payment: %+v", id, told)
		}
	}
	o := s.orders[id].state
	if o.Payment == "pending" {
		do(accounts.ChargeAccount{Amount: o.Total, Currency: o.Currency, Reference: id},
			func(string) orders.Command { return orders.RecordPayment{PaymentID: "p"} },
			func(code string) orders.Command { return orders.RecordPaymentDeclined{Code: code} })
	}
	o = s.orders[id].state
	if o.Payment == "refund-pending" {
		do(accounts.RefundAccount{Amount: o.Total, Currency: o.Currency, Reference: id},
			func(string) orders.Command { return orders.RecordRefund{RefundID: "r"} },
			func(code string) orders.Command { return orders.RecordRefundDeclined{Code: code} })
	}
}

func drive(t *testing.T, system load.System, concurrency int) load.Summary {
	t.Helper()
	taste := tastes(3, 50)
	taste.Delay, taste.Orders = 0, 2000
	d := load.NewDriver(load.Options{
		Traffic: NewCustomers(taste), System: system, Concurrency: concurrency, PerLane: 4,
		Patience: time.Minute, OpenStories: 100, Stories: "orders",
	})
	if err := d.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d.Tally().Summary()
}

// Every order comes to its end, most to the customer's joy, and each end happens.
func TestOrdersAreDrivenToTheirEnd(t *testing.T) {
	s := drive(t, newShop(t), 16)
	ends := 0
	for _, want := range []struct {
		state       string
		least, most int
	}{
		{"delivered", 1200, 1700},
		{"cancelled, refunded", 200, 500},
		{"cancelled, declined", 1, 60},
		{"cancelled, refund-declined", 0, 60}, // an account remembers so many charges
		{"declined", 60, 300},
		{"rejected", 5, 60},
	} {
		if n := s.Stories[want.state]; n < want.least || n > want.most {
			t.Errorf("%d orders are %s, want %d to %d", n, want.state, want.least, want.most)
		}
		ends += s.Stories[want.state]
	}
	if ends != 2000 || s.Failed != 0 || s.Unknown != 0 {
		t.Errorf("%+v", s.Counts)
	}
	for _, code := range []string{
		"payment-pending", "order-not-shipped", "order-already-shipped", "order-cancelled",
		"sequence-mismatch", "currency-mismatch", "currency-mixed", "lines-missing",
		"insufficient-funds", "account-frozen", "balance-not-zero", "amount-not-positive",
	} {
		if s.Codes[code] == 0 {
			t.Errorf("nothing was rejected with %s: %v", code, s.Codes)
		}
	}
	if share := float64(s.Rejected) / float64(s.Commands); share > .15 {
		t.Errorf("%.2f of all is rejected", share)
	}
}

// As long as the answers are the same, the same seed sends the same, whatever comes first.
func TestTheSameSeedTellsTheSameStory(t *testing.T) {
	first := newShop(t)
	drive(t, first, 16)
	second := &retold{shop: first, asked: map[string]bool{}}
	if s := drive(t, second, 3); s.Failed > 0 {
		t.Errorf("what was never sent before: %v", s.Failures)
	}
	if len(second.asked) != len(first.told) {
		t.Errorf("%d commands, then %d", len(first.told), len(second.asked))
	}
}

// retold is a shop that answers to a second load what it answered to the first.
type retold struct {
	*shop
	asked map[string]bool
}

func (s *retold) Send(_ context.Context, c load.Command) (load.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[c.ID] = true
	told, known := s.told[c.ID]
	if !known {
		return load.Answer{Outcome: load.Refused}, load.ErrRefused
	}
	return told, nil
}

// A payment that never comes is a failure, not a run that never ends.
func TestAStuckOrderIsAFailure(t *testing.T) {
	s := newShop(t)
	summary := drive(t, stuck{s}, 16)
	const want = `is stuck at sequence 1: {"status": "placed"`
	if summary.Failed == 0 || !strings.Contains(summary.Failures[0], want) {
		t.Errorf("%+v", summary.Counts)
	}
}

// stuck is a shop whose payments never come.
type stuck struct{ *shop }

func (s stuck) Wait(context.Context, load.Subject, func(load.State) bool) (load.State, error) {
	return stateOf("placed", "pending", 1), context.DeadlineExceeded
}
