package audit

import (
	"errors"
	"fmt"
)

// Kind is a kind of aggregate: what the audit knows of it.
type Kind struct {
	Name, Plural string

	initial func() State
	// row reads a row's fields.
	row func(fields map[string]any) (State, error)
	// effect is what an accepted command does to the balance of a state that has one; may be nil.
	effect func(Command) int64
}

// Accounts and Orders are the kinds that there are.
var (
	Accounts = Kind{
		Name: "account", Plural: "accounts",
		initial: func() State { return &Account{} }, row: readAccount, effect: effect,
	}
	Orders = Kind{
		Name: "order", Plural: "orders",
		initial: func() State { return &Order{} }, row: readOrder,
	}
)

// The names of a kind's topics.
func (k Kind) commands() string { return k.Name + "-commands" }
func (k Kind) events() string   { return k.Name + "-events" }
func (k Kind) results() string  { return k.Name + "-results" }
func (k Kind) table() string    { return k.Plural + "-table" }

// State is what an aggregate's events make of it: an *Account or an *Order.
type State interface {
	// apply folds one event. The error says what is wrong: the event is illegal, or its money.
	apply(e Event) error
	// same compares it with another of its kind.
	same(other State) bool
	// fields are those of its row, sequence and ring excepted.
	fields() map[string]any
}

// illegal is an event that can't follow on those before it.
type illegal struct{ why string }

func (i *illegal) Error() string { return i.why }

func asIllegal(err error, target **illegal) bool { return errors.As(err, target) }

func illegalf(format string, args ...any) error { return &illegal{fmt.Sprintf(format, args...)} }

// fill copies fields of a record into variables of their types.
func fill(fields, into map[string]any) error {
	for name, variable := range into {
		ok := false
		switch v := variable.(type) {
		case *string:
			*v, ok = fields[name].(string)
		case *int64:
			*v, ok = fields[name].(int64)
		case *bool:
			*v, ok = fields[name].(bool)
		case *[]byte:
			*v, ok = fields[name].([]byte)
		}
		if !ok {
			return fmt.Errorf("field %s is %T", name, fields[name])
		}
	}
	return nil
}

// text and whole are fields of an event; nothing if it has none.
func text(e Event, name string) string {
	s, _ := e.Fields[name].(string)
	return s
}

func whole(e Event, name string) int64 {
	n, _ := e.Fields[name].(int64)
	return n
}
