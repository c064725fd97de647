package eventsourcing_test

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"refold/eventsourcing"
)

type (
	snapshot = eventsourcing.Snapshot[tally]
	command  = eventsourcing.Envelope[tallyCommand]
	outcome  = eventsourcing.Outcome[tally, tallyEvent]
)

func commandOf(id string, data tallyCommand) command {
	return command{Metadata: eventsourcing.Metadata{ID: id, Subject: "alice"}, Data: data}
}

// failer is a *testing.T or a *rapid.T.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

func handle(t failer, size int, s snapshot, c command) outcome {
	t.Helper()
	out, err := eventsourcing.Handle(tallyDecider, size, s, c)
	if err != nil {
		t.Fatalf("Handle(%+v): %v", c, err)
	}
	return out
}

func TestHandle_acceptsWithEvents(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	expected := int64(7)
	got := handle(t, 16, snapshot{State: tally{Sum: 10, Events: 7}, Sequence: 7}, command{
		Metadata: eventsourcing.Metadata{
			ID: "c1", Source: "http", Type: "addEach", Subject: "alice", Time: at,
			CorrelationID: "c0", CausationID: "e0", ExpectedSequence: &expected,
			Traceparent: "00-trace",
		},
		Data: addEach{[]int64{5, -1}},
	})
	event := eventsourcing.Metadata{
		Type: "added", Subject: "alice", Time: at,
		CorrelationID: "c0", CausationID: "c1", Traceparent: "00-trace",
	}
	first, second := event, event
	first.ID, first.Sequence = "alice/8", 8
	second.ID, second.Sequence = "alice/9", 9
	want := outcome{
		Snapshot: snapshot{
			State: tally{Sum: 14, Events: 9}, Sequence: 9,
			Recent: eventsourcing.Recent{}.Add("c1",
				eventsourcing.Entry{FirstSequence: 8, LastSequence: 9}, 16),
		},
		Events: []eventsourcing.Envelope[tallyEvent]{
			{Metadata: first, Data: added{5}}, {Metadata: second, Data: added{-1}},
		},
		Result: eventsourcing.Result{
			CommandID: "c1", CommandType: "addEach", Accepted: true,
			FirstSequence: 8, LastSequence: 9,
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestHandle_beginsTheChain(t *testing.T) {
	got := handle(t, 16, snapshot{}, commandOf("c1", add{1}))
	if id := got.Events[0].CorrelationID; id != "c1" {
		t.Errorf("the correlation ID is %q, not that of the command that began the chain", id)
	}
}

func TestHandle_acceptsWithoutEvents(t *testing.T) {
	got := handle(t, 16, snapshot{Sequence: 7}, commandOf("c1", add{0}))
	want := eventsourcing.Result{
		CommandID: "c1", CommandType: "add", Accepted: true, FirstSequence: 8, LastSequence: 7,
	}
	if got.Result != want || len(got.Events) != 0 || got.Snapshot.Sequence != 7 {
		t.Errorf("got %+v", got)
	}
}

func TestHandle_rejects(t *testing.T) {
	got := handle(t, 16, snapshot{}, commandOf("c1", add{-3}))
	want := eventsourcing.Result{
		CommandID: "c1", CommandType: "add", Code: "below-zero", Message: "the sum would be -3",
	}
	if got.Result != want || len(got.Events) != 0 || got.Snapshot.Sequence != 0 {
		t.Errorf("got %+v", got)
	}
	if got.Snapshot.Recent.Len() != 1 { // the row at sequence 0 exists for its ring alone
		t.Errorf("the ring has forgotten the rejection")
	}
}

func TestHandle_expectedSequence(t *testing.T) {
	for _, test := range []struct {
		name               string
		sequence, expected int64
		code               string
	}{
		{"met", 7, 7, ""},
		{"met by an aggregate without events", 0, 0, ""},
		{"somebody was faster", 7, 6, eventsourcing.CodeSequenceMismatch},
		{"beyond what happened", 7, 8, eventsourcing.CodeSequenceMismatch},
		{"not to exist", 7, 0, eventsourcing.CodeSequenceMismatch},
		{"negative", 0, -1, eventsourcing.CodeSequenceMismatch},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := commandOf("c1", add{1})
			c.ExpectedSequence = &test.expected
			got := handle(t, 16, snapshot{Sequence: test.sequence}, c)
			if got.Result.Code != test.code || got.Result.Accepted != (test.code == "") {
				t.Errorf("got %+v, want code %q", got.Result, test.code)
			}
			if test.code != "" && len(got.Events) > 0 {
				t.Errorf("rejected, with events %v", got.Events)
			}
		})
	}
}

// G1: who sends twice gets the first outcome twice, and it happens once.
func TestHandle_repeat(t *testing.T) {
	for _, test := range []struct {
		name    string
		first   tallyCommand
		want    eventsourcing.Result
		message string
	}{
		{"accepted", add{5}, eventsourcing.Result{Accepted: true, FirstSequence: 1, LastSequence: 1}, ""},
		{
			"accepted without an event",
			add{0},
			eventsourcing.Result{Accepted: true, FirstSequence: 1, LastSequence: 0},
			"",
		},
		{"rejected", add{-5}, eventsourcing.Result{Code: "below-zero"}, "rejected before"},
	} {
		t.Run(test.name, func(t *testing.T) {
			first := handle(t, 16, snapshot{}, commandOf("c1", test.first))
			// In between, things change that would lead to another outcome today.
			between := handle(t, 16, first.Snapshot, commandOf("c2", add{100}))
			again := handle(t, 16, between.Snapshot, commandOf("c1", test.first))

			if !strings.HasPrefix(again.Result.Message, test.message) {
				t.Errorf("the message is %q", again.Result.Message)
			}
			test.want.CommandID, test.want.CommandType = "c1", "add"
			test.want.Repeated, test.want.Message = true, again.Result.Message
			if again.Result != test.want {
				t.Errorf("the repeat's result is %+v, want %+v", again.Result, test.want)
			}
			if len(again.Events) > 0 || !reflect.DeepEqual(again.Snapshot, between.Snapshot) {
				t.Errorf("the repeat changed something: %+v", again)
			}
		})
	}
}

// deposit is what a client sends twice in the pair below.
func depositTwice(t *testing.T, size int, between int, expected *int64) (sum int64, code string) {
	t.Helper()
	deposit := commandOf("deposit", add{100})
	deposit.ExpectedSequence = expected
	s := handle(t, size, snapshot{}, deposit).Snapshot
	for i := range between {
		s = handle(t, size, s, commandOf("other"+string(rune('a'+i)), add{1})).Snapshot
	}
	before := s.State.Sum
	out := handle(t, size, s, deposit)
	return out.Snapshot.State.Sum - before, out.Result.Code
}

// Without a memory of recent commands, a client's second try pays in twice.
func TestRecent_repeatDoublesTheEffect_reproduction(t *testing.T) {
	if more, _ := depositTwice(t, 0, 0, nil); more != 100 {
		t.Errorf("the repeat added %d; without a ring it should have added 100", more)
	}
}

// G1: with it, it pays in once; up to the last moment that the ring remembers.
func TestRecent_repeatHasNoEffect_prevention(t *testing.T) {
	for _, between := range []int{0, 1, 15} {
		if more, _ := depositTwice(t, 16, between, nil); more != 0 {
			t.Errorf("the repeat added %d after %d other commands", more, between)
		}
	}
}

// The 16th other command turns the ring over, and the repeat is forgotten.
func TestRecent_turnedOver_reproduction(t *testing.T) {
	if more, _ := depositTwice(t, 16, 16, nil); more != 100 {
		t.Errorf("the repeat added %d; the ring should have forgotten it", more)
	}
}

// … but is still refused if it carries the sequence that it expects, whatever the ring's size.
func TestRecent_turnedOver_prevention(t *testing.T) {
	none := int64(0)
	for _, size := range []int{0, 1, 16} {
		more, code := depositTwice(t, size, 16, &none)
		if more != 0 || code != eventsourcing.CodeSequenceMismatch {
			t.Errorf("size %d: the repeat added %d, with code %q", size, more, code)
		}
	}
}

func TestHandle_bugs(t *testing.T) {
	valid := commandOf("c1", add{1})
	noID, noSubject := valid, valid
	noID.ID, noSubject.Subject = "", ""
	breaking := func(how string) command { return commandOf("c1", broken{how}) }
	for _, test := range []struct {
		name    string
		s       snapshot
		c       command
		is      error
		message string
	}{
		{"no ID", snapshot{}, noID, eventsourcing.ErrIncompleteCommand, "it has no ID"},
		{
			"no subject",
			snapshot{},
			noSubject, eventsourcing.ErrIncompleteCommand,
			`command "c1" has no subject`,
		},
		{
			"negative sequence",
			snapshot{Sequence: -1},
			valid, eventsourcing.ErrBrokenSnapshot,
			`"alice" is at sequence -1`,
		},
		{
			"sequence at its end",
			snapshot{Sequence: math.MaxInt64},
			valid,
			eventsourcing.ErrBrokenSnapshot, `"alice" is at sequence 9223372036854775807`,
		},
		{
			"error that is no rejection",
			snapshot{},
			breaking("plain error"), errDatabase,
			"broken on alice at sequence 0: decide returned an error that is no *Rejection: " +
				"database is down",
		},
		{
			"nil rejection",
			snapshot{},
			breaking("nil rejection"), eventsourcing.ErrBrokenDecider,
			"nil *Rejection",
		},
		{
			"rejection without a code",
			snapshot{},
			breaking("no code"),
			eventsourcing.ErrBrokenDecider, `rejected with the code ""`,
		},
		{
			"rejection with a long code",
			snapshot{},
			breaking("long code"),
			eventsourcing.ErrBrokenDecider, "1 to 64 bytes",
		},
		{
			"events and a rejection",
			snapshot{},
			breaking("both"),
			eventsourcing.ErrBrokenDecider, "1 events and a rejection (no: but still)",
		},
		{
			"nil event",
			snapshot{},
			breaking("nil event"), eventsourcing.ErrBrokenDecider,
			"event 1 of 1 of command \"c1\" is a <nil>",
		},
		{
			"nil command",
			snapshot{},
			commandOf("c1", nil), eventsourcing.ErrBrokenDecider,
			"no such command",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			out, err := eventsourcing.Handle(tallyDecider, 16, test.s, test.c)
			if !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.message) {
				t.Errorf("the error is: %v\nwanted %q in it, and %v", err, test.message, test.is)
			}
			if !reflect.DeepEqual(out, outcome{}) {
				t.Errorf("beside the error came %+v", out)
			}
		})
	}
}

