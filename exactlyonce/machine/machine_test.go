package machine

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// If a story fails, run "go test ./exactlyonce/machine -run Stories -rewrite" and read the difference.
// Keep it only if you understand it and want it.
var rewrite = flag.Bool("rewrite", false, "write the machine's answers into testdata")

// TestStories plays testdata/*.txt to the machine. A story is a list of what happens, each with
// the machine's answer below a line of dashes.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := tell(t, string(want))
			if *rewrite {
				if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if !bytes.Equal(want, []byte(got)) {
				t.Errorf("the machine tells another story:\n%s", difference(string(want), got))
			}
		})
	}
}

// tell plays a story and returns it with the machine's answers.
func tell(t *testing.T, story string) string {
	t.Helper()
	m := New[partition](Limits{
		Records: 20_000, Bytes: 1 << 20, Producers: 2,
		HandleTime: 250 * time.Millisecond,
	})
	var out strings.Builder
	answer := false // inside of an old answer, which is dropped
	for line := range strings.Lines(story) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "----":
			answer = true
		case line == "":
			answer = false
			out.WriteString("\n")
		case answer:
		case strings.HasPrefix(line, "#"):
			out.WriteString(line + "\n")
		default:
			out.WriteString(line + "\n----\n")
			actions := happen(t, m, strings.Fields(line))
			if len(actions) == 0 {
				out.WriteString("nothing\n")
			}
			for _, a := range actions {
				out.WriteString(a.String() + "\n")
			}
		}
	}
	return out.String()
}

// happen tells the machine one line of a story.
func happen(t *testing.T, m *Machine[partition], words []string) []Action[partition] {
	t.Helper()
	args := words[1:]
	plain := map[string]func() []Action[partition]{
		"assigned": m.Assigned, "revoked": m.Revoked, "lost": m.Lost, "stop": m.Stop,
		"committed": m.TransactionCommitted, "aborted": m.TransactionAborted,
		"gap-elapsed": m.GapElapsed, "rest-elapsed": m.RestElapsed,
		"bound-elapsed": m.BoundElapsed, "ask-between": m.AskBetween,
		"interrupt":             m.Interrupt,
		"withdraw-between":      m.WithdrawBetween,
		"between-wrote":         func() []Action[partition] { return m.BetweenDone(true) },
		"between-wrote-nothing": func() []Action[partition] { return m.BetweenDone(false) },
		"never-guess":           func() []Action[partition] { return m.SetUp(&FatalError{errors.New("no")}) },
	}
	failing := map[string]func(error) []Action[partition]{
		"set-up": m.SetUp, "fault": m.Fault, "callback-failed": m.CallbackFailed,
		"unknown": m.TransactionUnknown, "refused": m.TransactionRefused,
		"committed-last": m.TransactionCommittedLast, "cleaned-up": m.CleanedUp, "input-lost": m.InputLost,
		"strayed": m.Strayed,
	}
	switch what := words[0]; {
	case plain[what] != nil:
		return plain[what]()
	case failing[what] != nil:
		var err error
		if len(args) > 0 {
			err = errors.New(strings.Join(args, " "))
		}
		return failing[what](err)
	case what == "polled":
		return m.Polled(parseSpans(t, args))
	case what == "handled":
		records, took, staged := m.open.records, time.Millisecond, 0
		for _, a := range args {
			switch name, value, _ := strings.Cut(a, "="); name {
			case "took":
				took, _ = time.ParseDuration(value)
			case "records":
				records, _ = strconv.Atoi(value)
			case "staged":
				staged, _ = strconv.Atoi(value)
			}
		}
		return m.Handled(records, staged, took)
	}
	t.Fatalf("nobody knows what %q means", words)
	return nil
}

// parseSpans reads "words/0:10-15": offsets 10 to 14 of partition 0, one byte each.
func parseSpans(t *testing.T, args []string) (spans []Span[partition]) {
	t.Helper()
	for _, a := range args {
		var s Span[partition]
		where, offsets, _ := strings.Cut(a, ":")
		topic, number, _ := strings.Cut(where, "/")
		if _, err := fmt.Sscanf(number+" "+offsets, "%d %d-%d",
			&s.Partition.number, &s.First, &s.Next); err != nil {
			t.Fatalf("%q: %v", a, err)
		}
		s.Partition.topic, s.Records, s.Bytes = topic, int(s.Next-s.First), int(s.Next-s.First)
		spans = append(spans, s)
	}
	return spans
}

// partition is an input partition in stories.
type partition struct {
	topic  string
	number int32
}

// String is the action as stories tell it.
func (a Action[P]) String() string {
	names := map[Verb]string{
		SetUp: "set up", Begin: "begin", Poll: "poll", CancelPoll: "cancel the poll",
		Dispatch: "dispatch", CloseBatch: "close the batch for producer", Rewind: "rewind",
		StartGap: "start the gap", StartRest: "rest after failure", StartBound: "start the bound",
		Forsake: "forsake the batch in the air", Release: "release the session",
		LetGo: "let go", End: "end", Take: "take what has come, up to",
		GiveTurn: "the next caller's turn", CommitRows: "its rows go with producer",
		DismissCallers: "send the callers away",
	}
	s := names[a.Do]
	switch a.Do {
	case Poll, Take:
		s += " " + strconv.Itoa(a.Limit)
	case CloseBatch, CommitRows:
		s += " " + strconv.Itoa(a.Producer)
	case StartRest:
		s += " " + strconv.Itoa(a.Failures)
	case End:
		s += map[Reason]string{
			Rebuild: " to begin anew", Stopped: " as asked", Failed: " in failure",
		}[a.Reason]
	default:
	}
	if a.Do == CloseBatch || a.Do == Rewind {
		var offsets []string
		for p, offset := range a.Offsets {
			place, _ := any(p).(partition)
			offsets = append(offsets, fmt.Sprintf(" %s/%d@%d", place.topic, place.number, offset))
		}
		slices.Sort(offsets)
		s += strings.Join(offsets, "")
	}
	if a.Err != nil {
		s += ": " + a.Err.Error()
	}
	return s
}

// difference shows the first lines that differ.
func difference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		a, b := "(end)", "(end)"
		if i < len(w) {
			a = w[i]
		}
		if i < len(g) {
			b = g[i]
		}
		if a != b {
			from := max(0, i-6)
			return fmt.Sprintf("line %d:\n%s\nwant: %s\ngot:  %s", i+1,
				strings.Join(w[from:min(i, len(w))], "\n"), a, b)
		}
	}
	return "none"
}
