package audit

import (
	"context"
	"fmt"
	"strings"
)

// The payment process, by its consumer group, which is also a part of its commands' IDs.
const payments = "order-payments"

// Shop is the accounts and the orders, and the payment process between them.
type Shop struct {
	Accounts, Orders *World
	// Inputs are how far the payment process has come with what it reads.
	Inputs []Input
}

// Input is a topic that a group reads.
type Input struct {
	Topic           string
	Committed, Ends map[int32]int64
}

// ReadShop reads both worlds, when everything that the commands have led to is done.
func ReadShop(ctx context.Context, s Source) (*Shop, error) {
	var shop Shop
	var err error
	if shop.Accounts, err = Read(ctx, s, Accounts); err != nil {
		return nil, err
	}
	if shop.Orders, err = Read(ctx, s, Orders); err != nil {
		return nil, err
	}
	for _, topic := range []string{Orders.events(), Accounts.results()} {
		in := Input{Topic: s.Prefix + topic}
		in.Committed, in.Ends, err = Offsets(ctx, s.Brokers, s.Prefix+payments, in.Topic)
		if err != nil {
			return nil, err
		}
		shop.Inputs = append(shop.Inputs, in)
	}
	return &shop, nil
}

// Check returns all broken promises, those of the two worlds and those between them.
func (s *Shop) Check() []Breach {
	c := &shopChecker{shop: s, breaches: append(s.Accounts.Check(), s.Orders.Check()...)}
	c.index()
	c.payments()
	c.traces()
	c.orders()
	c.money()
	for _, in := range s.Inputs {
		for partition, end := range in.Ends {
			if in.Committed[partition] != end {
				c.breach("G3", "%s/%d ends at %d, %s committed %d", in.Topic, partition, end,
					payments, in.Committed[partition])
			}
		}
	}
	return c.breaches
}

// shopChecker goes through a shop once.
type shopChecker struct {
	shop     *Shop
	commands map[string]Command // by ID, the first of each
	results  map[string]Result  // by the command's ID, the first of each
	events   map[string]Event   // by ID
	expected map[string]bool    // IDs of the commands that the process had to send
	breaches []Breach
}

func (c *shopChecker) breach(promise, format string, args ...any) {
	c.breaches = append(c.breaches, Breach{promise, fmt.Sprintf(format, args...)})
}

func (c *shopChecker) worlds() []*World { return []*World{c.shop.Accounts, c.shop.Orders} }

func (c *shopChecker) index() {
	c.commands, c.results = make(map[string]Command), make(map[string]Result)
	c.events, c.expected = make(map[string]Event), make(map[string]bool)
	for _, w := range c.worlds() {
		for _, command := range w.Commands {
			if _, again := c.commands[command.ID]; !again {
				c.commands[command.ID] = command
			}
		}
		for _, result := range w.Results {
			if !result.Repeated {
				c.results[result.Causation] = result
			}
		}
		for _, event := range w.Events {
			c.events[event.ID] = event
		}
	}
}

// step is what the process does about an event of an order: a command to the account, and one to
// the order for each outcome, with the ID of the account's event in the field called id.
type step struct{ command, accepted, rejected, id string }

var steps = map[string]step{
	"OrderPlaced":     {"ChargeAccount", "RecordPayment", "RecordPaymentDeclined", "paymentId"},
	"RefundRequested": {"RefundAccount", "RecordRefund", "RecordRefundDeclined", "refundId"},
}

// payments checks that the process did for every event what it has to, once, and nothing else.
func (c *shopChecker) payments() {
	for _, event := range c.shop.Orders.Events {
		if step, has := steps[event.Type]; has {
			c.step(event, step)
		}
	}
	for id := range c.commands {
		if strings.Contains(id, "/"+payments+".") && !c.expected[id] {
			c.breach("process", "command %s is of the process, and nothing asked for it", id)
		}
	}
}

