package orders_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"refold/eventsourcing"
	"refold/processors/accounts"
	"refold/processors/orders"
)

// shop is the two aggregates and the process between them, without Kafka: each key of each topic
// is a queue, and any queue may be served next, as partitions and workers are.
type shop struct {
	accounts map[string]eventsourcing.Snapshot[accounts.Account]
	orders   map[string]eventsourcing.Snapshot[orders.Order]
	queues   map[string][]func(*shop) // by topic and key
	results  map[string]eventsourcing.Result
	spoken   int64            // what deposits and withdrawals make
	taken    map[string]int64 // by reference: charged less refunded
	// twice makes the process's inputs come twice: somebody has reset its group.
	twice bool
	// inputs are all that the process has handled, in its order: they can come again.
	inputs []input
	// What a twin may lack.
	account     eventsourcing.Decider[accounts.Account, accounts.Command, accounts.Event]
	order       decider
	accountRing int
	orderRing   int
	idOf        func(id string) string // of a command to an order
}

type input struct {
	key    string
	handle func(*shop)
}

func newShop() *shop {
	return &shop{
		accounts: map[string]eventsourcing.Snapshot[accounts.Account]{},
		orders:   map[string]eventsourcing.Snapshot[orders.Order]{},
		queues:   map[string][]func(*shop){},
		results:  map[string]eventsourcing.Result{},
		taken:    map[string]int64{},
		account:  accounts.Decider, order: orders.Decider,
		accountRing: ringSize, orderRing: ringSize,
		idOf: func(id string) string { return id },
	}
}

const ringSize = 16

func (s *shop) put(topic, key string, handle func(*shop)) {
	s.queues[topic+" "+key] = append(s.queues[topic+" "+key], handle)
}

func (s *shop) toAccount(m eventsourcing.Metadata, c accounts.Command) {
	s.put("account-commands", m.Subject, func(s *shop) {
		out, err := eventsourcing.Handle(s.account, s.accountRing, s.accounts[m.Subject],
			eventsourcing.Envelope[accounts.Command]{Metadata: m, Data: c})
		if err != nil {
			panic(err)
		}
		s.accounts[m.Subject] = out.Snapshot
		for _, event := range out.Events {
			switch e := event.Data.(type) {
			case accounts.MoneyDeposited:
				s.spoken += e.Amount
			case accounts.MoneyWithdrawn:
				s.spoken -= e.Amount
			case accounts.AccountCharged:
				s.taken[e.Reference] += e.Amount
			case accounts.AccountRefunded:
				s.taken[e.Reference] -= e.Amount
			default:
			}
		}
		s.result(&m, out.Result)
	})
}

func (s *shop) toOrder(m eventsourcing.Metadata, c orders.Command) {
	s.put("order-commands", m.Subject, func(s *shop) {
		out, err := eventsourcing.Handle(s.order, s.orderRing, s.orders[m.Subject],
			eventsourcing.Envelope[orders.Command]{Metadata: m, Data: c})
		if err != nil {
			panic(err)
		}
		s.orders[m.Subject] = out.Snapshot
		if _, again := s.results[m.ID]; !again {
			s.results[m.ID] = out.Result
		}
		for _, event := range out.Events {
			s.react(m.Subject, func() []eventsourcing.Sent { return orders.Payments.Reaction().On(event) })
		}
	})
}

// result goes to the process, as the record of the accounts' results topic does.
func (s *shop) result(command *eventsourcing.Metadata, result eventsourcing.Result) {
	if _, again := s.results[command.ID]; !again {
		s.results[command.ID] = result
	}
	m := eventsourcing.Metadata{
		ID: eventsourcing.ResultID(command.ID), Subject: command.Subject,
		CorrelationID: command.CorrelationID, CausationID: command.ID,
	}
	s.react(command.Subject, func() []eventsourcing.Sent {
		return orders.Payments.Reaction().OnResult(&m, result)
	})
}

