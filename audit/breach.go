package audit

import (
	"fmt"
	"slices"
	"strings"
)

// Counter is what a breach adds to: a word of the last line of a report.
type Counter string

// The counters, in the order of the last line.
const (
	// Lost is an outcome or an event that should be there.
	Lost Counter = "lost"
	// Doubled is one that is there more often than somebody asked for it, or that nobody asked for.
	Doubled Counter = "doubled"
	// Reordered is one that stands in front of another that came first.
	Reordered Counter = "reordered"
	// Rows is a row that its events do not make: in the topic, a store, or a view; or a history.
	Rows Counter = "rows_differing"
	// Money is in minor units, of all currencies together.
	Money Counter = "money_difference"
	// ToldFalse is an answer to a client that is not what happened.
	ToldFalse Counter = "told_differently"
	// Outcomes is a result, or an event, that is in its place and does not say what it should.
	Outcomes Counter = "outcomes_differing"
	// States is an event that can't follow on those before it, or a state that must not be.
	States Counter = "states_illegal"
	// Processes is something that a process had to do, and did not, or the reverse.
	Processes Counter = "processes_differing"
	// Traces is a message that is not in the trace of its cause; or a trace as a view shows it.
	Traces Counter = "traces_broken"
	// Letters is poison that is not among the dead letters, or the reverse.
	Letters Counter = "dead_letters_differing"
	// Behind is a partition that a group, or a read model, has not come to the end of.
	Behind Counter = "offsets_behind"
	// Open is a partition with a transaction that is neither committed nor aborted.
	Open Counter = "transactions_open"
	// Ahead is a local store, or a read model, that claims to know more than its topic has.
	Ahead Counter = "stores_ahead"
	// Models is a row or a state of a read model that its events do not make, or a read model of which
	// readers do not see one build.
	Models Counter = "read_models_differing"
)

// Counters are all of them, in the order of the last line.
var Counters = []Counter{
	Lost, Doubled, Reordered, Rows, Money, ToldFalse,
	Outcomes, States, Processes, Traces, Letters, Behind, Open, Ahead, Models,
}

// maxShown limits how many breaches of a counter a report spells out.
const maxShown = 10

// Breach is one broken promise.
type Breach struct {
	Promise string // G1 to G8, G12; or money, state, process, trace, told
	Counter Counter
	// Amount is what it adds to the counter: minor units of money, otherwise 1.
	Amount int64
	What   string
}

// String returns the breach as a line of a report.
func (b Breach) String() string { return b.Promise + ": " + b.What }

// breaches collects them.
type breaches struct{ found []Breach }

func (b *breaches) breach(promise string, counter Counter, format string, args ...any) {
	b.found = append(b.found, Breach{promise, counter, 1, fmt.Sprintf(format, args...)})
}

func (b *breaches) money(amount int64, format string, args ...any) {
	amount = max(amount, -amount, 1) // a breach that moves nothing is one all the same
	b.found = append(b.found, Breach{"money", Money, amount, fmt.Sprintf(format, args...)})
}

// Tally adds breaches up, and keeps the first ones of each counter: however much is broken, it
// stays small.
type Tally struct {
	Counts map[Counter]int64
	Shown  []Breach
	seen   map[Counter]int
}

// Add takes more breaches.
func (t *Tally) Add(found ...Breach) {
	if t.Counts == nil {
		t.Counts, t.seen = make(map[Counter]int64), make(map[Counter]int)
	}
	for _, breach := range found {
		t.Counts[breach.Counter] += breach.Amount
		t.seen[breach.Counter]++
		if t.seen[breach.Counter] <= maxShown {
			t.Shown = append(t.Shown, breach)
		}
	}
}

// Whole reports whether there was no breach.
func (t *Tally) Whole() bool { return len(t.seen) == 0 }

// String returns the breaches as lines, the first ones of each counter and how many there are.
func (t *Tally) String() string {
	var text strings.Builder
	for _, breach := range t.Shown {
		fmt.Fprintln(&text, breach)
	}
	for _, counter := range Counters {
		if n := t.seen[counter]; n > maxShown {
			fmt.Fprintf(&text, "%s: %d breaches in all\n", counter, n)
		}
	}
	return text.String()
}

// Report returns breaches as lines, as a Tally does.
func Report(found []Breach) string {
	var t Tally
	t.Add(slices.Clone(found)...)
	return t.String()
}
