package foldtest

import (
	"bytes"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/fold"
	"refold/processors"
)

// ringSize is as many commands as rows remember by default.
const ringSize = 16

// leastEvents is how many events the commands must lead to, or nothing is tried.
const leastEvents = 5

// registryOf returns a client of a schema registry in the memory of the test.
func registryOf(tb testing.TB) *codecs.Registry {
	tb.Helper()
	fake := srfake.New()
	tb.Cleanup(fake.Close)
	return registryAt(tb, fake.URL())
}

func registryAt(tb testing.TB, url string) *codecs.Registry {
	tb.Helper()
	registry, err := codecs.NewRegistry(codecs.RegistrySettings{URLs: []string{url}, Mode: codecs.Register})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(registry.Close)
	return registry
}

// Open opens an aggregate with a schema registry in the memory of the test.
func Open(tb testing.TB, definition processors.AggregateDefinition) *processors.OpenAggregate {
	tb.Helper()
	return openAt(tb, registryOf(tb), definition)
}

func openAt(
	tb testing.TB, registry *codecs.Registry, definition processors.AggregateDefinition,
) *processors.OpenAggregate {
	tb.Helper()
	opened, err := definition.Open(registry)
	if err == nil {
		err = opened.Prepare(tb.Context())
	}
	if err != nil {
		tb.Fatal(err)
	}
	return opened
}

// MakesTheRows handles commands of one aggregate, one after the other, and checks after each that the fold of
// the events makes the very row that handling has made, byte for byte (G4, G7). Commands that are rejected
// belong among them.
func MakesTheRows[S, C, E any](t *testing.T, definition processors.Aggregate[S, C, E], commands []C) {
	t.Helper()
	opened, d := Open(t, definition), definition.Decider()
	folding, events, rows := opened.Fold, opened.Events, opened.Table
	var live eventsourcing.Snapshot[S]
	var state any
	for i, command := range commands {
		envelope := eventsourcing.Envelope[C]{
			Metadata: eventsourcing.Metadata{
				ID: fmt.Sprint("command ", i), Subject: "zoe",
				Time: time.UnixMilli(1_790_000_000_000 + int64(i)*1_234_567).UTC(),
			},
			Data: command,
		}
		outcome, err := eventsourcing.Handle(d, ringSize, live, envelope)
		if err != nil {
			t.Fatal(err)
		}
		live = outcome.Snapshot
		for _, event := range outcome.Events {
			state = apply(t, folding, events, state, event)
		}
		row, err := rows.Encode(live)
		if err != nil {
			t.Fatal(err)
		}
		folded, err := folding.Row(state, row)
		if err != nil {
			t.Fatal(err)
		}
		if equal, err := folding.Equal(state, row); !equal || err != nil || !bytes.Equal(row, folded) {
			t.Errorf("after %#v: equal %v, error %v, rows\n%x\n%x", command, equal, err, row, folded)
		}
	}
	if live.Sequence < leastEvents {
		t.Errorf("the commands lead to %d events", live.Sequence)
	}
}

// apply folds an event as its topic has it.
func apply[E any](
	t *testing.T, folding fold.RowFold, events *codecs.Set, state any, event eventsourcing.Envelope[E],
) any {
	t.Helper()
	value, err := events.Encode(event.Data)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := folding.Decode(&kgo.Record{
		Key: []byte("zoe"), Value: value, Headers: []kgo.RecordHeader{
			{Key: codecs.HeaderSequence, Value: strconv.AppendInt(nil, event.Sequence, 10)},
			{Key: codecs.HeaderTime, Value: event.Time.AppendFormat(nil, time.RFC3339Nano)},
		},
	})
	if err == nil {
		state, err = folding.Apply(state, decoded)
	}
	if err != nil {
		t.Fatal(err)
	}
	return state
}
