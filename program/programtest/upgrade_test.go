package programtest_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"refold/client"
	"refold/client/wire"
	"refold/eventsourcing"
	"refold/processors"
	"refold/program"
	"refold/program/programtest"
)

// Cents is the state of a tin in the release that is to come, in cents; the second generation has a text.
type Cents struct {
	Cents int64 `avro:"cents" json:"cents"`
	Paper bool  `avro:"paper" json:"paper"`
}

// inEuros is the text of the second generation for an amount.
func inEuros(cents int64) (string, error) {
	if cents%100 != 0 {
		return "", fmt.Errorf("%d cents are no whole euros", cents)
	}
	return euros(cents / 100), nil
}

// Wrap is a command that the second generation has not, Wrapped its event.
type (
	Wrap    struct{}
	Wrapped struct{}
	// Shake halves what is in the tin. That was a number before.
	Shake struct {
		Often int64 `avro:"often"`
	}
)

// upcoming is the third generation with a way back to the second.
func upcoming() program.Program {
	cents := func(e put2) int64 { return 100 * numberOf(e.Money) }
	down := func(cents int64) (put2, error) { money, err := inEuros(cents); return put2{Money: money}, err }
	return programOf(processors.Aggregate[Cents, any, any]{
		Name: "tin", Plural: "tins", FoldVersion: 3,
		Decide: func(_ eventsourcing.Context, s Cents, c any) ([]any, error) {
			switch c := c.(type) {
			case Give:
				return []any{Put(c)}, nil
			case Shake:
				return []any{Put{-s.Cents / 2}}, nil
			}
			return []any{Wrapped{}}, nil
		},
		Evolve: func(s Cents, e eventsourcing.Recorded[any]) Cents {
			if put, is := e.Event.(Put); is {
				s.Cents += put.Cents
			} else {
				s.Paper = true
			}
			return s
		},
		Commands: []processors.Message{
			processors.Of(Give{}, "Gives."), processors.Of(Shake{}, "Shakes."),
			processors.Of(Wrap{}, "Wraps.").Upcoming(),
		},
		Events: []processors.Message{
			processors.Of(Put{}, "Was put."), processors.Of(Wrapped{}, "Was wrapped.").Upcoming(),
		},
		FormerCommands: []processors.Former{processors.Downcast(
			processors.Upcast("Give", func(c put2) Give { return Give{cents(c)} }),
			func(c Give) (put2, error) { return down(c.Cents) },
		)},
		FormerEvents: []processors.Former{
			processors.Split("Shaken", func(shaken2) []any { return nil }),
			processors.Downcast(
				processors.Upcast("Put", func(e put2) Put { return Put{cents(e)} }),
				func(e Put) (put2, error) { return down(e.Cents) },
			),
		},
		FormerStates: []processors.Former{processors.Downcast(
			processors.UpcastState(2, func(t tin2) Cents { return Cents{Cents: 100 * numberOf(t.Money)} }),
			func(s Cents) (tin2, error) {
				money, err := inEuros(s.Cents)
				if s.Paper {
					err = errors.New("it is wrapped")
				}
				return tin2{Money: money}, err
			},
		)},
	})
}

// tin is a test of one aggregate.
type tin struct {
	*programtest.Cluster

	t *testing.T
}

// send sends a command and returns what the API says of it, in one line.
func (c tin) send(command, data string) string {
	c.t.Helper()
	sent, err := c.Client.Send(c.t.Context(), "tins", "t", client.Send{
		Type: command, Data: []byte(data), Wait: programtest.Patience,
	})
	var problem *client.Problem
	switch {
	case errors.As(err, &problem):
		return problem.Code
	case err != nil:
		c.t.Fatal(err)
	case sent.Status == wire.StatusAccepted:
		return fmt.Sprint("event ", sent.LastSequence)
	}
	return sent.Status + ": " + sent.Code
}

