package programtest_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"refold/client"
	"refold/client/wire"
	"refold/eventsourcing"
	"refold/processors"
	"refold/program"
	"refold/program/programtest"
)

// programOf is a program of one aggregate, a tin, in three generations. In the first, euros were Added. In
// the second, the event was called Put, its money was a text, and a note could be on it; shaking the tin was
// an event, too. Today money are cents, a note is an event of its own, and shaking it means nothing.
func programOf(d processors.Definition) program.Program {
	return program.Program{Name: "tin", Definitions: []processors.Definition{d}}
}

// The events, as each generation has them.
type (
	added1 struct {
		Euros int64 `avro:"euros"`
	}
	put2 struct {
		Money string `avro:"money"`
		Note  string `avro:"note"`
	}
	shaken2 struct {
		Often int64 `avro:"often"`
	}

	tin1 struct {
		Euros int64 `avro:"euros" json:"euros"`
	}
	tin2 struct {
		Money string `avro:"money" json:"money"`
		Notes int64  `avro:"notes" json:"notes"`
	}
)

func first() program.Program {
	type Give added1
	type Added added1
	return programOf(processors.Aggregate[tin1, any, any]{
		Name: "tin", Plural: "tins",
		Decide: func(_ eventsourcing.Context, _ tin1, c any) ([]any, error) {
			return []any{Added(c.(Give))}, nil
		},
		Evolve: func(t tin1, e eventsourcing.Recorded[any]) tin1 {
			return tin1{t.Euros + e.Event.(Added).Euros}
		},
		Commands: []processors.Message{processors.Of(Give{}, "Gives.")},
		Events:   []processors.Message{processors.Of(Added{}, "Was given.")},
	})
}

// toPut is what the second generation makes of an event of the first.
func toPut(e added1) put2 { return put2{Money: euros(e.Euros)} }

func euros(n int64) string { return strconv.FormatInt(n, 10) + " EUR" }

func numberOf(money string) (n int64) {
	_, _ = fmt.Sscanf(money, "%d EUR", &n)
	return n
}

func second() program.Program {
	type Give put2
	type Shake shaken2
	type Put put2
	type Shaken shaken2
	return programOf(processors.Aggregate[tin2, any, any]{
		Name: "tin", Plural: "tins", FoldVersion: 2,
		Decide: func(_ eventsourcing.Context, _ tin2, c any) ([]any, error) {
			if shake, is := c.(Shake); is {
				return []any{Shaken(shake)}, nil
			}
			return []any{Put(c.(Give))}, nil
		},
		Evolve: func(t tin2, e eventsourcing.Recorded[any]) tin2 {
			if put, is := e.Event.(Put); is {
				t.Money = euros(numberOf(t.Money) + numberOf(put.Money))
				if put.Note != "" {
					t.Notes++
				}
			}
			return t
		},
		Commands: []processors.Message{processors.Of(Give{}, "Gives."), processors.Of(Shake{}, "Shakes.")},
		Events: []processors.Message{
			processors.Of(Put{}, "Was put."), processors.Of(Shaken{}, "Was shaken."),
		},
		FormerEvents: []processors.Former{
			processors.Upcast("Added", func(e added1) Put { return Put(toPut(e)) }),
		},
		FormerStates: []processors.Former{
			processors.UpcastState(1, func(t tin1) tin2 { return tin2{Money: euros(t.Euros)} }),
		},
	})
}

// Tin is today's state.
type Tin struct {
	Cents int64  `avro:"cents" json:"cents"`
	Note  string `avro:"note" json:"note"`
}

// Today's commands and events.
type (
	Give struct {
		Cents int64 `avro:"cents"`
	}
	Put struct {
		Cents int64 `avro:"cents"`
	}
	Noted struct {
		Text string `avro:"text"`
	}
)

