package accounts_test

import (
	"errors"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"refold/eventsourcing"
	"refold/processors/accounts"
)

// ledger is a naive model beside an account: it has numbers without limits, and forgets nothing.
type ledger struct {
	account accounts.Account
	events  []accounts.Event
	in, out big.Int
	left    map[string]*big.Int // by reference: charged less refunded
}

// Random commands: money is neither made nor lost, and every state is a legal one.
func TestDecider_property(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := &ledger{left: make(map[string]*big.Int)}
		// Not every account is opened by the first command, but most are.
		if rapid.IntRange(0, 9).Draw(t, "opened at once") > 0 {
			l.handle(t, accounts.OpenAccount{Owner: "Alice", Currency: "EUR"})
		}
		references := rapid.IntRange(1, 2*accounts.MaxCharges).Draw(t, "references")
		for range rapid.IntRange(0, 200).Draw(t, "commands") {
			l.handle(t, drawCommand(t, references))
			l.check(t)
		}
		if got := accounts.Decider.Fold(accounts.Account{}, recorded(l.events...)...); // G4
		!reflect.DeepEqual(got, l.account) {
			t.Fatalf("the fold of all events is %+v, the state %+v", got, l.account)
		}
	})
}

func drawCommand(t *rapid.T, references int) accounts.Command {
	amount := rapid.OneOf(
		rapid.Int64Range(1, 100), rapid.Int64Range(-5, 5), rapid.Int64(),
		rapid.Just[int64](math.MaxInt64),
	).Draw(t, "amount")
	currency := "EUR"
	if rapid.IntRange(0, 19).Draw(t, "other currency") == 0 {
		currency = rapid.SampledFrom([]string{"USD", "eur", ""}).Draw(t, "currency")
	}
	reference := strconv.Itoa(rapid.IntRange(0, references).Draw(t, "reference"))
	text := rapid.OneOf(rapid.Just("text"), rapid.String()).Draw(t, "text")
	// Payments come often, the ends of lives seldom.
	switch rapid.IntRange(0, 39).Draw(t, "kind") {
	case 0:
		return accounts.OpenAccount{Owner: text, Currency: currency}
	case 1:
		return accounts.FreezeAccount{Reason: other(text)}
	case 2, 3, 4:
		return accounts.UnfreezeAccount{}
	case 5:
		return accounts.CloseAccount{}
	case 6:
		return accounts.ChargeAccount{Amount: amount, Currency: currency, Reference: text}
	case 7, 8, 9, 10, 11, 12, 13:
		return accounts.WithdrawMoney{Amount: amount, Currency: currency}
	case 14, 15, 16, 17, 18, 19, 20, 21, 22, 23:
		return accounts.ChargeAccount{Amount: amount, Currency: currency, Reference: reference}
	case 24, 25, 26, 27, 28, 29:
		return accounts.RefundAccount{Amount: amount, Currency: currency, Reference: reference}
	default:
		return accounts.DepositMoney{Amount: amount, Currency: currency}
	}
}

func (l *ledger) handle(t *rapid.T, command accounts.Command) {
	events, err := accounts.Decider.Decide(eventsourcing.Context{}, l.account, command)
	if err != nil {
		rejection, is := errors.AsType[*eventsourcing.Rejection](err)
		if !is || rejection.Code == "" || rejection.Message == "" || len(events) > 0 {
			t.Fatalf("%#v on %+v came to %v and %v", command, l.account, events, err)
		}
		return
	}
	if len(events) != 1 {
		t.Fatalf("%#v on %+v came to %v; it should be one event", command, l.account, events)
	}
	before := l.account
	kept := slices.Clone(before.Charges)
	l.account = accounts.Decider.Evolve(before, recorded(events[0])[0])
	if !slices.Equal(before.Charges, kept) {
		t.Fatalf("%#v changed the state before it, from %v to %v", events[0], kept, before.Charges)
	}
	l.events = append(l.events, events[0])
	l.book(t, before.Status, events[0])
	charged, is := events[0].(accounts.AccountCharged)
	if is && slices.ContainsFunc(kept, func(c accounts.Charge) bool {
		return c.Reference == charged.Reference
	}) {
		t.Fatalf("%q was charged again, of %v", charged.Reference, kept)
	}
}

