package processors

import (
	"context"
	"errors"
	"reflect"
	"slices"

	"github.com/lovoo/goka"

	"refold/codecs"
	"refold/eventsourcing"
)

// Downcast returns the former version with a way back, for a rolling upgrade: the program writes values of
// New, one of today's types, as Old, until the configuration allows the latest version
// (aggregates.<name>.write). So the release before reads all that this one writes. down is pure; its error
// says why a value can't be expressed in the former version. Commands, events and states of which that is so
// are not written: the command that leads to them is rejected with [eventsourcing.CodeNotYetWritable].
//
// A message must come back as it was: of a value that the upcasters make another one of, the same is true as
// of one that can't be expressed. So a version made with [Split] takes the values of which each is a message
// of its own: one that would be several is none of them. A state need not: the former version may lack what
// is made of events only, and rows have that when they are rebuilt after the upgrade. The state that a
// command is decided on is always that of the row.
//
// The newest former version of a type with a downcast from it is written. Downcasts of earlier releases may
// stay; they are not used.
func Downcast[New, Old any](f Former, down func(New) (Old, error)) Former {
	record, isState := f.record, f.name == ""
	f.from = append(slices.Clip(f.from), reflect.TypeFor[New]())
	if record == nil {
		return f // validate reports it
	}
	f.record = func(o codecs.StructOptions) codecs.Type {
		if !isState {
			return codecs.Downcast(record(o), down)
		}
		return codecs.DowncastLossy(record(o), func(r row[New]) (row[Old], error) {
			state, err := down(r.State)
			return row[Old]{state, r.Sequence, r.Recent}, err
		})
	}
	return f
}

// decider is the aggregate's behaviour, of which nothing comes that can't be written yet.
func (a Aggregate[S, C, E]) decider(events, rows *codecs.Set) eventsourcing.Decider[S, C, E] {
	d := a.Decider()
	decide := d.Decide
	d.Decide = func(c eventsourcing.Context, state S, command C) ([]E, error) {
		decided, err := decide(c, state, command)
		if err != nil || len(decided) == 0 || !events.WritesFormer() && !rows.WritesFormer() {
			return decided, err
		}
		for i, event := range decided {
			if err := writable(events, event); err != nil {
				return nil, err
			}
			state = d.Evolve(state, eventsourcing.Recorded[E]{
				Event: event, Sequence: c.Sequence + 1 + int64(i), Time: c.Time,
			})
		}
		if err := writable(rows, row[S]{State: state}); err != nil {
			return nil, err
		}
		return decided, nil
	}
	return d
}

// writable returns a rejection if a value can't be written yet.
func writable(set *codecs.Set, v any) error {
	err := set.Writable(v)
	if errors.Is(err, codecs.ErrNotYetWritable) {
		return eventsourcing.Reject(eventsourcing.CodeNotYetWritable,
			"%v; once all workers run this release, aggregates.<name>.write: latest allows it", err)
	}
	return err //nolint:wrapcheck // a bug of the domain, by name
}

// rowsVersion is the fold version of the rows that are written.
func (a Aggregate[S, C, E]) rowsVersion(rows *codecs.Set) int {
	version := a.Decider().Version()
	if !rows.WritesFormer() {
		return version
	}
	for _, f := range a.FormerStates { // the newest comes last
		if slices.Contains(f.from, reflect.TypeFor[S]()) {
			version = f.revision
		}
	}
	return version
}

// WriteLatest makes the aggregate write today's versions only: no program is left that reads former ones
// alone. It is called before the aggregate is used.
func (o *OpenAggregate) WriteLatest() {
	for _, set := range o.Sets() {
		set.WriteLatest()
	}
}

// WritesFormer reports whether the aggregate writes a former version of any of its types, or has types that
// it does not write yet.
func (o *OpenAggregate) WritesFormer() bool {
	return slices.ContainsFunc(o.Sets(), (*codecs.Set).WritesFormer)
}

// WriteLatest makes an aggregate write today's versions only: see [OpenAggregate.WriteLatest].
func (o *Opened) WriteLatest(aggregate string) {
	for _, a := range o.Aggregates {
		if a.Name == aggregate {
			a.WriteLatest()
		}
	}
	for _, p := range o.Processes {
		if p.Of.Name == aggregate {
			p.Inputs.WriteLatest() // whose schemas are those of the aggregate
		}
	}
}

// privateState is the first byte of states that no topic has: today's version, and the registry need not know
// it.
const privateState = 0xff

// encodeState encodes a row that never leaves this process's stores, as today's version.
func (c TableCodec[S, R]) encodeState(s eventsourcing.Snapshot[S]) ([]byte, error) {
	if !c.Rows.WritesFormer() {
		return c.Encode(s)
	}
	row := c.ToRow(s.State, s.Sequence, s.Recent.Bytes())
	return c.Rows.EncodeOwn([]byte{privateState}, &row) //nolint:wrapcheck // it names the type
}

// keptRows encodes rows whose state has not changed. If that can't be expressed in the former version, the
// row was written by a program that had been allowed to write the latest: it is kept in that one.
type keptRows[S, R any] struct{ TableCodec[S, R] }

// Encode encodes a snapshot.
func (k keptRows[S, R]) Encode(value any) ([]byte, error) {
	b, err := k.TableCodec.Encode(value)
	if s, is := value.(eventsourcing.Snapshot[S]); is && errors.Is(err, codecs.ErrNotYetWritable) {
		row := k.ToRow(s.State, s.Sequence, s.Recent.Bytes())
		return k.Rows.EncodeLatest(&row) //nolint:wrapcheck // it names the type
	}
	return b, err
}

func (c TableCodec[S, R]) kept() goka.Codec { return keptRows[S, R]{c} }

// decode returns a record as it is read.
func (c TableCodec[S, R]) decode(data []byte) (any, error) {
	if len(data) > 0 && data[0] == privateState {
		return c.Rows.DecodeOwn(data[1:]) //nolint:wrapcheck // it names the type
	}
	return c.Rows.Decode(context.Background(), data) //nolint:wrapcheck // it says what it was doing
}