func third() program.Program {
	return programOf(processors.Aggregate[Tin, any, any]{
		Name: "tin", Plural: "tins", FoldVersion: 3,
		Decide: func(_ eventsourcing.Context, _ Tin, c any) ([]any, error) {
			return []any{Put{c.(Give).Cents}}, nil
		},
		Evolve: func(t Tin, e eventsourcing.Recorded[any]) Tin {
			switch event := e.Event.(type) {
			case Put:
				t.Cents += event.Cents
			case Noted:
				t.Note = event.Text
			}
			return t
		},
		Commands: []processors.Message{processors.Of(Give{}, "Gives.")},
		Events: []processors.Message{
			processors.Of(Put{}, "Was put."), processors.Of(Noted{}, "Was noted."),
		},
		FormerEvents: []processors.Former{
			processors.Upcast("Added", toPut),
			processors.Split("Put", func(e put2) []any {
				parts := []any{Put{100 * numberOf(e.Money)}}
				if e.Note != "" {
					parts = append(parts, Noted{e.Note})
				}
				return parts
			}),
			processors.Split("Shaken", func(shaken2) []any { return nil }),
		},
		FormerCommands: []processors.Former{
			processors.Upcast("Give", toPut),
			processors.Upcast("Give", func(c put2) Give { return Give{100 * numberOf(c.Money)} }),
		},
		FormerStates: []processors.Former{
			processors.UpcastState(1, func(t tin1) tin2 { return tin2{Money: euros(t.Euros)} }),
			processors.UpcastState(2, func(t tin2) Tin { return Tin{Cents: 100 * numberOf(t.Money)} }),
		},
	})
}

// G9: three generations of a program write to the same topics. Today's reads it all: rows before they are
// rebuilt, the rebuild, the past, histories; and sequences go on.
func TestGenerations(t *testing.T) {
	c := programtest.Start(t, first())
	give := func(commandType, data string, sequence int64) {
		t.Helper()
		sent, err := c.Client.Send(t.Context(), "tins", "t", client.Send{
			Type: commandType, Data: []byte(data), Wait: programtest.Patience,
		})
		if err != nil || sent.Status != wire.StatusAccepted || sent.LastSequence != sequence {
			t.Fatalf("%s %s: %+v, %v; want the sequence %d", commandType, data, sent, err, sequence)
		}
	}
	give("Give", `{"euros": 3}`, 1)
	c.Upgrade(second())
	give("Give", `{"money": "2 EUR", "note": "thanks"}`, 2)
	give("Shake", `{"often": 9}`, 3)
	c.Upgrade(third(), "registry.compatibility-overrides", "tins.Shake=NONE") // nobody shakes a tin any more
	row := programtest.State[Tin](c, "tin", "t")
	if row != (Tin{Cents: 500}) {
		t.Errorf("the row of the second generation is read as %+v", row)
	}
	give("Give", `{"cents": 7}`, 4)
	give("Give", `{"money": "1 EUR", "note": ""}`, 5) // from a client that was not upgraded

	rebuild, err := c.Client.AskRebuild(t.Context(), "tins", false, "the test")
	if err != nil {
		t.Fatal(err)
	}
	programtest.Eventually(c, "tin", "t", func(Tin) bool {
		rebuild, err = c.Client.Rebuild(t.Context(), rebuild.ID)
		return err == nil && rebuild.Stage == "done"
	})
	if row := programtest.State[Tin](c, "tin", "t"); row != (Tin{607, "thanks"}) {
		t.Errorf("rebuilt, it is %+v", row)
	}
	for sequence, want := range map[int64]Tin{1: {300, ""}, 2: {500, "thanks"}, 3: {500, "thanks"}} {
		past, err := c.Client.Get(t.Context(), "tins", "t", client.Get{Sequence: sequence})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := client.State[Tin](past); err != nil || got != want || past.Row.Sequence != sequence {
			t.Errorf("at sequence %d it was %+v, %v", sequence, got, err)
		}
	}
	want := []string{
		`1 Added {"euros":3} = Put {"cents":300}`,
		`2 Put {"money":"2 EUR","note":"thanks"} = Put {"cents":200}, Noted {"text":"thanks"}`,
		`3 Shaken {"often":9} = nothing`,
		`4 Put {"cents":7}`,
		`5 Put {"cents":100}`,
	}
	if diff := cmp.Diff(want, historyOf(t, c)); diff != "" {
		t.Error(diff)
	}
}

// historyOf is the history of a tin, a line for each event.
func historyOf(t *testing.T, c *programtest.Cluster) (lines []string) {
	t.Helper()
	for event, err := range c.Client.History(t.Context(), "tins", "t", client.Events{}) {
		if err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprintf("%d %s %s", event.Sequence, event.Type, event.Data)
		var parts []string
		for _, part := range event.ReadAs {
			parts = append(parts, part.Type+" "+string(part.Data))
		}
		switch {
		case len(parts) > 0:
			line += " = " + strings.Join(parts, ", ")
		case event.ReadAs != nil:
			line += " = nothing"
		}
		lines = append(lines, line)
	}
	return lines
}