func (s *shop) react(key string, sent func() []eventsourcing.Sent) {
	times := 1
	if s.twice {
		times = 2
	}
	in := input{key, func(s *shop) {
		for _, c := range sent() {
			switch data := c.Data.(type) {
			case accounts.Command:
				s.toAccount(c.Metadata, data)
			case orders.Command:
				c.ID = s.idOf(c.ID)
				s.toOrder(c.Metadata, data)
			default:
				panic(fmt.Sprintf("%T to nobody", data))
			}
		}
	}}
	s.put("inputs of the process", key, func(s *shop) {
		s.inputs = append(s.inputs, in)
		in.handle(s)
	})
	for range times - 1 {
		s.put("inputs of the process", key, in.handle)
	}
}

// step serves one of the queues that have something, and reports whether one had.
func (s *shop) step(pick func(queues []string) string) bool {
	names := slices.Sorted(maps.Keys(s.queues))
	if len(names) == 0 {
		return false
	}
	name := pick(names)
	handle := s.queues[name][0]
	if s.queues[name] = s.queues[name][1:]; len(s.queues[name]) == 0 {
		delete(s.queues, name)
	}
	handle(s)
	return true
}

// run serves queues in the order of their names until nothing is left.
func (s *shop) run() {
	for s.step(func(names []string) string { return names[0] }) {
	}
}

func command(id, to string) eventsourcing.Metadata {
	return eventsourcing.Metadata{ID: id, Subject: to}
}

func tea(quantity, price int64) orders.PlaceOrder {
	return orders.PlaceOrder{AccountID: "alice", Currency: "EUR", Lines: []orders.Line{
		{SKU: "tea", Quantity: quantity, UnitPrice: price, Currency: "EUR"},
	}}
}

func (s *shop) open(balance int64) {
	s.toAccount(command("open", "alice"), accounts.OpenAccount{Owner: "Alice", Currency: "EUR"})
	if balance > 0 {
		s.toAccount(command("fund", "alice"),
			accounts.DepositMoney{Amount: balance, Currency: "EUR"})
	}
	s.run()
}

func (s *shop) want(t *testing.T, status orders.Status, payment orders.Payment, balance int64) {
	t.Helper()
	o, a := s.orders["o-1"].State, s.accounts["alice"].State
	if o.Status != status || o.Payment != payment || a.Balance != balance {
		t.Fatalf("order %s, payment %s, balance %d; want %s, %s, %d",
			o.Status, o.Payment, a.Balance, status, payment, balance)
	}
}

func TestPaymentOfAnOrder(t *testing.T) {
	s := newShop()
	s.open(10_000)
	s.toOrder(command("place", "o-1"), tea(2, 1250))
	s.run()
	s.want(t, orders.StatusPlaced, orders.PaymentPaid, 7500)
	if got := s.orders["o-1"].State.PaymentID; got != "alice/3" {
		t.Errorf("the payment is %q", got)
	}
	s.toOrder(command("cancel", "o-1"), orders.CancelOrder{Reason: "too late"})
	s.run()
	s.want(t, orders.StatusCancelled, orders.PaymentBack, 10_000)
	if got := s.orders["o-1"].State.RefundID; got != "alice/4" {
		t.Errorf("the refund is %q", got)
	}
}