// step checks that the process asked the right account for the right amount, and told the order
// what the account said.
func (c *shopChecker) step(event Event, step step) {
	amount := whole(event, "amount")
	if event.Type == "OrderPlaced" {
		amount = whole(event, "total")
	}
	id := event.ID + "/" + payments + ".0"
	command := c.sent(id, step.command, text(event, "accountId"))
	if command == nil {
		return
	}
	if command.Fields["amount"] != amount || command.Fields["reference"] != event.Key ||
		command.Fields["currency"] != event.Fields["currency"] {
		c.breach("process", "%s %s is about %v, its event %s about %d", step.command, id,
			command.Fields, event.ID, amount)
	}
	outcome := c.results[id]
	told := step.accepted
	if !outcome.Accepted {
		told = step.rejected
	}
	record := c.sent(id+"/result/"+payments+".0", told, event.Key)
	if record == nil {
		return
	}
	account := fmt.Sprintf("%s/%d", outcome.Key, outcome.First)
	if outcome.Accepted && record.Fields[step.id] != account ||
		!outcome.Accepted && record.Fields["code"] != outcome.Code {
		c.breach("process", "%s tells the order %v, the account said %q, event %s", record.ID,
			record.Fields, outcome.Code, account)
	}
	if !c.results[record.ID].Accepted {
		c.breach("process", "%s was refused by the order: %s", record.ID, c.results[record.ID].Code)
	}
}

// sent returns the command that the process had to send; nil if it didn't, or another one.
func (c *shopChecker) sent(id, commandType, to string) *Command {
	c.expected[id] = true
	command, was := c.commands[id]
	switch {
	case !was:
		c.breach("process", "there is no %s %s", commandType, id)
		return nil
	case command.Type != commandType || command.Key != to:
		c.breach("process", "%s is a %s to %s, it had to be a %s to %s", id, command.Type,
			command.Key, commandType, to)
		return nil
	}
	return &command
}

// traces checks that whoever follows the causes of a message comes to the command at the
// beginning, whose ID all of them carry.
func (c *shopChecker) traces() {
	correlation := make(map[string]string) // by ID of a message
	for id, command := range c.commands {
		correlation[id] = command.Correlation
		if command.Correlation == "" {
			correlation[id] = id
		}
	}
	for id, result := range c.results {
		correlation[id+"/result"] = result.Correlation
	}
	for id, event := range c.events {
		correlation[id] = event.Correlation
	}
	check := func(id, cause string) {
		if want, known := correlation[cause]; !known || correlation[id] != want {
			c.breach("trace", "%s is of the trace %s, its cause %q of %q", id, correlation[id],
				cause, want)
		}
	}
	for id, command := range c.commands {
		if c.expected[id] {
			check(id, command.Causation)
		}
	}
	for id := range c.results {
		check(id+"/result", id)
	}
	for id, event := range c.events {
		check(id, event.Causation)
	}
}

// orders checks that every order is in a legal state, with nothing under way.
func (c *shopChecker) orders() {
	for id, row := range c.shop.Orders.Rows {
		order, is := row.State.(*Order)
		if !is || row.Sequence == 0 {
			continue
		}
		if !legal[[2]string{order.Status, order.Payment}] || !order.settled() {
			c.breach("order", "order %s is %s, its payment %s", id, order.Status, order.Payment)
		}
	}
}

// money checks by currency: deposits - withdrawals = balances + what orders keep + other charges,
// to the minor unit.
func (c *shopChecker) money() {
	left := make(map[string]int64)
	for _, event := range c.shop.Accounts.Events {
		amount, currency := whole(event, "amount"), text(event, "currency")
		_, ofOrder := c.shop.Orders.Rows[text(event, "reference")]
		switch {
		case event.Type == "MoneyDeposited", event.Type == "AccountRefunded" && !ofOrder:
			left[currency] += amount
		case event.Type == "MoneyWithdrawn", event.Type == "AccountCharged" && !ofOrder:
			left[currency] -= amount
		}
	}
	for _, row := range c.shop.Accounts.Rows {
		if a, is := row.State.(*Account); is {
			left[a.Currency] -= a.Balance
		}
	}
	for _, row := range c.shop.Orders.Rows {
		if o, is := row.State.(*Order); is {
			left[o.Currency] -= o.keeps()
		}
	}
	for currency, amount := range left {
		if amount != 0 {
			c.breach("money", "%d %s are in neither accounts nor orders", amount, currency)
		}
	}
}
