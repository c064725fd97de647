package schemas_test

import (
	"errors"

	"refold/eventsourcing"
	"refold/processors"
)

// seat is the state of all generations.
type seat struct {
	Guest string `avro:"guest" doc:"Who sits there."`
}

// booking is the definition of an aggregate with these events. Types of one name in different generations are
// versions of one event.
func booking(events ...processors.Message) processors.Definition {
	type TakeSeat struct {
		Guest string `avro:"guest" doc:"Who sits down."`
	}
	return processors.Aggregate[seat, any, any]{
		Name: "seat", Plural: "seats", Namespace: "theatre",
		Decide: func(eventsourcing.Context, seat, any) ([]any, error) { return nil, nil },
		Evolve: func(s seat, _ eventsourcing.Recorded[any]) seat { return s },
		Commands: []processors.Message{
			processors.Of(TakeSeat{}, "Wish to sit down."),
		},
		Events: events,
	}
}

func first() processors.Definition {
	type SeatTaken struct {
		Guest string `avro:"guest" doc:"Who sits there."`
		Price int32  `avro:"price" doc:"In cents."`
	}
	type SeatLeft struct{}
	return booking(processors.Of(SeatTaken{}, "Taken."), processors.Of(SeatLeft{}, "Left."))
}

// added has a field more, with a default: all is compatible.
func added() processors.Definition {
	type SeatTaken struct {
		Guest string `avro:"guest" doc:"Who sits there."`
		Price int32  `avro:"price" doc:"In cents."`
		Row   int32  `avro:"row,default=0" doc:"0: unknown."`
	}
	type SeatLeft struct{}
	return booking(processors.Of(SeatTaken{}, "Taken."), processors.Of(SeatLeft{}, "Left."))
}

// strict has rules for the price, which change nothing for records that there are. The second one is tighter.
func strict(expr string) processors.Definition {
	type SeatTaken struct {
		Guest string `avro:"guest" doc:"Who sits there."`
		Price int32  `avro:"price" doc:"In cents."`
	}
	type SeatLeft struct{}
	return booking(processors.Of(SeatTaken{}, "Taken.").Rule("price", expr, "A price."),
		processors.Of(SeatLeft{}, "Left."))
}

// widened reads old events; programs of the first generation don't read new ones.
func widened() processors.Definition {
	type SeatTaken struct {
		Guest string `avro:"guest" doc:"Who sits there."`
		Price int64  `avro:"price" doc:"In cents."`
	}
	type SeatLeft struct{}
	return booking(processors.Of(SeatTaken{}, "Taken."), processors.Of(SeatLeft{}, "Left."))
}

// renamed has a field under another name, without an alias.
func renamed() processors.Definition {
	type SeatTaken struct {
		Visitor string `avro:"visitor" doc:"Who sits there."`
		Price   int32  `avro:"price" doc:"In cents."`
	}
	type SeatLeft struct{}
	return booking(processors.Of(SeatTaken{}, "Taken."), processors.Of(SeatLeft{}, "Left."))
}

// dropped has an event less.
func dropped() processors.Definition {
	type SeatTaken struct {
		Guest string `avro:"guest" doc:"Who sits there."`
		Price int32  `avro:"price" doc:"In cents."`
	}
	return booking(processors.Of(SeatTaken{}, "Taken."))
}

// upcast has a record of a text, and an event less; both are upcast.
func upcast() processors.Definition { return upcastWith() }

// downcast has a way back: the release before reads what it writes.
func downcast() processors.Definition {
	return upcastWith(func(person string) error {
		if person == "" {
			return errors.New("nobody")
		}
		return nil
	})
}

// upcastWith is upcast, and downcast if a function says who can be.
func upcastWith(able ...func(name string) error) processors.Definition {
	type Person struct {
		Name string `avro:"name" doc:"The full name."`
	}
	type SeatTaken struct {
		Guest Person `avro:"guest" doc:"Who sits there."`
		Price int32  `avro:"price" doc:"In cents."`
	}
	type taken struct {
		Guest string `avro:"guest"`
		Price int32  `avro:"price"`
	}
	type left struct{}
	d := booking(processors.Of(SeatTaken{}, "Taken.")).(processors.Aggregate[seat, any, any])
	seatTaken := processors.Upcast("SeatTaken", func(e taken) SeatTaken {
		return SeatTaken{Guest: Person{e.Guest}, Price: e.Price}
	})
	for _, able := range able {
		seatTaken = processors.Downcast(seatTaken, func(e SeatTaken) (taken, error) {
			return taken{e.Guest.Name, e.Price}, able(e.Guest.Name)
		})
	}
	d.FormerEvents = []processors.Former{
		seatTaken,
		processors.Split("SeatLeft", func(left) []any { return nil }),
	}
	return d
}

// sloppy breaks rules of lint.
func sloppy() processors.Definition {
	type SeatTaken struct {
		Price   float64 `avro:"price" doc:"In euros."`
		TakenAt int64   `avro:"takenAt"`
	}
	return booking(processors.Of(SeatTaken{}, "Taken."))
}
