package cataloguetest

import (
	"time"

	"refold/eventsourcing"
	"refold/processors"
)

// theatre is a small program in which there is one of everything: nested, optional and logical types, foreign
// text, a former version, a type that there was, a process, and an aggregate without results.
func theatre() []processors.Definition { //nolint:funlen // types of one program, which belong together
	type Place struct {
		Row    string `avro:"row" doc:"A to Z."`
		Number int32  `avro:"number" doc:"From 1."`
	}
	type TakeSeat struct {
		Guest string    `avro:"guest" doc:"Who <b>sits</b> there | & \"pays\" *now*."`
		Place Place     `avro:"place" doc:"Where."`
		Until time.Time `avro:"until" doc:"When the play ends."`
		Note  *string   `avro:"note" doc:"For the usher."`
	}
	type GreetGuest struct{}
	type SeatTaken struct {
		Guest string           `avro:"guest" doc:"Who sits there."`
		Place Place            `avro:"place" doc:"Where."`
		Paid  map[string]int64 `avro:"paid,default={}" doc:"In cents, by currency."`
	}
	type GuestGreeted struct{}
	type seat struct {
		Guest   string `avro:"guest" doc:"Empty: nobody."`
		Greeted bool   `avro:"greeted" doc:"Whether the usher was there."`
	}
	type taken1 struct { // had the place in one text
		Guest string `avro:"guest"`
		Place string `avro:"place"`
	}
	type left1 struct{} // means nothing any more
	aggregate := processors.Aggregate[seat, any, any]{
		Name: "seat", Plural: "seats", Namespace: "theatre",
		Decide: func(_ eventsourcing.Context, s seat, command any) ([]any, error) {
			switch c := command.(type) {
			case TakeSeat:
				if s.Guest == "" {
					paid := map[string]int64{"EUR": 2500}
					return []any{SeatTaken{Guest: c.Guest, Place: c.Place, Paid: paid}}, nil
				}
			case GreetGuest:
				if s.Guest != "" && !s.Greeted {
					return []any{GuestGreeted{}}, nil
				}
			}
			return nil, eventsourcing.Reject("too-late", "not now")
		},
		Evolve: func(s seat, e eventsourcing.Recorded[any]) seat {
			if taken, is := e.Event.(SeatTaken); is {
				return seat{Guest: taken.Guest}
			}
			return seat{s.Guest, true}
		},
		Commands: []processors.Message{
			processors.Of(TakeSeat{
				Guest: "Zoë", Place: Place{"A", 1}, Until: time.Date(2026, 1, 31, 22, 0, 0, 0, time.UTC),
			}, "Wish to sit down.").
				Rule("guest-given", "message.guest != '' || false", "A <guest> | a name."),
			processors.Of(GreetGuest{}, "Wish to say hello.").Internal(),
		},
		Events: []processors.Message{
			processors.Of(SeatTaken{}, "Somebody sits there."),
			processors.Of(GuestGreeted{}, "Was said hello to."),
		},
		FormerEvents: []processors.Former{
			processors.Upcast("SeatTaken", func(e taken1) SeatTaken {
				return SeatTaken{Guest: e.Guest, Place: Place{Row: e.Place}}
			}),
			processors.Split("SeatLeft", func(left1) []any { return nil }),
		},
		Rejections: map[string]string{"too-late": "Somebody <i>sits</i> there | already."},
	}
	ushers := processors.Process[any]{
		Name: "ushers", Of: aggregate, StartAtNewest: true,
		Commands: []processors.AggregateDefinition{aggregate},
		React: func(e eventsourcing.Envelope[any]) []eventsourcing.Instruction {
			if _, is := e.Data.(SeatTaken); !is {
				return nil
			}
			return []eventsourcing.Instruction{{Aggregate: "seat", Subject: e.Subject, Command: GreetGuest{}}}
		},
	}
	return []processors.Definition{aggregate, doors(), ushers}
}

// doors are an aggregate without results.
func doors() processors.Definition {
	type OpenDoor struct{}
	type DoorOpened struct{}
	type door struct {
		Open bool `avro:"open" doc:"Whether it is."`
	}
	return processors.Aggregate[door, any, any]{
		Name: "door", Plural: "doors", Defaults: processors.Settings{NoResults: true},
		Decide:   func(eventsourcing.Context, door, any) ([]any, error) { return []any{DoorOpened{}}, nil },
		Evolve:   func(door, eventsourcing.Recorded[any]) door { return door{true} },
		Commands: []processors.Message{processors.Of(OpenDoor{}, "Wish to let guests in.")},
		Events:   []processors.Message{processors.Of(DoorOpened{}, "Guests come in.")},
	}
}
