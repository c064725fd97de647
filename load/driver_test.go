package load

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

func stringReader(s string) io.Reader { return strings.NewReader(s) }

// desk is a system that answers at once, and keeps how often it was asked.
type desk struct {
	mu      sync.Mutex
	asked   map[string]int
	opened  map[string]bool
	early   []string // lanes that were used before they were opened
	watched map[string]bool
	answer  func(c Command, times int) (Answer, error)
	state   func(times int) (State, error)
	looks   int
}

func (s *desk) Send(_ context.Context, c Command) (Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked == nil {
		s.asked, s.opened = map[string]int{}, map[string]bool{}
	}
	s.asked[c.ID]++
	if c.Type == "Open" {
		s.opened[c.Subject] = true
	} else if !s.opened[c.Subject] {
		s.early = append(s.early, c.Subject)
	}
	if s.answer != nil {
		return s.answer(c, s.asked[c.ID])
	}
	return Answer{Outcome: Accepted, FirstSequence: 1, LastSequence: 1, Attempts: 1}, nil
}

func (s *desk) Watch(of Subject) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watched == nil {
		s.watched = map[string]bool{}
	}
	s.watched[of.ID] = true
}

func (s *desk) Forget(of Subject) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.watched, of.ID)
}

func (s *desk) Wait(_ context.Context, of Subject, until func(State) bool) (State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks++
	if s.state == nil || !s.watched[of.ID] {
		return State{}, errors.New("there is nothing to see here")
	}
	state, err := s.state(s.looks)
	if err == nil && !until(state) {
		err = errors.New("it never will be")
	}
	return state, err
}

// turns is a traffic to some lanes by turns; each is opened first.
type turns struct {
	run    Run
	lanes  int
	next   int
	story  func(n int) Story
	random *rand.Rand
}

func (s *turns) Next() (Act, bool) {
	n := s.next
	s.next++
	lane, kind := fmt.Sprint("lane-", n%s.lanes), "Use"
	if n < s.lanes {
		kind = "Open"
	}
	act := Act{Lane: lane, Opens: n < s.lanes, Command: Command{
		ID: fmt.Sprint("command-", n), Aggregate: "thing", Plural: "things", Subject: lane, Type: kind,
		Data: json.RawMessage(`{}`), Sending: s.run.Sending(s.random),
	}}
	if s.story != nil {
		act.Story = s.story(n)
	}
	return act, true
}

func options(system System) Options {
	return Options{
		Traffic: &turns{run: Run{TwiceShare: .04}, lanes: 20, random: rand.New(rand.NewPCG(1, 0))},
		System:  system, Concurrency: 8, PerLane: 4, Commands: 500, Patience: time.Minute, OpenStories: 10,
	}
}

func TestEachCommandIsRecordedOnce(t *testing.T) {
	var written bytes.Buffer
	system := &desk{}
	o := options(system)
	o.Record = NewRecorder(&written)
	d := NewDriver(o)
	if err := d.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := d.Tally().Summary()
	if s.Commands != 500 || s.Accepted != 500 || s.Failed != 0 || s.Repeated == 0 {
		t.Errorf("%+v", s)
	}
	if len(system.early) > 0 {
		t.Errorf("used before they were opened: %v", system.early)
	}
	seen := map[string]bool{}
	for lines := bufio.NewScanner(&written); lines.Scan(); {
		var told Told
		if err := json.Unmarshal(lines.Bytes(), &told); err != nil {
			t.Fatal(err)
		}
		times := 1
		if told.Sending != Once {
			times = 2
		}
		if seen[told.ID] || told.Outcome != Accepted || told.Attempts != times ||
			system.asked[told.ID] != times {
			t.Errorf("%s", lines.Text())
		}
		seen[told.ID] = true
	}
	if len(seen) != 500 {
		t.Errorf("%d commands are recorded", len(seen))
	}
}

// The second sender gets the first outcome (G1): if not, that is a failure.
func TestAnotherAnswerIsNoticed(t *testing.T) {
	d := NewDriver(options(&desk{answer: func(_ Command, times int) (Answer, error) {
		return Answer{Outcome: Accepted, FirstSequence: int64(times), LastSequence: int64(times)}, nil
	}}))
	if err := d.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := d.Tally().Summary()
	if s.Repeated == 0 || s.Failed != s.Repeated || !strings.Contains(s.Failures[0], "told differently") {
		t.Errorf("%+v", s)
	}
	if len(s.Failures) > maxFailures {
		t.Errorf("%d failures in words", len(s.Failures))
	}
}

func TestARefusalIsAFailure(t *testing.T) {
	d := NewDriver(options(&desk{answer: func(Command, int) (Answer, error) {
		return Answer{Outcome: Refused, Attempts: 1}, ErrRefused
	}}))
	if err := d.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := d.Tally().Summary(); s.Failed != 500 || s.Accepted != 0 {
		t.Errorf("%+v", s)
	}
}

