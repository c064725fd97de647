package one

import (
	"math/rand/v2"

	"refold/eventsourcing"
	"refold/processors"
)

// State is a box.
type State struct {
	Owner   string `avro:"owner" json:"owner"`
	Balance int64  `avro:"balance" json:"balance"`
}

// The commands.
type (
	Open struct {
		Owner string `avro:"owner"`
	}
	Put struct {
		Amount int64  `avro:"amount"`
		Note   string `avro:"note"`
	}
	Take struct {
		Amount int64 `avro:"amount"`
	}
	Shake struct{}
)

// The events.
type (
	Opened struct {
		Owner string `avro:"owner"`
	}
	Added struct {
		Amount int64  `avro:"amount"`
		Note   string `avro:"note"`
	}
	Moved struct {
		Amount int64 `avro:"amount"`
		Fee    int64 `avro:"fee"`
	}
	Shaken struct{}
)

// Box is the definition.
func Box() processors.Definition {
	return processors.Aggregate[State, any, any]{
		Name: "box", Plural: "boxes", Decide: decide, Evolve: evolve, Traffic: traffic,
		Commands: []processors.Message{
			processors.Of(Open{"ann"}, "Opens a box."), processors.Of(Put{5, "x"}, "Puts money in."),
			processors.Of(Take{3}, "Takes money out."), processors.Of(Shake{}, "Shakes it."),
		},
		Events: []processors.Message{
			processors.Of(Opened{}, "A box was opened."), processors.Of(Added{}, "Money was put in."),
			processors.Of(Moved{}, "Money was taken out."), processors.Of(Shaken{}, "It was shaken."),
		},
		Rejections: map[string]string{"short": "There is not enough in it.", "closed": "It is not open."},
	}
}

func decide(_ eventsourcing.Context, s State, c any) ([]any, error) {
	if open, is := c.(Open); is {
		return []any{Opened(open)}, nil
	}
	if s.Owner == "" {
		return nil, eventsourcing.Reject("closed", "it is not open")
	}
	switch c := c.(type) {
	case Put:
		return []any{Added(c)}, nil
	case Take:
		if s.Balance < c.Amount+1 {
			return nil, eventsourcing.Reject("short", "%d are in it", s.Balance)
		}
		return []any{Moved{c.Amount, 1}}, nil
	}
	return []any{Shaken{}}, nil
}

func evolve(s State, e eventsourcing.Recorded[any]) State {
	switch event := e.Event.(type) {
	case Opened:
		s.Owner = event.Owner
	case Added:
		s.Balance += event.Amount
	case Moved:
		s.Balance -= event.Amount + event.Fee
	}
	return s
}

func traffic(n int, random *rand.Rand) any {
	switch {
	case n == 0:
		return Open{"ann"}
	case n == 1:
		return Put{100, "x"}
	case n == 2: // so that each box has paid a fee
		return Take{1}
	case random.IntN(3) > 0:
		return Put{1 + random.Int64N(9), "x"}
	case random.IntN(5) == 0:
		return Shake{}
	}
	return Take{1 + random.Int64N(9)}
}
