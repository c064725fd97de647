package eventsourcing_test

import (
	"errors"

	"refold/eventsourcing"
)

// tally is a small aggregate: it adds numbers up, and refuses to fall below zero.
type tally struct{ Sum, Events int64 }

type (
	tallyCommand interface{ tallyCommand() }
	// add adds N in one event; nothing to do for 0.
	add struct{ N int64 }
	// addEach adds each number in an event of its own.
	addEach struct{ N []int64 }
	// broken makes Decide break its contract.
	broken struct{ how string }
)

func (add) tallyCommand()     {}
func (addEach) tallyCommand() {}
func (broken) tallyCommand()  {}

type (
	tallyEvent interface{ tallyEvent() }
	added      struct{ N int64 }
)

func (added) tallyEvent() {}

var errDatabase = errors.New("database is down")

var tallyDecider = eventsourcing.Decider[tally, tallyCommand, tallyEvent]{
	Decide: func(_ eventsourcing.Context, s tally, c tallyCommand) ([]tallyEvent, error) {
		switch c := c.(type) {
		case add:
			return decideAdd(s, c.N)
		case addEach:
			return decideAdd(s, c.N...)
		case broken:
			return breakContract(c.how)
		}
		return nil, errors.New("no such command")
	},
	Evolve: func(s tally, e eventsourcing.Recorded[tallyEvent]) tally {
		return tally{Sum: s.Sum + e.Event.(added).N, Events: s.Events + 1}
	},
}

func decideAdd(s tally, numbers ...int64) ([]tallyEvent, error) {
	var events []tallyEvent
	for _, n := range numbers {
		if n == 0 {
			continue
		}
		if s.Sum += n; s.Sum < 0 {
			return nil, eventsourcing.Reject("below-zero", "the sum would be %d", s.Sum)
		}
		events = append(events, added{n})
	}
	return events, nil
}

func breakContract(how string) ([]tallyEvent, error) {
	switch how {
	case "plain error":
		return nil, errDatabase
	case "nil rejection":
		var r *eventsourcing.Rejection
		return nil, r
	case "no code":
		return nil, eventsourcing.Reject("", "for no reason")
	case "long code":
		return nil, eventsourcing.Reject(string(make([]byte, 65)), "for a long reason")
	case "both":
		return []tallyEvent{added{1}}, eventsourcing.Reject("no", "but still")
	case "nil event":
		return []tallyEvent{nil}, nil
	}
	panic(how)
}