// hole is a system that never answers.
type hole struct{ desk }

func (h *hole) Send(ctx context.Context, _ Command) (Answer, error) {
	<-ctx.Done()
	return Answer{Outcome: Unknown, Attempts: 1}, ctx.Err()
}

func TestTheEndCutsOff(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	d := NewDriver(options(&hole{}))
	if err := d.Run(ctx); err != nil {
		t.Fatal(err)
	}
	s := d.Tally().Summary()
	if s.Failed != 0 || s.Unknown == 0 || s.Unknown != s.Commands {
		t.Errorf("%+v", s)
	}
}

func TestPatienceIsAFailure(t *testing.T) {
	o := options(&hole{})
	o.Patience, o.Commands = time.Millisecond, 3
	d := NewDriver(o)
	if err := d.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := d.Tally().Summary(); s.Failed != s.Commands || s.Unknown != 0 {
		t.Errorf("%+v", s)
	}
}

// full is a disk that is.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestARunWithoutItsRecordEnds(t *testing.T) {
	o := options(&desk{})
	o.Record, o.Commands = NewRecorder(full{}), 0
	if err := NewDriver(o).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("got %v", err)
	}
}

func TestSummaryIsTold(t *testing.T) {
	o := options(&desk{answer: func(c Command, times int) (Answer, error) {
		if c.Subject == "lane-3" && c.Type == "Use" {
			return Answer{Outcome: Rejected, Code: "insufficient-funds", Attempts: 1}, nil
		}
		return Answer{Outcome: Accepted, Attempts: times}, nil
	}})
	o.Stories = "orders"
	d := NewDriver(o)
	if err := d.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.Tally().storyMoved("", "placed")
	d.Tally().storyMoved("placed", "delivered")
	s := d.Tally().Summary()
	var text, line bytes.Buffer
	if err := errors.Join(s.WriteText(&text, time.Second), s.WriteJSON(&line, time.Second)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"500 in 1s, 500.0/s", "insufficient-funds ", "delivered 1", "failed      0",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not in\n%s", want, text.String())
		}
	}
	var back struct {
		Commands, Accepted, Rejected int
		Orders                       map[string]int
	}
	if err := json.Unmarshal(line.Bytes(), &back); err != nil || back.Commands != 500 ||
		back.Accepted+back.Rejected != 500 || back.Orders["delivered"] != 1 {
		t.Errorf("%+v, %v", back, err)
	}
	for _, want := range []string{"sent 500 (12/s)", "orders: delivered 1"} {
		if got := s.line(12); !strings.Contains(got, want) {
			t.Errorf("%q is not in %s", want, got)
		}
	}
}

// tale is a story that waits for a state, and then sends a command.
type tale struct{ id string }

func (s tale) Follow(c *Course, told Answer) {
	c.Moved(string(told.Outcome))
	if _, is := c.Wait(func(s State) bool { return s.Sequence > 0 }); !is || !c.Pause(time.Millisecond) {
		return
	}
	if answer, is := c.Send(Command{ID: s.id, Type: "End", Subject: "lane-0"}); is {
		c.Moved("ended, " + string(answer.Outcome))
	}
}

// A story goes on after its command, in the states of its aggregate, which is watched meanwhile.
func TestStoriesAreFollowed(t *testing.T) {
	system := &desk{state: func(int) (State, error) { return State{Sequence: 1}, nil }}
	o := options(system)
	o.Stories = "tales"
	o.Traffic.(*turns).story = func(n int) Story {
		if n < 20 || n >= 30 {
			return nil
		}
		return tale{fmt.Sprint("end-", n)}
	}
	d := NewDriver(o)
	if err := d.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := d.Tally().Summary()
	if s.Commands != 500 || s.Failed != 0 || s.Stories["ended, accepted"] != 10 || len(s.Stories) != 1 {
		t.Errorf("%+v", s)
	}
	if len(system.watched) > 0 {
		t.Errorf("still watched: %v", system.watched)
	}
}

// A state that never comes is a failure, which shows the last one.
func TestAStuckStoryIsAFailure(t *testing.T) {
	o := options(&desk{state: func(int) (State, error) {
		return State{Sequence: 3, JSON: json.RawMessage(`{"a": 1}`)}, errors.New("too late")
	}})
	o.Commands = 40
	o.Traffic.(*turns).story = func(n int) Story {
		if n != 20 {
			return nil
		}
		return tale{"end"}
	}
	d := NewDriver(o)
	if err := d.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	const want = `thing lane-0 is stuck at sequence 3: {"a": 1}: too late`
	if s := d.Tally().Summary(); s.Failed != 1 || s.Failures[0] != want {
		t.Errorf("%+v", s)
	}
}
