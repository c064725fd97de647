package orders_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"refold/eventsourcing"
	"refold/processors/accounts"
	"refold/processors/orders"
)

// setBack makes everything that the process has read come again, in its order, as after its group's
// offsets were set back to zero.
func (s *shop) setBack() {
	for _, in := range slices.Clone(s.inputs) {
		s.put("inputs of the process", in.key, in.handle)
	}
}

// busy makes the account forget all references that it was charged for, by as many others.
func (s *shop) busy(round int) {
	s.toAccount(command(fmt.Sprintf("for the others %d", round), "alice"),
		accounts.DepositMoney{Amount: accounts.MaxCharges, Currency: "EUR"})
	for n := range accounts.MaxCharges {
		id := fmt.Sprintf("other %d/%d", round, n)
		s.toAccount(command(id, "alice"),
			accounts.ChargeAccount{Amount: 1, Currency: "EUR", Reference: id})
	}
}

// wrong tells what is wrong when nothing is under way any more: an order that waits, money that is
// nowhere or that an order does not admit to have, a command of the process that was refused by an
// order.
func (s *shop) wrong() error {
	kept := int64(0)
	for id, row := range s.orders {
		o, keeps := row.State, int64(0)
		switch o.Payment {
		case orders.PaymentPending, orders.PaymentRefundPending:
			return fmt.Errorf("order %s is %s, its payment %s", id, o.Status, o.Payment)
		case orders.PaymentPaid, orders.PaymentRefundDeclined:
			keeps = o.Total
		default:
		}
		for _, surplus := range o.Surplus {
			switch {
			case surplus.Code != "": // a person has to see to it
				keeps += o.Total
			case surplus.RefundID == "":
				return fmt.Errorf("order %s waits for the refund of a surplus: %+v", id, o.Surplus)
			}
		}
		if s.taken[id] != keeps {
			return fmt.Errorf("the account has paid %d for order %s, which says %d: %+v", s.taken[id],
				id, keeps, o)
		}
		kept += keeps
	}
	for reference, amount := range s.taken {
		if strings.HasPrefix(reference, "other ") {
			kept += amount
		}
	}
	if balance := s.accounts["alice"].State.Balance; s.spoken != balance+kept {
		return fmt.Errorf("%d came in, %d is on the account, %d with orders", s.spoken, balance, kept)
	}
	for id, result := range s.results {
		if strings.HasPrefix(result.CommandType, "Record") && !result.Accepted {
			return fmt.Errorf("%s (%s) was refused: %s", id, result.CommandType, result.Code)
		}
	}
	return nil
}

// life is what becomes of an order of 25 euros before the process's offsets are set back.
type life struct {
	name    string
	balance int64 // of the account, when the order is placed
	then    func(*shop)
	net     int64 // what the account has paid for it in the end, however often
}

var lives = []life{
	{"paid", 10_000, func(*shop) {}, 2500},
	{"shipped", 2500, func(s *shop) {
		s.toOrder(command("ship", "o-1"), ship(orders.Parcel{Carrier: "DHL", TrackingNumber: "1"}))
	}, 2500},
	{"refunded", 2500, func(s *shop) {
		s.toOrder(command("cancel", "o-1"), orders.CancelOrder{Reason: "changed my mind"})
	}, 0},
	{"declined", 100, func(s *shop) {
		s.toAccount(command("save", "alice"), accounts.DepositMoney{Amount: 9000, Currency: "EUR"})
	}, 0},
	{"declined and frozen", 100, func(s *shop) {
		s.toAccount(command("freeze", "alice"), accounts.FreezeAccount{Reason: closerLook})
	}, 0},
}

// again lets an order live, sets the process's offsets back to zero several times, when the account
// still knows of the charge or has forgotten it, and tells what is wrong in the end.
func (l life) again(s *shop, forgotten bool) error {
	s.open(l.balance)
	s.toOrder(command("place", "o-1"), tea(2, 1250))
	s.run()
	l.then(s)
	s.run()
	for round := range 3 {
		if forgotten {
			s.busy(round)
			s.run()
		}
		s.setBack()
		s.run()
		if err := s.wrong(); err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
		if got := s.taken["o-1"]; got != l.net {
			return fmt.Errorf("round %d: the account has paid %d in the end", round, got)
		}
	}
	return nil
}

