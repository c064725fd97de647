package exactlyonce

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// If a story fails, run "go test ./exactlyonce -run Stories -rewrite" and read the difference.
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
	m := newMachine(limits{
		records: 20_000, bytes: 1 << 20, producers: 2,
		handle: 250 * time.Millisecond,
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
func happen(t *testing.T, m *machine, words []string) []action {
	t.Helper()
	args := words[1:]
	plain := map[string]func() []action{
		"assigned": m.assigned, "revoked": m.revoked, "lost": m.lost, "stop": m.stop,
		"committed": m.transactionCommitted, "aborted": m.transactionAborted,
		"gap-elapsed": m.gapElapsed, "rest-elapsed": m.restElapsed,
		"bound-elapsed": m.boundElapsed, "ask-between": m.askBetween,
		"interrupt":             m.interrupt,
		"withdraw-between":      m.withdrawBetween,
		"between-wrote":         func() []action { return m.betweenDone(true) },
		"between-wrote-nothing": func() []action { return m.betweenDone(false) },
		"never-guess":           func() []action { return m.setUp(&fatalError{errors.New("no")}) },
	}
	failing := map[string]func(error) []action{
		"set-up": m.setUp, "fault": m.fault, "callback-failed": m.callbackFailed,
		"unknown": m.transactionUnknown, "refused": m.transactionRefused,
		"committed-last": m.transactionCommittedLast, "cleaned-up": m.cleanedUp, "input-lost": m.inputLost,
		"strayed": m.strayed,
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
		return m.polled(parseSpans(t, args))
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
		return m.handled(records, staged, took)
	}
	t.Fatalf("nobody knows what %q means", words)
	return nil
}

// parseSpans reads "words/0:10-15": offsets 10 to 14 of partition 0, one byte each.
func parseSpans(t *testing.T, args []string) (spans []span) {
	t.Helper()
	for _, a := range args {
		var s span
		where, offsets, _ := strings.Cut(a, ":")
		topic, partition, _ := strings.Cut(where, "/")
		if _, err := fmt.Sscanf(partition+" "+offsets, "%d %d-%d",
			&s.partition, &s.first, &s.next); err != nil {
			t.Fatalf("%q: %v", a, err)
		}
		s.topic, s.records, s.bytes = topic, int(s.next-s.first), int(s.next-s.first)
		spans = append(spans, s)
	}
	return spans
}

// String is the action as stories tell it.
func (a action) String() string {
	names := map[verb]string{
		doSetUp: "set up", doPoll: "poll", doCancelPoll: "cancel the poll",
		doDispatch: "dispatch", doClose: "close the batch for producer", doRewind: "rewind",
		doStartGap: "start the gap", doStartRest: "rest after failure", doStartBound: "start the bound",
		doForsake: "forsake the batch in the air", doRelease: "release the session",
		doLetGo: "let go", doEnd: "end", doTake: "take what has come, up to",
		doBetween: "the next caller's turn", doRewrite: "its rows go with producer",
		doEndBetween: "send the callers away",
	}
	s := names[a.do]
	switch a.do {
	case doPoll, doTake, doClose, doRewrite, doStartRest:
		s += " " + strconv.Itoa(a.n)
	case doEnd:
		s += map[leaveReason]string{
			leaveRebuild: " to begin anew", leaveStopped: " as asked",
			leaveFailed: " in failure",
		}[a.reason]
	default:
	}
	for _, tp := range sorted(a.offsets) {
		s += fmt.Sprintf(" %s/%d@%d", tp.topic, tp.partition, a.offsets[tp])
	}
	if a.err != nil {
		s += ": " + a.err.Error()
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
