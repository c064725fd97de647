package schemas_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/processors"
)

// inJSON is the definition of an aggregate whose event is written as JSON.
func inJSON(event processors.Message) processors.Definition {
	type TakeSeat struct {
		Guest string `json:"guest" doc:"Who sits there."`
	}
	return processors.Aggregate[seat, any, any]{
		Name: "seat", Plural: "seats", Namespace: "theatre", Format: codecs.JSONSchema,
		Decide:   func(eventsourcing.Context, seat, any) ([]any, error) { return nil, nil },
		Evolve:   func(s seat, _ eventsourcing.Recorded[any]) seat { return s },
		Commands: []processors.Message{processors.Of(TakeSeat{}, "Wish to sit down.")},
		Events:   []processors.Message{event},
	}
}

func firstInJSON() processors.Definition {
	type SeatTaken struct {
		Guest string `json:"guest" doc:"Who sits there."`
	}
	return inJSON(processors.Of(SeatTaken{}, "Taken."))
}

// requiring has a member more, which old records lack.
func requiring() processors.Definition {
	type SeatTaken struct {
		Guest string `json:"guest" doc:"Who sits there."`
		Price int64  `json:"price"`
	}
	return inJSON(processors.Of(SeatTaken{}, "Taken."))
}

// offering has an optional one.
func offering() processors.Definition {
	type SeatTaken struct {
		Guest string `json:"guest" doc:"Who sits there."`
		Price int64  `json:"price,omitempty"`
	}
	return inJSON(processors.Of(SeatTaken{}, "Taken."))
}

// ruled has a rule, which changes nothing for records that there are.
func ruled() processors.Definition {
	type SeatTaken struct {
		Guest string `json:"guest" doc:"Who sits there."`
	}
	return inJSON(processors.Of(SeatTaken{}, "Taken.").Rule("guest", "message.guest != \"\"", "A guest."))
}

// Schemas of other formats are checked by the rules of their format, and frozen in their own files.
func TestFormats(t *testing.T) {
	folder := t.TempDir()
	against := []string{"--against", folder}
	expect(t, 0, []string{"theatre.SeatTaken: version 1", "4 of 4 schemas are new"},
		firstInJSON(), "freeze", folder)
	expect(t, 0, []string{"4 schemas are compatible"}, firstInJSON(),
		append([]string{"check"}, against...)...)
	expect(t, 1, []string{"theatre.SeatTaken, version 1", "price", "backward"},
		requiring(), append([]string{"check"}, against...)...)
	expect(t, 0, nil, offering(), append([]string{
		"check", "--registry.compatibility-overrides", "theatre.SeatTaken=BACKWARD_TRANSITIVE",
	}, against...)...)
	expect(t, 1, []string{
		"#.price: field-added: integer, required (breaks backward", "1 changes: not compatible",
	}, requiring(), append([]string{"diff", "theatre.SeatTaken"}, against...)...)
	expect(t, 1, []string{"#.price: field-added: integer, required (breaks backward"}, requiring(),
		append([]string{"check"}, against...)...)
	expect(t, 0, []string{
		`rule: guest: message.guest != "" (A guest.) (compatible)`, "1 changes: compatible",
	}, ruled(), append([]string{"diff", "theatre.SeatTaken"}, against...)...)
	expect(t, 0, []string{"theatre.SeatTaken"}, firstInJSON(), append([]string{"list"}, against...)...)
	expect(t, 0, []string{"0 problems in 4 schemas"}, firstInJSON(), "lint")
	expect(t, 1, []string{"price"}, requiring(), "lint")
	type SeatTaken struct {
		Guest string `avro:"guest"`
	}
	expect(t, 1, []string{"format"}, booking(processors.Of(SeatTaken{}, "Taken.")),
		append([]string{"check"}, against...)...)
}

// Versions that other programs have registered are compared field by field, too.
func TestDiffOfProtobuf(t *testing.T) {
	fake := srfake.New()
	t.Cleanup(fake.Close)
	client, err := sr.NewClient(sr.URLs(fake.URL()))
	if err != nil {
		t.Fatal(err)
	}
	const guest, price = "string guest = 1;", "int64 price = 2;"
	for _, fields := range []string{guest, guest + price, price} {
		if _, err := client.CreateSchema(t.Context(), "theatre.SeatTaken", sr.Schema{
			Type:   sr.TypeProtobuf,
			Schema: `syntax = "proto3"; package theatre; message SeatTaken { ` + fields + ` }`,
		}); err != nil {
			t.Fatal(err)
		}
	}
	diff := []string{"diff", "--registry.urls", fake.URL(), "theatre.SeatTaken"}
	expect(t, 0, []string{
		"SeatTaken.price: field-added: int64 = 2 (compatible)", "1 changes: compatible",
	}, firstInJSON(), append(diff, "1", "2")...)
	expect(t, 1, []string{
		"SeatTaken.guest: field-removed: string = 1, no more (breaks backward)", "1 changes: not compatible",
	}, firstInJSON(), append(diff, "2", "3")...)
}