// A rejection may come wrapped, as errors do.
func TestHandle_wrappedRejection(t *testing.T) {
	d := tallyDecider
	d.Decide = func(eventsourcing.Context, tally, tallyCommand) ([]tallyEvent, error) {
		return nil, errors.Join(errors.New("context"), eventsourcing.Reject("no", "because"))
	}
	out, err := eventsourcing.Handle(d, 16, snapshot{}, commandOf("c1", add{1}))
	if err != nil || out.Result.Code != "no" || out.Result.Message != "because" {
		t.Errorf("got %+v, %v", out.Result, err)
	}
}

// At sequence 0 the state is Initial, whatever a decoded row says.
func TestHandle_initial(t *testing.T) {
	d := tallyDecider
	d.Initial = tally{Sum: 10}
	out, err := eventsourcing.Handle(d, 16, snapshot{State: tally{Sum: -99}},
		commandOf("c1", add{-10}))
	if err != nil || out.Snapshot.State.Sum != 0 {
		t.Errorf("got %+v, %v", out, err)
	}
}

func TestTypeName(t *testing.T) {
	for _, test := range []struct {
		v    any
		want string
	}{
		{added{}, "added"},
		{&added{}, "added"},
		{eventsourcing.Metadata{}, "Metadata"},
		{nil, ""},
		{struct{}{}, ""},
		{[]added{}, ""},
	} {
		if got := eventsourcing.TypeName(test.v); got != test.want {
			t.Errorf("TypeName(%T) = %q, want %q", test.v, got, test.want)
		}
	}
	var event tallyEvent = added{1}
	if n := testing.AllocsPerRun(100, func() { eventsourcing.TypeName(event) }); n != 0 {
		t.Errorf("TypeName allocates %v times", n)
	}
}

