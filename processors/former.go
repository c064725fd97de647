package processors

import (
	"errors"
	"fmt"
	"reflect"

	"refold/codecs"
	"refold/codecs/rules"
	"refold/eventsourcing"
)

// Former is a version of commands, events or states as it was released: topics have it still, and nobody
// writes it any more, unless it has a [Downcast]. It says what today's types make of it. Make it with
// [Upcast], [Split] or [UpcastState].
type Former struct {
	name     string // of the record; empty: that of the rows
	revision int
	format   codecs.Format // empty: the aggregate's
	record   func(codecs.StructOptions) codecs.Type
	// to is the type that a value becomes, nil if there may be several.
	to reflect.Type
	// err says what is wrong with it.
	err error

	// from are the types that are written as this version: see Downcast.
	from []reflect.Type
}

// Upcast returns a former version of a type of commands or events, and what a value of it is in the next
// version, or today. name is the record's, as the type was called then; Old is a struct with the fields of
// that version. The function is pure. The ID, the sequence and the time of an event stay what they were.
func Upcast[Old, New any](name string, upcast func(Old) New) Former {
	return Former{
		name: name, to: reflect.TypeFor[New](),
		record: func(o codecs.StructOptions) codecs.Type { return codecs.FormerOf(o, upcast) },
	}
}

// UpcastBy is [Upcast] by an expression in CEL instead of a function: over the variable message, which is the
// Old value, to the fields of the New one, by their names in the schemas, such as
//
//	processors.UpcastBy[deposited1, MoneyDeposited]("MoneyDeposited",
//		`{"amount": message.euros * 100, "currency": "EUR"}`)
//
// It must set all fields that can't be null: see rules.NewMapping. Mistakes in it are the definition's. A
// record for which it can't be evaluated, such as after an overflow, is poison, as with a function that
// panics. It costs some microseconds for each record, a function a tenth of that.
func UpcastBy[Old, New any](name, expr string) Former {
	mapping, err := rules.NewMapping(reflect.TypeFor[Old](), reflect.TypeFor[New](), expr)
	f := Upcast(name, func(old Old) New {
		made, err := mapping.Apply(old)
		if err != nil {
			panic(err) // codecs.Former makes the record poison
		}
		today, _ := made.(New) // Apply has made one
		return today
	})
	f.err = err
	return f
}

// Split returns a former version of a type of events of which each has become several, or none: in the next
// version, or today. All of them have the ID, the sequence and the time of the event that was written, and
// are folded one after the other. The values are of the aggregate's types of events, or of former ones.
func Split[Old any](name string, upcast func(Old) []any) Former {
	return Former{
		name:   name,
		record: func(o codecs.StructOptions) codecs.Type { return codecs.Former(o, upcast) },
	}
}

// UpcastState returns the state as it was in a fold version, and what it is in the next one, or today: for
// rows of the table that Avro's own rules can't make today's state of. Rows are read so until the table is
// rebuilt, which makes them of their events (G7).
func UpcastState[Old, New any](foldVersion int, upcast func(Old) New) Former {
	return Former{
		revision: foldVersion, to: reflect.TypeFor[New](),
		record: func(o codecs.StructOptions) codecs.Type {
			o.Defaults = true
			return codecs.FormerOf(o, func(r row[Old]) row[New] {
				return row[New]{upcast(r.State), r.Sequence, r.Recent}
			})
		},
	}
}

// Revision returns the version with the revision that [Message.Revision] gave it when it was today's.
func (f Former) Revision(n int) Former {
	f.revision = n
	return f
}

// In returns the version as one that was written in another format than the aggregate's is today.
func (f Former) In(format codecs.Format) Former {
	f.format = format
	return f
}

// formerRecords returns the record types of former versions. rowName is the name of a state's record.
func formerRecords(formers []Former, as codecs.StructOptions, rowName string) []codecs.Type {
	types := make([]codecs.Type, 0, len(formers))
	for _, f := range formers {
		if f.record == nil {
			continue // validate reports it
		}
		o := as
		o.Name, o.Revision = f.name, f.revision
		if f.format != "" {
			o.Format = f.format
		}
		if o.Name == "" {
			o.Name = rowName
		}
		types = append(types, f.record(o))
	}
	return types
}

// check returns what is wrong with a former version in a field of the definition.
func (f Former) check(field string) error {
	switch isState := f.name == ""; {
	case f.err != nil:
		return fmt.Errorf("of %s: %w", f.name, f.err)
	case f.record == nil, isState != (field == "FormerStates"):
		return errors.New("is none; make commands with processors.Upcast, events with that or with " +
			"processors.Split, states with processors.UpcastState")
	case field == "FormerCommands" && f.to == nil:
		return fmt.Errorf("of %s: a command must become one command: use processors.Upcast", f.name)
	}
	return nil
}

// readAs returns the name of the type that a decoded record was written as, and the values that it is today.
func readAs(value any) (written string, values []any) {
	written = eventsourcing.TypeName(value)
	if upcast, is := value.(codecs.Upcast); is {
		written = upcast.Type
	}
	return written, codecs.Values(value)
}

// eventsOf returns the events that a record of a former version has become.
func eventsOf[E any](values []any) ([]E, *codecs.Malformed) {
	events := make([]E, len(values))
	for i, value := range values {
		event, is := value.(E)
		if !is {
			return nil, &codecs.Malformed{
				Reason: codecs.ReasonUnknownType, Err: fmt.Errorf("%T is none of the events", value),
			}
		}
		events[i] = event
	}
	return events, nil
}
