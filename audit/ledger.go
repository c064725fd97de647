package audit

import (
	"hash/maphash"
	"slices"
	"strings"
	"unique"
)

// The payment process, by its consumer group, which is also a part of its commands' IDs.
const payments = "order-payments"

// name is the hash of a name. What the ledger compares, it compares by hash: of ten million names,
// two have the same one in fewer than one run of a hundred thousand.
type name uint64

// ledger is what the audit remembers of all worlds, to check what is between them: some 200 bytes a
// command, the steps of the payment process included. Orders come first: what an account was charged
// for is known by then.
type ledger struct {
	breaches
	seed     maphash.Seed
	outcomes map[name]outcome  // by the command's kind, key and ID
	pays     bool              // orders are read, and with them the process
	asked    []asked           // what the process was asked to do
	sent     map[name]*sent    // by ID: the commands of the process
	orders   map[name]struct{} // by ID
	left     map[string]int64  // by currency: money that is in neither accounts nor orders
	served   map[name]*served  // by kind and key; nil: views are not checked
	traces   *sample           // of traces; nil: not checked
	commands map[string]int64  // by kind, how many there were
	events   map[string]int64  // the same
	aborted  map[string]int64  // offsets of events
	rows     map[string]int64  // rows of aggregates: those at sequence 0 are none, nor those beyond limits
}

// outcome is what became of a command.
type outcome struct {
	correlation   name
	code, command unique.Handle[string] // command is its type
	first         int64
	events        int32
	decided       bool
	accepted      bool
	aside         bool // the process has set the result aside
}

func newLedger(kinds ...Kind) *ledger {
	return &ledger{
		pays: slices.ContainsFunc(kinds, func(k Kind) bool { return k.needs != "" }),
		seed: maphash.MakeSeed(), outcomes: make(map[name]outcome), sent: make(map[name]*sent),
		orders: make(map[name]struct{}), left: make(map[string]int64),
		commands: make(map[string]int64), events: make(map[string]int64),
		aborted: make(map[string]int64), rows: make(map[string]int64),
	}
}

func (l *ledger) name(parts ...string) name {
	var h maphash.Hash
	h.SetSeed(l.seed)
	for _, part := range parts {
		h.WriteString(part)
	}
	return name(h.Sum64())
}

// add takes a world, or a partition of one.
func (l *ledger) add(w *World) {
	kind := w.Kind.Name
	l.commands[kind] += int64(len(w.Commands))
	l.events[kind] += int64(len(w.Events))
	l.aborted[kind] += int64(w.Aborted)
	correlation := make(map[string]string, len(w.Commands)) // by identity
	for i := range w.Commands {
		l.command(kind, &w.Commands[i], correlation)
	}
	for i := range w.Results {
		l.result(kind, &w.Results[i], correlation)
	}
	aside := make(map[Place]bool)
	for _, letter := range w.NotProcessed {
		if strings.HasSuffix(letter.Topic, w.Kind.events()) {
			aside[Place{Partition: letter.Partition, Offset: letter.Offset}] = true
		}
	}
	for i := range w.Events {
		e := &w.Events[i]
		l.inTrace(e.ID, e.Correlation, identity(e.Key, e.Causation), correlation)
		l.traced(e.Correlation, "event", e.ID)
		if w.Kind.shop != nil {
			w.Kind.shop.event(l, e, aside[Place{Partition: e.Partition, Offset: e.Offset}])
		}
	}
	l.resultsAside(w)
	for key := range w.Rows {
		l.row(w, key)
	}
	l.show(w)
}

// outcomeOf names the outcome of a command.
func (l *ledger) outcomeOf(kind, key, id string) name { return l.name(kind, "\x00", identity(key, id)) }

func (l *ledger) command(kind string, c *Command, correlation map[string]string) {
	root := c.Correlation
	if root == "" {
		root = c.ID
	}
	l.traced(root, "command", c.ID)
	id := l.outcomeOf(kind, c.Key, c.ID)
	if _, again := correlation[identity(c.Key, c.ID)]; !again {
		correlation[identity(c.Key, c.ID)] = root
	}
	if _, again := l.outcomes[id]; again {
		return
	}
	l.outcomes[id] = outcome{
		correlation: l.name(root), command: unique.Make(c.Type),
		code: unique.Make(""),
	}
	if l.pays && strings.Contains(c.ID, "/"+payments+".") {
		l.sent[l.name(c.ID)] = l.sending(c, root)
	}
}

