package foldtest

import (
	"bytes"
	"fmt"
	"strconv"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/processors"
)

// ringSize is as many commands as rows remember by default.
const ringSize = 16

// leastEvents is how many events the commands must lead to, or nothing is tried.
const leastEvents = 5

// Rows encodes an aggregate's rows.
type Rows interface{ Encode(row any) ([]byte, error) }

// MakesTheRows handles commands of one aggregate, one after the other, and checks after each that the fold of
// the events makes the very row that handling has made, byte for byte (G4, G7). events and rows are the
// codecs of the aggregate's topics. Commands that are rejected belong among them.
func MakesTheRows[S, C, E any](
	t *testing.T, d eventsourcing.Decider[S, C, E], fold *processors.Fold[S, E], events *codecs.Set,
	rows Rows, commands []C,
) {
	t.Helper()
	var live eventsourcing.Snapshot[S]
	var state any
	for i, command := range commands {
		envelope := eventsourcing.Envelope[C]{
			Metadata: eventsourcing.Metadata{ID: fmt.Sprint("command ", i), Subject: "zoe"}, Data: command,
		}
		outcome, err := eventsourcing.Handle(d, ringSize, live, envelope)
		if err != nil {
			t.Fatal(err)
		}
		live = outcome.Snapshot
		for _, event := range outcome.Events {
			state = apply(t, fold, events, state, event.Data, event.Sequence)
		}
		row, err := rows.Encode(live)
		if err != nil {
			t.Fatal(err)
		}
		folded, err := fold.Row(state, row)
		if err != nil {
			t.Fatal(err)
		}
		if equal, err := fold.Equal(state, row); !equal || err != nil || !bytes.Equal(row, folded) {
			t.Errorf("after %#v: equal %v, error %v, rows\n%x\n%x", command, equal, err, row, folded)
		}
	}
	if live.Sequence < leastEvents {
		t.Errorf("the commands lead to %d events", live.Sequence)
	}
}

// apply folds an event as its topic has it.
func apply[S, E any](
	t *testing.T, fold *processors.Fold[S, E], events *codecs.Set, state, event any, sequence int64,
) any {
	t.Helper()
	value, err := events.Encode(event)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := fold.Decode(&kgo.Record{
		Key: []byte("zoe"), Value: value, Headers: []kgo.RecordHeader{
			{Key: codecs.HeaderSequence, Value: strconv.AppendInt(nil, sequence, 10)},
		},
	})
	if err == nil {
		state, err = fold.Apply(state, decoded)
	}
	if err != nil {
		t.Fatal(err)
	}
	return state
}
