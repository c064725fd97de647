package scenario_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"refold/eventsourcing"
	"refold/eventsourcing/scenario"
)

// A door, to tell stories about: it opens for whoever knocks, but not when locked.
type (
	door  struct{ Locked bool }
	knock struct{ Times int }
	event interface{ event() }
	// opened and shut are what can happen.
	opened struct{ Name string }
	shut   struct{}
	lock   struct{}
)

func (opened) event() {}
func (shut) event()   {}
func (lock) event()   {}

var doorDecider = eventsourcing.Decider[door, knock, event]{
	Decide: func(_ eventsourcing.Context, s door, c knock) ([]event, error) {
		switch {
		case c.Times == 13:
			panic("thirteen knocks")
		case c.Times < 0:
			return nil, errors.New("no such knock")
		case c.Times == 0:
			return nil, nil
		case s.Locked:
			return nil, eventsourcing.Reject("door-locked", "after %d knocks", c.Times)
		}
		return []event{opened{"front"}, shut{}}, nil
	},
	Evolve: func(s door, e eventsourcing.Recorded[event]) door {
		if _, is := e.Event.(lock); is {
			s.Locked = true
		}
		return s
	},
}

func TestStory_holds(t *testing.T) {
	story := scenario.Of(t, doorDecider)
	story.When(knock{1}).Then(opened{"front"}, shut{})
	story.When(knock{0}).Then()
	locked := story.Given(lock{}).HasState(door{Locked: true})
	turn := locked.When(knock{2})
	turn.ThenRejected("door-locked").When(knock{3}).ThenRejected("door-locked")
	if got := turn.Message(); got != "after 2 knocks" {
		t.Errorf("Message() = %q", got)
	}
	story.HasState(door{}) // telling on from it has not changed it
}

// Two stories that begin alike must not write into each other's past.
func TestStory_branches(t *testing.T) {
	common := scenario.Of(t, doorDecider).Given(shut{}, shut{}, shut{})
	locked := common.Given(lock{})
	common.Given(shut{})
	locked.HasState(door{Locked: true})
}

func TestStory_fails(t *testing.T) {
	for _, test := range []struct {
		name string
		tell func(scenario.Story[door, knock, event])
		want string
	}{
		{
			"other events",
			func(s scenario.Story[door, knock, event]) {
				s.Given(shut{}).When(knock{1}).Then(opened{"back"}, shut{})
			},
			`
  given      shut{}
  state      door{Locked:false}
  when       knock{Times:1}
  expected   opened{Name:"back"}
             shut{}
  got      ≠ opened{Name:"front"}
             shut{}`,
		},
		{
			"more events than expected",
			func(s scenario.Story[door, knock, event]) { s.When(knock{1}).Then(opened{"front"}) },
			`
  given      no event
  state      door{Locked:false}
  when       knock{Times:1}
  expected   opened{Name:"front"}
  got        opened{Name:"front"}
           ≠ shut{}`,
		},
		{
			"no events",
			func(s scenario.Story[door, knock, event]) { s.When(knock{0}).Then(shut{}) },
			`
  given      no event
  state      door{Locked:false}
  when       knock{Times:0}
  expected   shut{}
  got      ≠ accepted without an event`,
		},
		{
			"events, although none were expected",
			func(s scenario.Story[door, knock, event]) { s.When(knock{1}).Then() },
			`
  given      no event
  state      door{Locked:false}
  when       knock{Times:1}
  expected   accepted without an event
  got      ≠ opened{Name:"front"}
           ≠ shut{}`,
		},
		{
			"rejected, although events were expected",
			func(s scenario.Story[door, knock, event]) { s.Given(lock{}).When(knock{1}).Then(shut{}) },
			`
  given      lock{}
  state      door{Locked:true}
  when       knock{Times:1}
  expected   shut{}
  got      ≠ rejected with door-locked: after 1 knocks`,
		},
		{
			"accepted, although a rejection was expected",
			func(s scenario.Story[door, knock, event]) { s.When(knock{1}).ThenRejected("door-locked") },
			`
  given      no event
  state      door{Locked:false}
  when       knock{Times:1}
  expected   rejected with door-locked
  got      ≠ opened{Name:"front"}
           ≠ shut{}`,
		},
		{
			"rejected with another code",
			func(s scenario.Story[door, knock, event]) {
				s.Given(lock{}).When(knock{1}).ThenRejected("door-open")
			},
			`
  given      lock{}
  state      door{Locked:true}
  when       knock{Times:1}
  expected   rejected with door-open
  got      ≠ rejected with door-locked: after 1 knocks`,
		},
		{
			"an error that is no rejection",
			func(s scenario.Story[door, knock, event]) { s.When(knock{-1}).Then() },
			`
  given      no event
  state      door{Locked:false}
  when       knock{Times:-1}
  expected   accepted without an event
  got      ≠ broken decider: knock on aggregate at sequence 0: decide returned an error ` +
				`that is no *Rejection: no such knock`,
		},
		{
			"a panic",
			func(s scenario.Story[door, knock, event]) { s.When(knock{13}).ThenRejected("unlucky") },
			`
  given      no event
  state      door{Locked:false}
  when       knock{Times:13}
  expected   rejected with unlucky
  got      ≠ panic: thirteen knocks
goroutine `,
		},
		{
			"another state",
			func(s scenario.Story[door, knock, event]) { s.Given(shut{}).HasState(door{Locked: true}) },
			`
  given      shut{}
  expected   state door{Locked:true}
  got      ≠ state door{Locked:false}`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := run(func(tb testing.TB) { test.tell(scenario.Of(tb, doorDecider)) })
			got, told := strings.CutPrefix(got, "the story ended otherwise:")
			if !told {
				t.Fatalf("the test did not fail; it said %q", got)
			}
			if before, _, panicked := strings.Cut(test.want, "goroutine "); panicked {
				if !strings.HasPrefix(got, before+"goroutine ") ||
					!strings.Contains(got, "scenario_test.go") {
					t.Errorf("the story was told so:%s\nwanted, and a stack that leads to the panic:%s",
						got, test.want)
				}
				return
			}
			if got != test.want {
				t.Errorf("the story was told so:%s\nwanted:%s", got, test.want)
			}
		})
	}
}

// recorder is a test that writes down how it was failed.
type recorder struct {
	testing.TB // nil: the story uses what is below and nothing else
	failure    string
}

func (r *recorder) Helper() {}

func (r *recorder) Fatal(args ...any) {
	r.failure += fmt.Sprint(args...)
	runtime.Goexit()
}

// run returns how f failed its test; "" if it didn't.
func run(f func(testing.TB)) string {
	r := &recorder{}
	done := make(chan struct{})
	go func() { // a failed test ends its goroutine
		defer close(done)
		f(r)
	}()
	<-done
	return r.failure
}
