package shop

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"refold/load"
)

// Traffic is the shop's traffic on the command line.
type Traffic struct{}

// maxAccounts is how many accounts may take part, so that a slip of the finger doesn't fill the memory.
const maxAccounts = 10_000_000

// About says what the traffic is.
func (Traffic) About() string {
	return `Accounts are opened and money is moved; orders are placed, shipped, delivered and cancelled, some
are declined, some commands are wrong. With --orders it ends when so many orders have ended.`
}

// Flags adds the flags of accounts and orders.
func (Traffic) Flags(flags *pflag.FlagSet) load.Plan {
	p := &plan{}
	flags.IntVar(&p.perAccount, "per-account", 4, "how far apart an account's commands may be that are "+
		"under way; beyond the 16 or so that a row remembers, what is sent again counts twice")
	flags.IntVar(&p.Orders, "orders", 0, "end when so many orders have ended; 0: no limit")
	flags.IntVar(&p.Accounts, "accounts", 100, "how many accounts take part; a few far more than others")
	flags.Float64Var(&p.OrderShare, "order-share", .4,
		"the share of orders in what customers begin, 0 to 1")
	flags.DurationVar(&p.Delay, "order-delay", 200*time.Millisecond,
		"the mean time between the steps of an order")
	return p
}

// Demo returns the plan of so many accounts. Orders stay in each of their states for a while.
func (Traffic) Demo(keys int) load.Plan {
	return &plan{Tastes{Accounts: keys, OrderShare: .3, Delay: 5 * time.Second}, 4}
}

// plan is customers, and how far apart an account's commands may be.
type plan struct {
	Tastes

	perAccount int
}

// Check lists the flags whose values can't be.
func (p *plan) Check() error {
	var errs []error
	if p.Orders < 0 {
		errs = append(errs, errors.New("--orders: allowed: 0 or more"))
	}
	if p.Delay < 0 {
		errs = append(errs, errors.New("--order-delay: allowed: 0 or more"))
	}
	if p.Orders > 0 && p.OrderShare == 0 {
		errs = append(errs, errors.New("--orders without orders: --order-share is 0"))
	}
	return errors.Join(append(errs,
		load.Within("per-account", p.perAccount, 1, load.MaxPerLane),
		load.Within("accounts", p.Accounts, 1, maxAccounts),
		load.Within("order-share", p.OrderShare, 0, 1))...)
}

// PerLane is --per-account.
func (p *plan) PerLane() int { return p.perAccount }

// Stories are orders.
func (p *plan) Stories() string { return orderPlural }

// Follows are orders.
func (p *plan) Follows() []string { return []string{order} }

// of are the tastes in a run.
func (p *plan) of(r load.Run) Tastes {
	t := p.Tastes
	t.Run = r
	return t
}

// Begin begins the traffic.
func (p *plan) Begin(r load.Run) load.Traffic { return NewCustomers(p.of(r)) }

// First names the first account and the first order.
func (p *plan) First(r load.Run) string {
	t := p.of(r)
	return fmt.Sprintf("the first account is %s, the first order %s", t.FirstAccount(), t.FirstOrder())
}

// try is what to try: to look at the first account and order, and to order something oneself.
const try = `  curl -s SERVER/accounts/ACCOUNT
  curl -s SERVER/orders/ORDER
  curl -s 'SERVER/orders?limit=3'
  curl -N 'SERVER/events/live?kind=event'

  # open an account and put 20.00 in; order for 18.90, and see it paid
  send() { curl -s SERVER/$1/commands -H 'Content-Type: application/json' -H 'Prefer: wait=5' -d "$2"; }
  send accounts/yours '{"type": "OpenAccount", "data": {"owner": "You", "currency": "EUR"}}'
  send accounts/yours '{"type": "DepositMoney", "data": {"amount": 2000, "currency": "EUR"}}'
  send orders/yours-1 '{"type": "PlaceOrder", "data": {"accountId": "yours", "currency": "EUR",
    "lines": [{"sku": "coffee-beans-1kg", "quantity": 1, "unitPrice": 1890, "currency": "EUR"}]}}'
  curl -s 'SERVER/orders/yours-1?atLeast=2' -H 'Prefer: wait=5'
  send orders/yours-1 '{"type": "ShipOrder", "data": {"parcels": [
    {"carrier": "DHL", "trackingNumber": "1"}]}}'
`

// Try returns shell commands to try.
func (p *plan) Try(r load.Run, server string) string {
	t := p.of(r)
	in := strings.NewReplacer("SERVER", server, "ACCOUNT", t.FirstAccount(), "ORDER", t.FirstOrder())
	return in.Replace(try)
}
