package eventsourcing_test

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"refold/eventsourcing"
)

// A command that passes CheckCommand leads to no ID that a reader refuses: not with the greatest sequence,
// nor through the longest process, there and back.
func TestIDsThatAreDerivedStayWithinTheLimits(t *testing.T) {
	name := strings.Repeat("p", eventsourcing.MaxProcessNameBytes)
	process := eventsourcing.Process[any]{
		Name: name,
		React: func(e eventsourcing.Envelope[any]) []eventsourcing.Instruction {
			return []eventsourcing.Instruction{{Aggregate: "a", Subject: e.Subject, Command: struct{}{}}}
		},
		Conclude: func(r eventsourcing.Reply) []eventsourcing.Instruction {
			return []eventsourcing.Instruction{{Aggregate: "a", Subject: r.Subject, Command: struct{}{}}}
		},
	}
	// A process has no more than 2^31 commands for an event; the test makes one, of one digit.
	const digits = len("2147483647") - len("0")
	rapid.Check(t, func(t *rapid.T) {
		length := rapid.IntRange(eventsourcing.MaxKeyBytes-3, eventsourcing.MaxKeyBytes).Draw(t, "bytes")
		key := strings.Repeat("k", length)
		if wrong := eventsourcing.CheckCommand("c", key); wrong != nil {
			t.Fatal(wrong)
		}
		event := eventsourcing.EventRef{Subject: key, Sequence: math.MaxInt64}
		longest := event.ID()
		at := eventsourcing.Metadata{ID: longest, Subject: key, Sequence: event.Sequence}
		sent := process.On(eventsourcing.Envelope[any]{Metadata: at})[0]
		for hop := 1; hop <= 2; hop++ {
			if wrong := eventsourcing.CheckCommand(sent.ID, sent.Subject); wrong != nil {
				t.Fatalf("hop %d: %v", hop, wrong)
			}
			longest = eventsourcing.ResultID(sent.ID)
			if n := len(longest) + hop*digits; n > eventsourcing.MaxIDBytes {
				t.Fatalf("hop %d: an ID of %d bytes", hop, n)
			}
			result := eventsourcing.Result{
				CommandID: sent.ID, Accepted: true, FirstSequence: math.MaxInt64, LastSequence: math.MaxInt64,
			}
			answers := process.OnResult(&eventsourcing.Metadata{ID: longest, Subject: key}, result)
			if len(answers) != 1 {
				t.Fatalf("hop %d: the process doesn't know its command %s", hop, sent.ID)
			}
			sent = answers[0]
		}
		n := len(longest) + 2*digits
		if length == eventsourcing.MaxKeyBytes && n != eventsourcing.MaxIDBytes {
			t.Fatalf("the longest ID has %d bytes: the limit could be higher", n)
		}
	})
}

func TestCommandsBeyondTheLimitsAreNamed(t *testing.T) {
	for name, test := range map[string]struct {
		id, subject string
		says        []string // nothing: it passes
	}{
		"as most are":            {"0190a7d2", "alice", nil},
		"other scripts":          {"приказ", "счёт-№1\u0007", nil},
		"the longest":            {strings.Repeat("i", 1017), strings.Repeat("s", 818), nil},
		"an ID that is too long": {strings.Repeat("i", 1018), "a", []string{"command's ID", "1018", "1017"}},
		"a key that is too long": {"i", strings.Repeat("s", 819), []string{"record's key", "819", "818"}},
		"an ID that is no text":  {"\xff", "a", []string{"command's ID", `\xff`, "UTF-8"}},
		"a binary key":           {"i", "\x01\x92\xfe", []string{"record's key", `\x92\xfe`, "UTF-8"}},
		"half a character": {
			"i", strings.Repeat("s", 817) + "\xc3",
			[]string{"record's key", "UTF-8"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			wrong := eventsourcing.CheckCommand(test.id, test.subject)
			if (wrong == nil) != (test.says == nil) {
				t.Fatalf("got %v", wrong)
			}
			for _, says := range test.says {
				if !strings.Contains(wrong.Error(), says) {
					t.Errorf("it doesn't say %q: %v", says, wrong)
				}
			}
		})
	}
}
