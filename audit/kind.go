package audit

import (
	"errors"
	"fmt"
)

// Kind is all that the audit knows of a kind of aggregate. The topics are known by the two names: of
// "garage" and "garages" they are garage-commands, garage-events, garage-results and garages-table, and
// the consumer group is garages.
//
// Values are those that goavro makes of Avro: a long is an int64, an int an int32, bytes are a []byte, a
// timestamp is a [time.Time], a list is a []any, and a record or a map is a map[string]any.
type Kind struct {
	Name, Plural string
	// Initial is the state before the first event, every field of a row that is not the engine's. A row
	// may hold it: an aggregate whose commands were all rejected has one.
	Initial map[string]any
	// Fold returns the state after one more event. It may change the state that it is given, and return
	// that one; what is in an event it must not change. It is written for the audit, once more: a fold
	// that it shared with the program would be wrong together with it.
	//
	// The error says why the event can't follow on those before it. A state that comes with an error
	// counts all the same; without one, the event has changed nothing.
	Fold func(state map[string]any, event Event) (map[string]any, error)
	// Former, if there is one, makes of a row's state of a former version what it is today, and reports
	// whether it was one. Such a row is compared field by field, not byte by byte.
	Former func(state map[string]any) bool
	// Final, if there is one, returns an error for a state that must not be when all work is done, such
	// as a fee that is neither paid nor refused.
	Final func(id string, state map[string]any) error
	// Processes are the processes that react to the kind's events.
	Processes []Process

	shop *shopChecks // of accounts and orders only
	// needs is a kind that must be there, too, and is read after this one: empty for none.
	needs string
}

// Process is a process: the audit checks that it has read everything.
type Process struct {
	// Name of the process, which is that of its consumer group.
	Name string
	// Reads are the topics that it reads, without a prefix: of events, and of results.
	Reads []string
}

// shopChecks are the checks that only accounts and orders have: of money, and of every step of the process
// between them.
type shopChecks struct {
	effect func(Command) int64 // of an accepted command on a balance; may be nil
	event  func(l *ledger, e *Event, aside bool)
	row    func(l *ledger, key string, state map[string]any)
}

// The names of a kind's topics.
func (k Kind) commands() string { return k.Name + "-commands" }
func (k Kind) events() string   { return k.Name + "-events" }
func (k Kind) results() string  { return k.Name + "-results" }
func (k Kind) table() string    { return k.Plural + "-table" }

// initial returns a state of its own.
func (k Kind) initial() map[string]any {
	state, _ := copied(k.Initial).(map[string]any)
	return state
}

// after returns the state after one more event. A fold that panics is one that returns an error.
func (k Kind) after(state map[string]any, e Event) (next map[string]any, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			next, err = state, fmt.Errorf("the fold panics: %v", reason)
		}
	}()
	next, err = k.Fold(state, e)
	if next == nil {
		next = state
	}
	return next, err
}

// inOrder returns kinds in the order in which they have to be read. The error says what is wrong with them.
func inOrder(kinds []Kind) ([]Kind, error) {
	names := make(map[string]bool)
	for _, kind := range kinds {
		switch {
		case kind.Name == "" || kind.Plural == "" || kind.Fold == nil:
			return nil, fmt.Errorf("the kind %q lacks a name, a plural or a fold", kind.Name)
		case names[kind.Name]:
			return nil, fmt.Errorf("there are two kinds %q", kind.Name)
		}
		names[kind.Name] = true
	}
	for _, kind := range kinds {
		if kind.needs != "" && !names[kind.needs] {
			return nil, fmt.Errorf("the kind %q can't be checked without %q", kind.Name, kind.needs)
		}
	}
	var first, last []Kind
	for _, kind := range kinds {
		if kind.needs != "" {
			first = append(first, kind)
		} else {
			last = append(last, kind)
		}
	}
	return append(first, last...), nil
}

// wrongMoney is an event that is about money that it can't be about.
type wrongMoney struct{ why string }

func (w *wrongMoney) Error() string { return w.why }

func moneyf(format string, args ...any) error { return &wrongMoney{fmt.Sprintf(format, args...)} }

func isMoney(err error) bool {
	_, is := errors.AsType[*wrongMoney](err)
	return is
}
