package wrong

import (
	"refold/eventsourcing"
	"refold/processors"
	"refold/system/testdata/generations/two"
)

// replaced returns the messages with another one in place of the one at an index, or without it.
func replaced(all []processors.Message, at int, by ...processors.Message) []processors.Message {
	kept := append([]processors.Message{}, all[:at]...)
	return append(append(kept, by...), all[at+1:]...)
}

// The places of events in the second release.
const (
	opened = 0
	added  = 1
	moved  = 2
	shaken = 5
)

// Rename is a field that is called otherwise, without an alias.
func Rename() processors.Definition {
	type Added struct {
		Amount int64  `avro:"amount"`
		Text   string `avro:"text"`
	}
	a := two.Aggregate()
	a.Events = replaced(a.Events, added, processors.Of(Added{}, "Money was put in."))
	return a
}

// Record is a text that is a record now, without an upcaster.
func Record() processors.Definition {
	type Owner struct {
		Name string `avro:"name"`
	}
	type Opened struct {
		Owner Owner `avro:"owner"`
	}
	a := two.Aggregate()
	a.Events = replaced(a.Events, opened, processors.Of(Opened{}, "A box was opened."))
	return a
}

// Split is an event that is two now, and is not known any more.
func Split() processors.Definition {
	a := two.Aggregate()
	a.Events = replaced(a.Events, moved)
	return a
}

// Dropped is a type of events that is not known any more.
func Dropped() processors.Definition {
	a := two.Aggregate()
	a.Events = replaced(a.Events, shaken)
	return a
}

// wider is a state with a field more.
type wider struct {
	Owner   string `avro:"owner" json:"owner"`
	Balance int64  `avro:"balance" json:"balance"`
	Memos   int64  `avro:"memos" json:"memos"`
	Limit   int64  `avro:"limit" json:"limit"`
}

// State is a state with a new field, of the same fold version.
func State() processors.Definition {
	a := two.Aggregate()
	return processors.Aggregate[wider, any, any]{
		Name: a.Name, Plural: a.Plural, FoldVersion: a.FoldVersion,
		Decide: func(c eventsourcing.Context, s wider, command any) ([]any, error) {
			return a.Decide(c, two.State{Owner: s.Owner, Balance: s.Balance, Memos: s.Memos}, command)
		},
		Evolve: func(s wider, e eventsourcing.Recorded[any]) wider {
			next := a.Evolve(two.State{Owner: s.Owner, Balance: s.Balance, Memos: s.Memos}, e)
			return wider{next.Owner, next.Balance, next.Memos, s.Limit}
		},
		Commands: a.Commands, Events: a.Events, Rejections: a.Rejections,
	}
}
