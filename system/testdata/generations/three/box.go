package three

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"refold/eventsourcing"
	"refold/processors"
)

// Owner was a text.
type Owner struct {
	Name    string `avro:"name" json:"name"`
	Country string `avro:"country" json:"country"`
}

// State is a box.
type State struct {
	Owner   Owner `avro:"owner" json:"owner"`
	Balance int64 `avro:"balance" json:"balance"`
	Memos   int64 `avro:"memos" json:"memos"`
	Fees    int64 `avro:"fees" json:"fees"`
	Locked  bool  `avro:"locked" json:"locked"`
}

// The commands.
type (
	Open struct {
		Owner Owner `avro:"owner"`
	}
	Put struct {
		Amount int64  `avro:"amount"`
		Memo   string `avro:"memo,alias=note"`
	}
	Take struct {
		Amount int64 `avro:"amount"`
	}
	Shake struct{}
	Lock  struct{}
)

// The events.
type (
	Opened struct {
		Owner Owner `avro:"owner"`
	}
	Added struct {
		Amount int64  `avro:"amount"`
		Memo   string `avro:"memo,alias=note"`
	}
	Taken struct {
		Amount int64 `avro:"amount"`
	}
	Charged struct {
		Fee int64 `avro:"fee"`
	}
	Locked struct{}
)

// The former versions.
type (
	open2 struct {
		Owner string `avro:"owner"`
	}
	opened2 struct {
		Owner string `avro:"owner"`
	}
	moved2 struct {
		Amount int64 `avro:"amount"`
		Fee    int64 `avro:"fee"`
	}
	shaken2 struct{}
	state2  struct {
		Owner   string `avro:"owner"`
		Balance int64  `avro:"balance"`
		Memos   int64  `avro:"memos"`
	}
)

// name is the owner as the release before knows it.
func name(o Owner) (string, error) {
	if o.Country != "" {
		return "", fmt.Errorf("the owner has a country, %q", o.Country)
	}
	return o.Name, nil
}

// Box is the definition.
func Box() processors.Definition {
	return processors.Aggregate[State, any, any]{
		Name: "box", Plural: "boxes", FoldVersion: 3, Decide: decide, Evolve: evolve, Traffic: traffic,
		Commands: []processors.Message{
			processors.Of(Open{Owner{Name: "ann"}}, "Opens a box."),
			processors.Of(Put{5, "x"}, "Puts money in."), processors.Of(Take{3}, "Takes money out."), processors.Of(Shake{}, "Does nothing."),
			processors.Of(Lock{}, "Locks it.").Upcoming(),
		},
		Events: []processors.Message{
			processors.Of(Opened{}, "A box was opened."), processors.Of(Added{}, "Money was put in."),
			processors.Of(Taken{}, "Money was taken out."), processors.Of(Charged{}, "A fee was taken."),
			processors.Of(Locked{}, "It was locked.").Upcoming(),
		},
		FormerCommands: []processors.Former{processors.Downcast(
			processors.Upcast("Open", func(c open2) Open { return Open{Owner{Name: c.Owner}} }),
			func(c Open) (open2, error) { owner, err := name(c.Owner); return open2{owner}, err },
		)},
		FormerEvents: []processors.Former{
			processors.Downcast(
				processors.Upcast("Opened", func(e opened2) Opened { return Opened{Owner{Name: e.Owner}} }),
				func(e Opened) (opened2, error) { owner, err := name(e.Owner); return opened2{owner}, err },
			),
			processors.Split("Moved", func(e moved2) []any { return []any{Taken{e.Amount}, Charged{e.Fee}} }),
			processors.Split("Shaken", func(shaken2) []any { return nil }),
		},
		FormerStates: []processors.Former{processors.Downcast(
			processors.UpcastState(2, func(s state2) State {
				return State{Owner: Owner{Name: s.Owner}, Balance: s.Balance, Memos: s.Memos}
			}),
			func(s State) (state2, error) {
				owner, err := name(s.Owner)
				if s.Locked {
					err = errors.New("it is locked")
				}
				return state2{owner, s.Balance, s.Memos}, err // fees are made of events alone
			},
		)},
		Rejections: map[string]string{
			"short": "There is not enough in it.", "closed": "It is not open.", "idle": "That does nothing.",
		},
	}
}

func decide(_ eventsourcing.Context, s State, c any) ([]any, error) {
	if open, is := c.(Open); is {
		return []any{Opened(open)}, nil
	}
	if s.Owner.Name == "" || s.Locked {
		return nil, eventsourcing.Reject("closed", "it is not open")
	}
	switch c := c.(type) {
	case Put:
		return []any{Added(c)}, nil
	case Lock:
		return []any{Locked{}}, nil
	case Take:
		if s.Balance < c.Amount+1 {
			return nil, eventsourcing.Reject("short", "%d are in it", s.Balance)
		}
		return []any{Taken(c), Charged{1}}, nil
	}
	return nil, eventsourcing.Reject("idle", "to shake it does nothing any more")
}

func evolve(s State, e eventsourcing.Recorded[any]) State {
	switch event := e.Event.(type) {
	case Opened:
		s.Owner = event.Owner
	case Added:
		s.Balance += event.Amount
		if event.Memo != "" {
			s.Memos++
		}
	case Taken:
		s.Balance -= event.Amount
	case Charged:
		s.Balance -= event.Fee
		s.Fees += event.Fee
	case Locked:
		s.Locked = true
	}
	return s
}

func traffic(n int, random *rand.Rand) any {
	switch {
	case n == 0:
		return Open{Owner{Name: "cid"}}
	case n == 1:
		return Put{100, "z"}
	case n == 2: // so that each box has paid a fee
		return Take{1}
	case random.IntN(3) > 0:
		return Put{1 + random.Int64N(9), "z"}
	}
	return Take{1 + random.Int64N(9)}
}
