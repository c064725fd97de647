package foldtest

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/testing/protocmp"

	"refold/codecs"
	"refold/codecs/avrotest"
	"refold/eventsourcing"
	"refold/processors"
)

// KnowsEveryType checks that each value, a command or an event, is encoded by the set of its topic and comes
// back, that of Avro a second library agrees on its schema, and that a value of each type was given.
func KnowsEveryType(t *testing.T, definition processors.AggregateDefinition, values ...any) {
	t.Helper()
	opened := Open(t, definition)
	known := map[string]*codecs.Set{}
	for _, set := range []*codecs.Set{opened.Commands, opened.Events} {
		for _, name := range set.Types() {
			known[name] = set
		}
	}
	for _, name := range opened.Internal {
		if known[name] != opened.Commands {
			t.Errorf("%s, which only processes send, is no command", name)
		}
	}
	tried := map[string]bool{}
	for _, value := range values {
		name := eventsourcing.TypeName(value)
		set := known[name]
		if set == nil {
			t.Errorf("%T is neither a command nor an event", value)
			continue
		}
		tried[name] = true
		if set.Format(name) == codecs.Avro {
			avrotest.CrossCheck(t, opened.SchemaText(name), value)
			avrotest.CrossCheckSchema(t, opened.SchemaText(name))
		}
		b, err := set.Encode(value)
		if err != nil {
			t.Fatal(err)
		}
		got, err := set.Decode(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(value, got, cmpopts.EquateEmpty(), protocmp.Transform()); diff != "" {
			t.Errorf("(-sent +got):\n%s", diff)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if !tried[name] {
			t.Errorf("no value of %s was given", name)
		}
	}
}

// KeepsRows checks that rows come back as they were, that the same state is the same bytes (G4), and that
// nothing else is taken for a row.
func KeepsRows[S, C, E any](
	t *testing.T, definition processors.Aggregate[S, C, E], rows ...eventsourcing.Snapshot[S],
) {
	t.Helper()
	opened := Open(t, definition)
	for _, want := range rows {
		b, err := opened.Table.Encode(want)
		if err != nil {
			t.Fatal(err)
		}
		value, err := opened.Table.Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := value.(eventsourcing.Snapshot[S])
		if diff := cmp.Diff(want.State, got.State, cmpopts.EquateEmpty()); diff != "" ||
			got.Sequence != want.Sequence || !got.Recent.Equal(want.Recent) {
			t.Errorf("got %+v; (-want +got):\n%s", got, diff)
		}
		if again, err := opened.Table.Encode(got); err != nil || !bytes.Equal(again, b) {
			t.Errorf("encoded again: %x, first: %x, %v", again, b, err)
		}
	}
	var state S
	if _, err := opened.Table.Encode(state); err == nil || !strings.Contains(err.Error(), "snapshot") {
		t.Errorf("a state is taken for a row: %v", err)
	}
	example, ok := opened.Traffic(0, nil), opened.Traffic != nil
	if b, err := opened.Commands.Encode(example); ok && err == nil {
		if _, err := opened.Table.Decode(b); err == nil {
			t.Error("a command was decoded as a row")
		}
	}
}

// EveryCodeIsProvoked checks that the codes are those that the definition lists: a code that nothing provokes
// is a promise that nobody has tried.
func EveryCodeIsProvoked[S, C, E any](
	t *testing.T, definition processors.Aggregate[S, C, E], provoked ...string,
) {
	t.Helper()
	for code := range definition.Rejections {
		if !slices.Contains(provoked, code) {
			t.Errorf("no test provokes %q", code)
		}
	}
	for _, code := range provoked {
		if definition.Rejections[code] == "" {
			t.Errorf("the definition does not list %q", code)
		}
	}
}
