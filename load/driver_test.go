package load

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"
)

func stringReader(s string) io.Reader { return strings.NewReader(s) }

// desk is a system that answers at once, and keeps how often it was asked.
type desk struct {
	mu     sync.Mutex
	asked  map[string]int
	opened map[string]bool
	early  []string // accounts that were used before they were opened
	answer func(c Command, times int) (Answer, error)
}

func (s *desk) Send(_ context.Context, c Command) (Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked == nil {
		s.asked, s.opened = map[string]int{}, map[string]bool{}
	}
	s.asked[c.ID]++
	if c.Type == "OpenAccount" {
		s.opened[c.Subject] = true
	} else if c.Aggregate == account && !s.opened[c.Subject] {
		s.early = append(s.early, c.Subject)
	}
	if s.answer != nil {
		return s.answer(c, s.asked[c.ID])
	}
	return Answer{Outcome: Accepted, FirstSequence: 1, LastSequence: 1, Attempts: 1}, nil
}

func (s *desk) WaitOrder(context.Context, string, func(OrderState) bool) (OrderState, error) {
	return OrderState{}, errors.New("no orders here")
}

func (s *desk) Forget(string) {}

func options(system System) Options {
	taste := tastes(1, 20)
	taste.OrderShare = 0
	return Options{
		Customers: NewCustomers(taste), System: system, Concurrency: 8, PerAccount: 4, Commands: 500,
		Patience: time.Minute, OpenOrders: 10,
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
	d := NewDriver(options(&desk{answer: func(c Command, times int) (Answer, error) {
		if c.Type == "WithdrawMoney" {
			return Answer{Outcome: Rejected, Code: "insufficient-funds", Attempts: 1}, nil
		}
		return Answer{Outcome: Accepted, Attempts: times}, nil
	}}))
	if err := d.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.Tally().orderMoved("", "placed")
	d.Tally().orderMoved("placed", "delivered")
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
	var back struct{ Commands, Accepted, Rejected int }
	if err := json.Unmarshal(line.Bytes(), &back); err != nil || back.Commands != 500 ||
		back.Accepted+back.Rejected != 500 {
		t.Errorf("%+v, %v", back, err)
	}
	for _, want := range []string{"sent 500 (12/s)", "orders: delivered 1"} {
		if got := s.line(12); !strings.Contains(got, want) {
			t.Errorf("%q is not in %s", want, got)
		}
	}
}
