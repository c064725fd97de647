package foldtest

import (
	"context"
	"errors"
	"strconv"
	"testing"

	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"refold/codecs"
	"refold/codecs/released"
	"refold/eventsourcing"
	"refold/processors"
)

// TB is what the methods of [Releases] need of a test. A *testing.T and a *rapid.T have it.
type TB interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// Releases writes records as earlier releases of a program wrote them, with the schemas of a folder of
// released ones ("processor schemas freeze"), and reads them as today's program does.
type Releases[S, C, E any] struct {
	// Opened is the aggregate as today's program has it.
	Opened  *processors.OpenAggregate
	schemas map[string][]releasedSchema // by bare name, version 1 first
}

type releasedSchema struct {
	id   int
	avro *avro.Schema
}

// OpenReleases opens an aggregate with a schema registry in the memory of the test, which has the schemas of
// the folder.
func OpenReleases[S, C, E any](
	tb testing.TB, dir string, definition processors.Aggregate[S, C, E],
) *Releases[S, C, E] {
	tb.Helper()
	folder, err := released.Open(dir)
	if err != nil {
		tb.Fatal(err)
	}
	fake := srfake.New()
	tb.Cleanup(fake.Close)
	r := &Releases[S, C, E]{schemas: map[string][]releasedSchema{}}
	for _, subject := range folder.Subjects() {
		for _, v := range folder.Versions(subject) {
			id := register(tb, fake, subject, &v)
			schema, err := avro.Parse(v.Text)
			if err != nil {
				tb.Fatal(err)
			}
			name := schema.Root().Name
			r.schemas[name] = append(r.schemas[name], releasedSchema{id, schema})
		}
	}
	r.Opened = openAt(tb, registryAt(tb, fake.URL()), definition)
	return r
}

// Write returns a record of a released version, by its bare name, as its topic has it. Its fields are what
// package avro takes for a record.
func (r *Releases[S, C, E]) Write(tb TB, name string, version int, fields map[string]any) []byte {
	tb.Helper()
	if version < 1 || version > len(r.schemas[name]) {
		tb.Fatalf("%s has %d released versions, and not %d", name, len(r.schemas[name]), version)
	}
	schema := r.schemas[name][version-1]
	b, err := schema.avro.AppendEncode(codecs.AppendWireHeader(nil, schema.id), fields)
	if err != nil {
		tb.Fatalf("version %d of %s: %v", version, name, err)
	}
	return b
}

// Today returns a command or an event as today's program writes it.
func (r *Releases[S, C, E]) Today(tb TB, value any) []byte {
	tb.Helper()
	b, err := r.Opened.Events.Encode(value)
	if err != nil {
		b, err = r.Opened.Commands.Encode(value)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// Read returns what a command or an event is today: one value, or several, or none.
func (r *Releases[S, C, E]) Read(tb TB, record []byte) []any {
	tb.Helper()
	value, err := r.Opened.Events.Decode(context.Background(), record)
	if poison, is := errors.AsType[*codecs.Malformed](err); is && poison.Reason == codecs.ReasonUnknownType {
		value, err = r.Opened.Commands.Decode(context.Background(), record)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return codecs.Values(value)
}

// Row returns what a row of the table is today.
func (r *Releases[S, C, E]) Row(tb TB, record []byte) eventsourcing.Snapshot[S] {
	tb.Helper()
	value, err := r.Opened.Table.Decode(record)
	if err != nil {
		tb.Fatal(err)
	}
	row, is := value.(eventsourcing.Snapshot[S])
	if !is {
		tb.Fatalf("a row is a %T", value)
	}
	return row
}

// Fold returns the row that a rebuild makes of a history, whichever releases have written it.
func (r *Releases[S, C, E]) Fold(tb TB, history ...[]byte) eventsourcing.Snapshot[S] {
	tb.Helper()
	var state any
	for i, event := range history {
		decoded, err := r.Opened.Fold.Decode(&kgo.Record{
			Key: []byte("zoe"), Value: event, Headers: []kgo.RecordHeader{
				{Key: codecs.HeaderSequence, Value: strconv.AppendInt(nil, int64(i)+1, 10)},
			},
		})
		if err == nil {
			state, err = r.Opened.Fold.Apply(state, decoded)
		}
		if err != nil {
			tb.Fatalf("event %d: %v", i+1, err)
		}
	}
	row, err := r.Opened.Fold.Row(state, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return r.Row(tb, row)
}
