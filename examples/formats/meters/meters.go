package meters

import (
	"embed"
	"fmt"

	"google.golang.org/protobuf/proto"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/processors"
)

//go:generate make -C ../../.. protobuf

// Protos has the .proto file that the messages were generated from.
//
//go:embed meters.proto
var Protos embed.FS

// Command is a wish. The messages below are all there are.
type Command interface {
	proto.Message
	isCommand()
}

// Event is a fact. The messages below are all there are.
type Event interface {
	proto.Message
	isEvent()
}

func (*InstallMeter) isCommand() {}
func (*ReadMeter) isCommand()    {}
func (*MeterInstalled) isEvent() {}
func (*ReadingTaken) isEvent()   {}

// Meter is the state of one meter. Rows are Avro, in every aggregate.
type Meter struct {
	House     string `avro:"house" json:"house"`
	WattHours int64  `avro:"wattHours" json:"wattHours" doc:"What it has shown last."`
	Readings  int64  `avro:"readings" json:"readings"`
}

// Definition is all that a program needs to know of meters.
var Definition = processors.Aggregate[Meter, Command, Event]{
	Name: "meter", Plural: "meters",
	Format: codecs.Protobuf, Protos: Protos,
	Decide: decide, Evolve: evolve, FoldVersion: 1,
	Commands: []processors.Message{
		processors.Of(&InstallMeter{House: "12 Elm Street"}, ""),
		processors.Of(&ReadMeter{WattHours: 1500, Source: Source_SOURCE_PERSON}, "").
			Rule("plausible", "message.watt_hours >= 0 && message.watt_hours < 1000000000",
				"A meter shows 0 to 1,000,000 kilowatt hours."),
	},
	Events: []processors.Message{
		processors.Of(&MeterInstalled{}, ""),
		processors.Of(&ReadingTaken{}, ""),
	},
	// A field that has changed within a message needs no former version: evolve reads both.
	FormerEvents: []processors.Former{
		processors.Split("MeterSwapped", func(e *MeterSwapped) []any {
			return []any{
				&ReadingTaken{WattHours: 1000 * int64(e.GetLastKilowattHours())},
				&MeterInstalled{House: e.GetHouse()},
			}
		}),
	},
	Rejections: map[string]string{
		"no-house":        "A meter must be in a house.",
		"not-installed":   "There is no such meter.",
		"reading-too-low": "A meter never shows less than before.",
	},
	Totals: func(m Meter) []processors.Total {
		return []processors.Total{{Name: "watt hours", Amount: m.WattHours}}
	},
}

func decide(ctx eventsourcing.Context, m Meter, command Command) ([]Event, error) {
	switch c := command.(type) {
	case *InstallMeter:
		if c.GetHouse() == "" {
			return nil, eventsourcing.Reject("no-house", "the house is missing")
		}
		return []Event{&MeterInstalled{House: c.GetHouse()}}, nil
	case *ReadMeter:
		switch {
		case m.House == "":
			return nil, eventsourcing.Reject("not-installed", "there is no meter %s", ctx.Subject)
		case c.GetWattHours() < m.WattHours:
			return nil, eventsourcing.Reject("reading-too-low", "it has shown %d Wh", m.WattHours)
		}
		return []Event{&ReadingTaken{WattHours: c.GetWattHours(), Source: c.GetSource()}}, nil
	}
	return nil, fmt.Errorf("no decision for a %T", command)
}

func evolve(m Meter, recorded eventsourcing.Recorded[Event]) Meter {
	switch e := recorded.Event.(type) {
	case *MeterInstalled:
		m.House = e.GetHouse()
	case *ReadingTaken:
		m.WattHours = e.GetWattHours() + 1000*int64(e.GetKilowattHours()) // one of them is 0
		m.Readings++
	}
	return m
}