func (l *ledger) result(kind string, r *Result, correlation map[string]string) {
	l.traced(r.Correlation, "result", r.ID)
	if r.Repeated {
		return
	}
	l.inTrace(r.ID, r.Correlation, identity(r.Key, r.Causation), correlation)
	id := l.outcomeOf(kind, r.Key, r.Causation)
	o, known := l.outcomes[id]
	switch {
	case !known, o.decided: // Check has said so
	default:
		o.decided, o.accepted, o.code = true, r.Accepted, unique.Make(r.Code)
		o.first, o.events = r.First, int32(r.Last-r.First+1)
		l.outcomes[id] = o
	}
}

// resultsAside notes which results the process has set aside: nothing follows from them.
func (l *ledger) resultsAside(w *World) {
	aside := make(map[Place]bool)
	for _, letter := range w.NotProcessed {
		if strings.HasSuffix(letter.Topic, w.Kind.results()) {
			aside[Place{Partition: letter.Partition, Offset: letter.Offset}] = true
		}
	}
	if len(aside) == 0 {
		return
	}
	for i := range w.Results {
		r := &w.Results[i]
		if aside[Place{Partition: r.Partition, Offset: r.Offset}] {
			id := l.outcomeOf(w.Kind.Name, r.Key, r.Causation)
			o := l.outcomes[id]
			o.aside = true
			l.outcomes[id] = o
		}
	}
}

// inTrace checks that a message is in the trace of its cause.
func (l *ledger) inTrace(id, trace, cause string, correlation map[string]string) {
	if want, known := correlation[cause]; !known || trace != want {
		l.breach("trace", Traces, "%s is of the trace %q, its cause %q of %q", id, trace, cause, want)
	}
}

// row checks that a state is one that may be left when all is done, and counts the money.
func (l *ledger) row(w *World, key string) {
	row, kind := w.Rows[key], w.Kind
	if row.Sequence == 0 {
		return
	}
	beyond := beyondLimits(key)
	if !beyond {
		l.rows[kind.Name]++
	}
	if row.State == nil {
		return // Check has said so
	}
	if kind.shop != nil {
		kind.shop.row(l, key, row.State)
	}
	if kind.Final == nil || beyond {
		return
	}
	if err := kind.Final(key, row.State); err != nil {
		l.breach("state", States, "%s %s is not done: %v", kind.Name, key, err)
	}
}

// close checks what could not be checked before everything was there, and returns all breaches.
// By currency: deposits - withdrawals = balances + what orders keep + other charges.
func (l *ledger) close() []Breach {
	l.payments()
	for currency, amount := range l.left {
		if amount != 0 {
			l.money(amount, "%d %s are in neither accounts nor orders", amount, currency)
		}
	}
	return l.found
}

// told checks that a sender was told what happened (G1): all answers name the one outcome of the command,
// and a command that was refused at the door never came in. A sender that got no answer got no wrong one.
func (l *ledger) told(t *Told) {
	o, came := l.outcomes[l.outcomeOf(t.Aggregate, t.Subject, t.ID)]
	last := o.first + int64(o.events) - 1
	if !o.accepted {
		last = 0
	}
	switch {
	case t.Second != nil:
		l.breach("told", ToldFalse, "the sender of %s was told two things, the second: %s", t.ID, *t.Second)
	case t.Outcome == "unknown":
	case t.Outcome == "refused":
		if came {
			l.breach("told", ToldFalse, "%s was refused at the door, and is in its topic", t.ID)
		}
	case !o.decided:
		l.breach("told", ToldFalse, "%s was told to be %s, and has no result", t.ID, t.Outcome)
	case o.command.Value() != t.Type ||
		o.accepted != (t.Outcome == "accepted") || o.code.Value() != t.Code ||
		o.first != t.FirstSequence || last != t.LastSequence:
		l.breach("told", ToldFalse,
			"%s was told to be %s %q, events %d to %d; its result says %t %q, %d to %d", t.ID, t.Outcome,
			t.Code, t.FirstSequence, t.LastSequence, o.accepted, o.code.Value(), o.first, last)
	}
}