// What an account refuses with is the order's code.
func TestPaymentIsDeclined(t *testing.T) {
	alice := func(s *shop, c accounts.Command) { s.toAccount(command("before", "alice"), c); s.run() }
	for code, before := range map[string]func(*shop){
		accounts.CodeAccountNotOpen:    func(*shop) {},
		accounts.CodeInsufficientFunds: func(s *shop) { s.open(2499) },
		accounts.CodeAccountFrozen: func(s *shop) {
			s.open(2500)
			alice(s, accounts.FreezeAccount{Reason: closerLook})
		},
		accounts.CodeAccountClosed: func(s *shop) { s.open(0); alice(s, accounts.CloseAccount{}) },
		accounts.CodeCurrencyMismatch: func(s *shop) {
			alice(s, accounts.OpenAccount{Owner: "Alice", Currency: "USD"})
		},
	} {
		t.Run(code, func(t *testing.T) {
			s := newShop()
			before(s)
			s.toOrder(command("place", "o-1"), tea(2, 1250))
			s.run()
			s.want(t, orders.StatusDeclined, orders.PaymentNotMade, s.accounts["alice"].State.Balance)
			if got := s.orders["o-1"].State.Code; got != code {
				t.Errorf("the code is %q", got)
			}
		})
	}
}

// A refund that the account can't take leaves the order's money where somebody sees it.
func TestRefundIsDeclined(t *testing.T) {
	s := newShop()
	s.open(2500)
	s.toOrder(command("place", "o-1"), tea(2, 1250))
	s.run()
	s.toAccount(command("close", "alice"), accounts.CloseAccount{})
	s.toOrder(command("cancel", "o-1"), orders.CancelOrder{Reason: "moved away"})
	s.run()
	s.want(t, orders.StatusCancelled, orders.PaymentRefundDeclined, 0)
}

// Cancelling while the payment is under way is settled, whichever comes first.
func TestCancelWhileThePaymentIsUnderWay(t *testing.T) {
	for balance, want := range map[int64]orders.Payment{
		10_000: orders.PaymentBack, 10: orders.PaymentNotMade,
	} {
		s := newShop()
		s.open(balance)
		s.toOrder(command("place", "o-1"), tea(2, 1250))
		s.toOrder(command("cancel", "o-1"), orders.CancelOrder{Reason: "changed my mind"})
		for range 2 { // both, before anything of the process
			s.step(func([]string) string { return "order-commands o-1" })
		}
		s.want(t, orders.StatusCancelled, orders.PaymentPending, balance)
		s.run()
		s.want(t, orders.StatusCancelled, want, balance)
	}
}

// Whatever overtakes whatever, and also if the process does everything twice: in the end every
// order is settled, every command of the process was accepted or is the account's refusal, and no
// money is made or lost.
func TestEverythingIsSettled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newShop()
		s.twice = rapid.Bool().Draw(t, "twice")
		s.open(rapid.Int64Range(0, 100).Draw(t, "balance"))
		for n := range rapid.IntRange(1, 12).Draw(t, "commands") {
			id := fmt.Sprintf("c-%d", n)
			order := command(id, fmt.Sprintf("o-%d", rapid.IntRange(1, 4).Draw(t, "order")))
			switch rapid.IntRange(0, 7).Draw(t, "command") {
			case 0, 1, 2:
				s.toOrder(order, tea(1, rapid.Int64Range(1, 60).Draw(t, "price")))
			case 3, 4:
				s.toOrder(order, orders.CancelOrder{Reason: "changed my mind"})
			case 5:
				s.toOrder(order, ship(orders.Parcel{Carrier: "DHL", TrackingNumber: "1"}))
			case 6:
				s.toAccount(command(id, "alice"), accounts.DepositMoney{Amount: 40, Currency: "EUR"})
			default:
				s.toAccount(command(id, "alice"), rapid.SampledFrom([]accounts.Command{
					accounts.FreezeAccount{Reason: closerLook},
					accounts.UnfreezeAccount{},
					accounts.CloseAccount{},
					accounts.WithdrawMoney{Amount: 15, Currency: "EUR"},
				}).Draw(t, "account's"))
			}
			for range rapid.IntRange(0, 6).Draw(t, "steps") {
				s.step(func(names []string) string { return rapid.SampledFrom(names).Draw(t, "next") })
			}
		}
		for s.step(func(names []string) string { return rapid.SampledFrom(names).Draw(t, "next") }) {
		}
		if err := s.wrong(); err != nil {
			t.Fatal(err)
		}
	})
}
