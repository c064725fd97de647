package eventsourcing_test

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"refold/eventsourcing"
)

type (
	rang    struct{ Volume int }
	openFor struct{ Guest string }
	greet   struct{ As string }
)

// doorman opens the door when the bell rings, and greets when it is open.
var doorman = eventsourcing.Process[rang]{
	Name: "doorman",
	React: func(e eventsourcing.Envelope[rang]) []eventsourcing.Instruction {
		if e.Data.Volume == 0 {
			return nil
		}
		return []eventsourcing.Instruction{
			{Aggregate: "door", Subject: "front", Command: openFor{e.Subject}},
			{Aggregate: "door", Subject: "inner", Command: openFor{e.Subject}},
		}
	},
	Conclude: func(r eventsourcing.Reply) []eventsourcing.Instruction {
		if !r.Result.Accepted {
			return nil
		}
		return []eventsourcing.Instruction{
			{Aggregate: "bell", Subject: r.Origin.Subject, Command: greet{r.Subject}},
		}
	},
}

var rangAt = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func ring(volume int) eventsourcing.Envelope[rang] {
	return eventsourcing.Envelope[rang]{Data: rang{volume}, Metadata: eventsourcing.Metadata{
		ID: "bell-1/7", Subject: "bell-1", Sequence: 7, Time: rangAt, CorrelationID: "visit",
		CausationID: "push", Traceparent: "00-trace",
	}}
}