// Decide and Evolve see what is recorded of a command and an event, and nothing else.
func TestHandle_context(t *testing.T) {
	at := time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC)
	var decided eventsourcing.Context
	var folded []eventsourcing.Recorded[tallyEvent]
	d := tallyDecider
	d.Decide = func(ctx eventsourcing.Context, _ tally, _ tallyCommand) ([]tallyEvent, error) {
		decided = ctx
		return []tallyEvent{added{1}, added{2}}, nil
	}
	d.Evolve = func(s tally, e eventsourcing.Recorded[tallyEvent]) tally {
		folded = append(folded, e)
		return s
	}
	command := commandOf("c1", add{1})
	command.Source, command.Time, command.CausationID = "till", at, "before"
	out, err := eventsourcing.Handle(d, 16, snapshot{Sequence: 4}, command)
	if err != nil {
		t.Fatal(err)
	}
	if want := (eventsourcing.Context{
		CommandID: "c1", Subject: command.Subject, Sequence: 4, Time: at, Source: "till",
		CorrelationID: "c1", CausationID: "before",
	}); decided != want {
		t.Errorf("Decide is given %+v, want %+v", decided, want)
	}
	for i, e := range out.Events {
		if want := (eventsourcing.Recorded[tallyEvent]{
			Event: e.Data, Sequence: 5 + int64(i), Time: at,
		}); folded[i] != want || e.Sequence != want.Sequence || !e.Time.Equal(at) {
			t.Errorf("Evolve is given %+v for the event %+v", folded[i], e)
		}
	}
}