// given sends commands and compares what the API says of them.
func (c tin) given(wants ...[3]string) {
	c.t.Helper()
	for _, want := range wants {
		if got := c.send(want[0], want[1]); got != want[2] {
			c.t.Errorf("%s %s: %q, want %q", want[0], want[1], got, want[2])
		}
	}
}

// rebuilt asks for a rebuild, and compares how many rows it finds equal and changed.
func (c tin) rebuilt(equal, changed int64) {
	c.t.Helper()
	rebuild, err := c.Client.AskRebuild(c.t.Context(), "tins", false, "the test")
	if err != nil {
		c.t.Fatal(err)
	}
	programtest.Eventually(c.Cluster, "tin", "t", func(any) bool {
		rebuild, err = c.Client.Rebuild(c.t.Context(), rebuild.ID)
		return err == nil && rebuild.Stage == "done"
	})
	if rebuild.Totals.Equal != equal || rebuild.Totals.Changed != changed {
		c.t.Errorf("a rebuild finds %d equal rows and changes %d; want %d and %d", rebuild.Totals.Equal,
			rebuild.Totals.Changed, equal, changed)
	}
}

// Given a release with downcasts, when it takes over from the one before, hands back and takes over again,
// then each reads all that the other has written: rows, events, commands. What the other could not read is
// refused until the latest versions may be written.
func TestRollingUpgrade(t *testing.T) {
	c := tin{programtest.Start(t, second()), t}
	c.given([3]string{"Give", `{"money": "2 EUR", "note": ""}`, "event 1"})

	c.Upgrade(upcoming())
	c.given(
		[3]string{"Give", `{"cents": 300}`, "event 2"},
		[3]string{"Give", `{"money": "1 EUR", "note": ""}`, "event 3"}, // from a client of the release before
		[3]string{"Give", `{"cents": 7}`, "not-yet-writable"},          // not sent
		[3]string{"Wrap", `{}`, "not-yet-writable"},
		[3]string{"Shake", `{"often": 1}`, "event 4"},
		[3]string{"Shake", `{"often": 1}`, "rejected: not-yet-writable"},
	)
	c.rebuilt(1, 0)

	c.Upgrade(second()) // it starts with all that the registry has now
	if row := programtest.State[tin2](c.Cluster, "tin", "t"); row != (tin2{Money: "3 EUR"}) {
		t.Errorf("the release before reads the row as %+v", row)
	}
	c.given([3]string{"Give", `{"money": "2 EUR", "note": ""}`, "event 5"})
	c.rebuilt(1, 0)

	c.Upgrade(upcoming())
	c.given(
		[3]string{"Give", `{"cents": 200}`, "event 6"},
		[3]string{"Give", `{"cents": 7}`, "not-yet-writable"},
	)
	c.Upgrade(upcoming(), "aggregates.tin.write", "latest")
	c.given(
		[3]string{"Give", `{"cents": 7}`, "event 7"}, [3]string{"Wrap", `{}`, "event 8"},
		[3]string{"Shake", `{"often": 1}`, "event 9"},
	)
	c.rebuilt(1, 0)
	if row := programtest.State[Cents](c.Cluster, "tin", "t"); row != (Cents{354, true}) {
		t.Errorf("in the end it is %+v", row)
	}
	want := []string{
		`1 Put {"money":"2 EUR","note":""} = Put {"cents":200}`,
		`2 Put {"money":"3 EUR","note":""} = Put {"cents":300}`,
		`3 Put {"money":"1 EUR","note":""} = Put {"cents":100}`,
		`4 Put {"money":"-3 EUR","note":""} = Put {"cents":-300}`,
		`5 Put {"money":"2 EUR","note":""} = Put {"cents":200}`,
		`6 Put {"money":"2 EUR","note":""} = Put {"cents":200}`,
		`7 Put {"cents":7}`, `8 Wrapped {}`, `9 Put {"cents":-353}`,
	}
	if diff := cmp.Diff(want, historyOf(t, c.Cluster)); diff != "" {
		t.Error(diff)
	}
}