func TestProcess_commandsAreDerivedFromTheirCause(t *testing.T) {
	got := doorman.On(ring(1))
	want := eventsourcing.Sent{Aggregate: "door", Envelope: eventsourcing.Envelope[any]{
		Data: openFor{"bell-1"}, Metadata: eventsourcing.Metadata{
			ID: "bell-1/7/doorman.0", Source: "doorman", Type: "openFor", Subject: "front",
			Time: rangAt, CorrelationID: "visit", CausationID: "bell-1/7", Traceparent: "00-trace",
		},
	}}
	if len(got) != 2 || !reflect.DeepEqual(got[0], want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got[1].ID != "bell-1/7/doorman.1" || got[1].Subject != "inner" {
		t.Errorf("the second command is %+v", got[1])
	}
	if again := doorman.On(ring(1)); !reflect.DeepEqual(again, got) {
		t.Errorf("reacting again gives %+v", again)
	}
	if got := doorman.On(ring(0)); len(got) > 0 {
		t.Errorf("an event that leads to nothing leads to %+v", got)
	}
}

func TestProcess_resultGoesBackToTheEvent(t *testing.T) {
	metadata := eventsourcing.Metadata{
		ID: "bell-1/7/doorman.0/result", Subject: "front", Time: rangAt, CorrelationID: "visit",
		CausationID: "bell-1/7/doorman.0",
	}
	got := doorman.OnResult(&metadata,
		eventsourcing.Result{
			CommandID: "bell-1/7/doorman.0", Accepted: true, FirstSequence: 12, LastSequence: 13,
		})
	want := []eventsourcing.Sent{{Aggregate: "bell", Envelope: eventsourcing.Envelope[any]{
		Data: greet{"front"}, Metadata: eventsourcing.Metadata{
			ID: "bell-1/7/doorman.0/result.12/doorman.0", Source: "doorman", Type: "greet",
			Subject: "bell-1", Time: rangAt, CorrelationID: "visit",
			CausationID: "bell-1/7/doorman.0/result",
		},
	}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// A command that was forgotten and decided again has several outcomes. What follows from each is a
// command of its own, or the target would take the second for the first, and miss what happened.
func TestProcess_outcomesOfOneCommandAreToldApart(t *testing.T) {
	const id = "bell-1/7/doorman.0"
	talkative := doorman
	talkative.Conclude = func(eventsourcing.Reply) []eventsourcing.Instruction {
		return []eventsourcing.Instruction{{Aggregate: "bell", Subject: "x", Command: greet{}}}
	}
	for want, result := range map[string]eventsourcing.Result{
		id + "/result/doorman.0":    {Code: "no"},
		id + "/result.3/doorman.0":  {Accepted: true, FirstSequence: 3, LastSequence: 3},
		id + "/result.12/doorman.0": {Accepted: true, FirstSequence: 12, LastSequence: 14},
	} {
		result.CommandID = id
		for _, r := range []eventsourcing.Result{result, result} {
			got := talkative.OnResult(&eventsourcing.Metadata{ID: eventsourcing.ResultID(id)}, r)
			if len(got) != 1 || got[0].ID != want || got[0].CausationID != id+"/result" {
				t.Errorf("%+v leads to %+v, wanted the ID %s", r, got, want)
			}
		}
	}
	nothing := eventsourcing.Result{CommandID: id, Accepted: true, FirstSequence: 4, LastSequence: 3}
	got := talkative.OnResult(&eventsourcing.Metadata{ID: eventsourcing.ResultID(id)}, nothing)
	if got[0].ID != id+"/result/doorman.0" {
		t.Errorf("accepted without events: %s", got[0].ID)
	}
}

func TestProcess_resultsOfOthersLeadToNothing(t *testing.T) {
	for _, id := range []string{
		"", "c1", "bell-1/7", "doorman.0", "/doorman.0", "bell-1/doorman.0", "bell-1/0/doorman.0",
		"bell-1/07/doorman.0", "bell-1/+7/doorman.0", "bell-1/7/doorman.", "bell-1/7/doorman.x",
		"bell-1/7/doorman.-1", "bell-1/7/butler.0", "bell-1/7/doorman.0/result", "/7/doorman.0",
		"c1/result/doorman.0",
	} {
		result := eventsourcing.Result{CommandID: id, Accepted: true}
		if got := doorman.OnResult(&eventsourcing.Metadata{Subject: "front"}, result); got != nil {
			t.Errorf("the result of %q leads to %+v", id, got)
		}
		if doorman.Own(id) {
			t.Errorf("%q is the ID of a command of its own", id)
		}
	}
}

// Whatever an aggregate is called, the result of a command finds its way back to the event, also
// over several steps.
func TestProcess_originIsFoundAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		subject := rapid.StringN(1, 40, -1).Draw(t, "subject")
		subject += rapid.SampledFrom([]string{
			"", "/1", "/result", "/result.1", "/doorman.0", "/1/doorman.0", "/1/doorman.0/result.7",
		}).
			Draw(t, "tail")
		origin := eventsourcing.EventRef{
			Subject: subject, Sequence: rapid.Int64Min(1).Draw(t, "sequence"),
		}
		if ref, is := eventsourcing.ParseEventRef(origin.ID()); !is || ref != origin {
			t.Fatalf("%q is read as %+v, %v", origin.ID(), ref, is)
		}
		var seen eventsourcing.EventRef
		watch := doorman
		watch.Conclude = func(r eventsourcing.Reply) []eventsourcing.Instruction {
			seen = r.Origin
			return []eventsourcing.Instruction{{Aggregate: "door", Subject: "x", Command: greet{}}}
		}
		sent := watch.On(eventsourcing.Envelope[rang]{
			Data: rang{1}, Metadata: eventsourcing.Metadata{ID: origin.ID(), Subject: subject},
		})
		for range rapid.IntRange(1, 4).Draw(t, "steps") {
			seen = eventsourcing.EventRef{}
			id := sent[0].ID
			if !watch.Own(id) {
				t.Fatalf("%q is not the ID of a command of its own", id)
			}
			sent = watch.OnResult(
				&eventsourcing.Metadata{ID: eventsourcing.ResultID(id), Subject: "x"},
				eventsourcing.Result{
					CommandID: id, Accepted: rapid.Bool().Draw(t, "accepted"),
					FirstSequence: rapid.Int64Range(0, 3).Draw(t, "first"), LastSequence: 2,
				})
			if seen != origin {
				t.Fatalf("the result of %q goes back to %+v, not %+v", id, seen, origin)
			}
		}
	})
}

// The ID of a command says which event has led to it, and by which event another aggregate has answered.
func TestCauseOf(t *testing.T) {
	bell := eventsourcing.EventRef{Subject: "bell-1", Sequence: 7}
	for id, want := range map[string]eventsourcing.Cause{
		"bell-1/7/doorman.0":                                       {Origin: bell},
		"bell-1/7/doorman.0/result/doorman.1":                      {Origin: bell},
		"bell-1/7/doorman.0/result.3/doorman.0":                    {Origin: bell, Answer: 3},
		"bell-1/7/doorman.0/result.3/doorman.0/result":             {},
		"bell-1/7/doorman.0/result.3/doorman.0/1":                  {},
		"bell-1/7/doorman.2/result.3/doorman.0/result.5/doorman.1": {Origin: bell, Answer: 5},
		"bell-1/7/doorman.2/result.3/doorman.0/result/doorman.1":   {Origin: bell},
		"a/result.3/7/doorman.0": {
			Origin: eventsourcing.EventRef{Subject: "a/result.3", Sequence: 7},
		},
		"bell-1/7/butler.0": {},
		"c1":                {},
	} {
		got, is := eventsourcing.CauseOf("doorman", id)
		if is != (want.Origin.Subject != "") || is && got != want {
			t.Errorf("the cause of %q is %+v, %v; it must be %+v", id, got, is, want)
		}
	}
}
