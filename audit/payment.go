package audit

import (
	"fmt"
	"unique"
)

// step is what the process does about an event of an order: a command to the account, and one to
// the order for each outcome.
type step struct{ command, accepted, rejected string }

var steps = map[string]*step{
	"OrderPlaced":     {"ChargeAccount", "RecordPayment", "RecordPaymentDeclined"},
	"RefundRequested": {"RefundAccount", "RecordRefund", "RecordRefundDeclined"},
	"SurplusReceived": {"RefundAccount", "RecordRefund", "RecordRefundDeclined"},
}

// asked is an event of an order that asks the process for a step.
type asked struct {
	*step
	event       string // ID
	order       string
	account     string
	currency    unique.Handle[string]
	amount      int64
	correlation name
	aside       bool // it is a dead letter of the process
}

// sent is a command of the process.
type sent struct {
	id          string
	command     unique.Handle[string] // type
	currency    unique.Handle[string]
	code        unique.Handle[string]
	amount      int64
	to          name // key
	reference   name
	account     name // the ID of the account's event
	cause       name
	correlation name
	expected    bool
}

func (l *ledger) sending(c *Command, root string) *sent {
	field := func(name string) string { return text(c.Fields, name) }
	amount := whole(c.Fields, "amount")
	event := field("paymentId")
	if c.Type == "RecordRefund" {
		event = field("refundId")
	}
	return &sent{
		id: c.ID, command: unique.Make(c.Type), currency: unique.Make(field("currency")),
		code: unique.Make(field("code")), amount: amount, to: l.name(c.Key),
		reference: l.name(field("reference")), account: l.name(event),
		cause: l.name(c.Causation), correlation: l.name(root),
	}
}

// ask notes what an event of an order asks the process for.
func (l *ledger) ask(e *Event, aside bool) {
	step, has := steps[e.Type]
	if !has {
		return
	}
	amount := e.Int("amount")
	if e.Type == "OrderPlaced" {
		amount = e.Int("total")
	}
	l.asked = append(l.asked, asked{
		step: step, event: e.ID, order: e.Key, account: e.Text("accountId"),
		currency: unique.Make(e.Text("currency")), amount: amount,
		correlation: l.name(e.Correlation), aside: aside,
	})
}

// payments checks that the process did for every event what it has to, once, and nothing else.
func (l *ledger) payments() {
	for i := range l.asked {
		l.step(&l.asked[i])
	}
	for _, command := range l.sent {
		if !command.expected {
			l.breach("process", Processes, "command %s is of the process, and nothing asked for it",
				command.id)
		}
	}
}

// step checks that the process asked the right account for the right amount, and told the order
// what the account said.
func (l *ledger) step(a *asked) {
	id := a.event + "/" + payments + ".0"
	command := l.sentFor(a, id, a.command, a.account, a.event, a.aside)
	if command == nil {
		return
	}
	if command.amount != a.amount || command.reference != l.name(a.order) ||
		command.currency != a.currency {
		l.breach("process", Processes, "%s %s is about %d %s, its event %s about %d %s of order %s, "+
			"or the references differ", a.command, id, command.amount, command.currency.Value(), a.event,
			a.amount, a.currency.Value(), a.order)
	}
	outcome := l.outcomes[l.outcomeOf(accountName, a.account, id)]
	if !outcome.decided {
		return // Check has said so
	}
	told := a.accepted
	if !outcome.accepted {
		told = a.rejected
	}
	cause := id + "/result"
	happened := ""
	if outcome.accepted && outcome.events > 0 {
		happened = fmt.Sprintf(".%d", outcome.first)
	}
	record := l.sentFor(a, cause+happened+"/"+payments+".0", told, a.order, cause, outcome.aside)
	if record == nil {
		return
	}
	account := fmt.Sprintf("%s/%d", a.account, outcome.first)
	if outcome.accepted && record.account != l.name(account) ||
		!outcome.accepted && record.code != outcome.code {
		l.breach("process", Processes, "%s tells the order another thing (code %q) than the account "+
			"said: %q, event %s", record.id, record.code.Value(), outcome.code.Value(), account)
	}
	if last := l.outcomes[l.outcomeOf(orderName, a.order, record.id)]; last.decided && !last.accepted {
		l.breach("process", Processes, "%s was refused by the order: %s", record.id, last.code.Value())
	}
}

// sentFor returns the command that the process had to send; nil if it didn't, or another one. If
// its cause is a dead letter, it need not be there.
func (l *ledger) sentFor(a *asked, id, command, to, cause string, aside bool) *sent {
	s, was := l.sent[l.name(id)]
	if !was {
		if !aside {
			l.breach("process", Processes, "there is no %s %s", command, id)
		}
		return nil
	}
	s.expected = true
	if s.cause != l.name(cause) || s.correlation != a.correlation {
		l.breach("trace", Traces, "%s is not in the trace of its cause, %s", id, cause)
	}
	if s.command.Value() != command || s.to != l.name(to) {
		l.breach("process", Processes, "%s is a %s, and not to %s; it had to be a %s to %s", id,
			s.command.Value(), to, command, to)
		return nil
	}
	return s
}

// moved counts the money that came in or went out: not to or from orders.
func (l *ledger) moved(e *Event, _ bool) {
	amount, currency := e.Int("amount"), e.Text("currency")
	_, ofOrder := l.orders[l.name(e.Text("reference"))]
	switch {
	case e.Type == "MoneyDeposited", e.Type == "AccountRefunded" && !ofOrder:
		l.left[currency] += amount
	case e.Type == "MoneyWithdrawn", e.Type == "AccountCharged" && !ofOrder:
		l.left[currency] -= amount
	}
}

// accountRow and orderRow count the money that there is.
func (l *ledger) accountRow(_ string, account map[string]any) {
	l.left[text(account, "currency")] -= whole(account, "balance")
}

func (l *ledger) orderRow(key string, order map[string]any) {
	l.left[text(order, "currency")] -= keeps(order)
	l.orders[l.name(key)] = struct{}{}
}