// everyLife tries all lives, the account's knowledge and sizes of the rings, and returns the first
// thing that is wrong.
func everyLife(change func(*shop)) error {
	for _, l := range lives {
		for _, forgotten := range []bool{false, true} {
			for _, ring := range []int{0, ringSize} {
				s := newShop()
				s.accountRing, s.orderRing = 0, ring
				change(s)
				if err := l.again(s, forgotten); err != nil {
					return fmt.Errorf("%s, forgotten: %t, ring of orders %d: %w", l.name, forgotten,
						ring, err)
				}
			}
		}
	}
	return nil
}

// The process's offsets are set back to zero, and no ring of an account remembers its commands: no
// order is charged twice in the end, none is refunded that should not be.
func TestOffsetsSetBack(t *testing.T) {
	if err := everyLife(func(*shop) {}); err != nil {
		t.Fatal(err)
	}
}

// The twins of TestOffsetsSetBack: without each of the mechanisms, money is lost or made.
func TestOffsetsSetBack_twins(t *testing.T) {
	for name, change := range map[string]func(*shop){
		"an account that charges a reference as often as it is asked to": func(s *shop) {
			s.account.Decide = func(
				_ eventsourcing.Context, a accounts.Account, c accounts.Command,
			) ([]accounts.Event, error) {
				if _, is := c.(accounts.ChargeAccount); is {
					a.Charges = nil
				}
				return accounts.Decider.Decide(eventsourcing.Context{}, a, c)
			}
		},
		"an order that passes over what was not due": func(s *shop) {
			s.order.Decide = func(
				_ eventsourcing.Context, o orders.Order, c orders.Command,
			) ([]orders.Event, error) {
				events, err := orders.Decider.Decide(eventsourcing.Context{}, o, c)
				if len(events) > 0 && eventsourcing.TypeName(events[0]) == "SurplusReceived" {
					return nil, nil
				}
				return events, err
			}
		},
		"IDs that do not tell outcomes apart": func(s *shop) {
			s.idOf = func(id string) string {
				return regexp.MustCompile(`/result\.\d+/`).ReplaceAllString(id, "/result/")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := everyLife(change); err == nil {
				t.Error("all is well all the same")
			} else {
				t.Log(err)
			}
		})
	}
}

// Everything that the process has ever handled comes again, in any order, mixed with what goes on
// meanwhile; no ring remembers anything, and accounts forget charges between any two steps. An order
// may then have paid twice, and say so: the surplus is refunded, or a person has to see to it.
func TestEverythingComesAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newShop()
		s.accountRing = rapid.SampledFrom([]int{0, 1, ringSize}).Draw(t, "ring of the account")
		s.orderRing = rapid.SampledFrom([]int{0, 1, ringSize}).Draw(t, "ring of orders")
		forgets := rapid.Bool().Draw(t, "forgets")
		pick := func(names []string) string { return rapid.SampledFrom(names).Draw(t, "next") }
		s.open(rapid.Int64Range(0, 200).Draw(t, "balance"))
		for n := range rapid.IntRange(1, 15).Draw(t, "what happens") {
			id := fmt.Sprintf("c-%d", n)
			order := command(id, fmt.Sprintf("o-%d", rapid.IntRange(1, 2).Draw(t, "order")))
			switch rapid.IntRange(0, 9).Draw(t, "kind") {
			case 0, 1:
				s.toOrder(order, tea(1, rapid.Int64Range(1, 60).Draw(t, "price")))
			case 2:
				s.toOrder(order, orders.CancelOrder{Reason: "changed my mind"})
			case 3:
				s.toOrder(order, ship(orders.Parcel{Carrier: "DHL", TrackingNumber: "1"}))
			case 4:
				s.toAccount(command(id, "alice"), accounts.DepositMoney{Amount: 40, Currency: "EUR"})
			case 5:
				if forgets {
					s.busy(n)
				}
			case 6:
				s.setBack()
			default: // some come again, by themselves: dead letters that are replayed
				for i := range rapid.IntRange(0, len(s.inputs)).Draw(t, "again") {
					in := rapid.SampledFrom(s.inputs).Draw(t, "input")
					s.put(fmt.Sprintf("loop %d/%d", n, i), in.key, in.handle)
				}
			}
			for range rapid.IntRange(0, 30).Draw(t, "steps") {
				s.step(pick)
			}
		}
		for s.step(pick) {
		}
		if err := s.wrong(); err != nil {
			t.Fatal(err)
		}
		for id, taken := range s.taken {
			if o := s.orders[id].State; !forgets && taken > o.Total && o.Total > 0 {
				t.Fatalf("%d were taken for order %s: %+v", taken, id, o)
			}
		}
	})
}