// book writes the event down, and sees that it could happen.
func (l *ledger) book(t *rapid.T, before accounts.Status, event accounts.Event) {
	from := func(statuses ...accounts.Status) {
		if !slices.Contains(statuses, before) {
			t.Fatalf("%#v happened to an account that was %q", event, before)
		}
	}
	currency := l.account.Currency
	switch e := event.(type) {
	case accounts.AccountOpened:
		from(accounts.StatusNone)
		currency = e.Currency
	case accounts.MoneyDeposited:
		from(accounts.StatusOpen, accounts.StatusFrozen)
		l.in.Add(&l.in, big.NewInt(e.Amount))
		currency = e.Currency
	case accounts.MoneyWithdrawn:
		from(accounts.StatusOpen)
		l.out.Add(&l.out, big.NewInt(e.Amount))
		currency = e.Currency
	case accounts.AccountCharged:
		from(accounts.StatusOpen)
		l.out.Add(&l.out, big.NewInt(e.Amount))
		l.addLeft(e.Reference, e.Amount)
		currency = e.Currency
	case accounts.AccountRefunded:
		from(accounts.StatusOpen, accounts.StatusFrozen)
		l.in.Add(&l.in, big.NewInt(e.Amount))
		l.addLeft(e.Reference, -e.Amount)
		currency = e.Currency
	case accounts.AccountFrozen, accounts.AccountClosed:
		from(accounts.StatusOpen)
	case accounts.AccountUnfrozen:
		from(accounts.StatusFrozen)
	default:
		t.Fatalf("%#v is new; book it", event)
	}
	if currency != l.account.Currency {
		t.Fatalf("%#v happened to an account in %s", event, l.account.Currency)
	}
}

func (l *ledger) addLeft(reference string, amount int64) {
	if l.left[reference] == nil {
		l.left[reference] = new(big.Int)
	}
	l.left[reference].Add(l.left[reference], big.NewInt(amount))
}

func (l *ledger) check(t *rapid.T) {
	a := l.account
	balance := new(big.Int).Sub(&l.in, &l.out)
	if a.Balance < 0 || balance.Cmp(big.NewInt(a.Balance)) != 0 {
		t.Fatalf("%v came in and %v went out, but the balance is %d", &l.in, &l.out, a.Balance)
	}
	if len(a.Charges) > accounts.MaxCharges {
		t.Fatalf("%d charges are remembered: %v", len(a.Charges), a.Charges)
	}
	remembered := make(map[string]int64)
	for _, c := range a.Charges {
		if _, twice := remembered[c.Reference]; twice || c.Refundable < 0 {
			t.Fatalf("%+v among the charges %v", c, a.Charges)
		}
		remembered[c.Reference] = c.Refundable
	}
	for reference, left := range l.left {
		can := big.NewInt(remembered[reference])
		if left.Sign() < 0 || can.Cmp(left) > 0 {
			t.Fatalf("for %q %v are left to refund, but %v can be", reference, left, can)
		}
		// As long as there are few references, none is forgotten.
		few := len(l.left) <= accounts.MaxCharges && a.Status != accounts.StatusClosed
		if few && can.Cmp(left) != 0 {
			t.Fatalf("for %q %v are left to refund, only %v can be", reference, left, can)
		}
	}
	if a.Status == accounts.StatusClosed && (a.Balance != 0 || a.Charges != nil) {
		t.Fatalf("closed, but %+v", a)
	}
	if (a.FrozenFor != "") != (a.Status == accounts.StatusFrozen) {
		t.Fatalf("frozen for %q, but %q", a.FrozenFor, a.Status)
	}
	if a.Status == accounts.StatusNone && !reflect.DeepEqual(a, accounts.Account{}) {
		t.Fatalf("never opened, but %+v", a)
	}
}

// recorded numbers events from 1 on.
func recorded(events ...accounts.Event) []eventsourcing.Recorded[accounts.Event] {
	return eventsourcing.Record(1, time.Time{}, events...)
}
