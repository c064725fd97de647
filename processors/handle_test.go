package processors_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/lovoo/goka"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/processors"
)

func TestCommandBecomesEventRowAndResult(t *testing.T) {
	s := newStory(t)
	s.send("k-1", 5, goka.Headers{
		codecs.HeaderCorrelationID: []byte("order-7"),
		codecs.HeaderTraceparent:   []byte("00-ab-cd-01"),
	})

	headers, event := s.next(s.topics.Events)
	equal(t, "event", event, any(Counted{By: 5}))
	metadata := metadataOf(t, headers)
	equal(t, "event's metadata", metadata, eventsourcing.Metadata{
		ID: "c1/1", Source: "counters", Type: "Counted", Subject: "c1", Time: commandTime,
		CorrelationID: "order-7", CausationID: "k-1", Sequence: 1, Traceparent: "00-ab-cd-01",
	})

	headers, result := s.next(s.topics.Results)
	equal(t, "result", result, any(processors.Result{
		CommandType: "Count", Accepted: true, FirstSequence: 1, LastSequence: 1,
	}))
	metadata = metadataOf(t, headers)
	equal(t, "result's metadata", metadata, eventsourcing.Metadata{
		ID: "k-1/result", Source: "counters", Type: "Result", Subject: "c1", Time: commandTime,
		CorrelationID: "order-7", CausationID: "k-1", Traceparent: "00-ab-cd-01",
	})
	equal(t, "state", s.row().State, 5)
	equal(t, "sequence", s.row().Sequence, 1)
	s.nothing(s.topics.Events, s.topics.Results, s.topics.DeadLetters)
}

// G1: the second sender gets the first outcome, and nothing else happens.
func TestCommandSentTwiceHasOneOutcome(t *testing.T) {
	s := newStory(t)
	s.send("k-1", 5)
	first, result := s.next(s.topics.Results)
	row := s.row()
	s.send("k-1", 5)
	second, again := s.next(s.topics.Results)

	equal(t, "second result", again, result)
	equal(t, "first is marked", first[processors.HeaderRepeated], nil)
	equal(t, "second is marked", string(second[processors.HeaderRepeated]), "true")
	equal(t, "second's ID", string(second["ce_id"]), string(first["ce_id"]))
	equal(t, "row", s.row().Recent.Bytes(), row.Recent.Bytes())
	s.next(s.topics.Events)
	s.nothing(s.topics.Events, s.topics.Results)
}

// G1: a command that the row has forgotten is answered with the outcome that is remembered beside the row,
// and nothing else happens.
func TestCommandIsRememberedBesideTheRow(t *testing.T) {
	s := newStory(t)
	s.send("k-1", 5)
	s.next(s.topics.Events)
	s.next(s.topics.Results)
	row := s.row()
	s.outcomes.first["c1 k-0"] = eventsourcing.Entry{FirstSequence: 1, LastSequence: 1}
	s.outcomes.first["c1 no"] = eventsourcing.Entry{Code: "by-not-positive"}

	s.send("k-0", 7)
	headers, result := s.next(s.topics.Results)
	equal(t, "result", result, any(processors.Result{
		CommandType: "Count", Accepted: true, FirstSequence: 1, LastSequence: 1,
	}))
	equal(t, "it is marked", string(headers[processors.HeaderRepeated]), "true")
	s.send("no", 7)
	_, result = s.next(s.topics.Results)
	equal(t, "code", result.(processors.Result).Code, "by-not-positive")
	equal(t, "row", s.row(), row)
	s.nothing(s.topics.Events, s.topics.Results, s.topics.DeadLetters)
}

// An outcome of events that are lost is not one: the command is decided again.
func TestOutcomeOfLostEventsDoesNotCount(t *testing.T) {
	s := newStory(t)
	s.outcomes.first["c1 k-1"] = eventsourcing.Entry{FirstSequence: 8, LastSequence: 9}
	s.send("k-1", 5)
	_, result := s.next(s.topics.Results)
	equal(t, "first sequence", result.(processors.Result).FirstSequence, int64(1))
}

// Outcomes are remembered once: not those that were known, nor what became a dead letter.
func TestOutcomesAreRemembered(t *testing.T) {
	s := newStory(t)
	s.send("k-1", 5)
	s.send("k-1", 5)
	s.send("k-2", -3)
	s.send("k-3", 13)
	equal(t, "remembered", s.outcomes.added, []string{
		"0 c1 k-1 08:00:00 {FirstSequence:1 LastSequence:1 Code:}",
		"0 c1 k-2 08:00:00 {FirstSequence:0 LastSequence:0 Code:by-not-positive}",
	})
}

func TestRejectionIsAResultWithoutEvent(t *testing.T) {
	s := newStory(t)
	s.send("k-1", -3)
	_, result := s.next(s.topics.Results)
	equal(t, "result", result, any(processors.Result{
		CommandType: "Count", Code: "by-not-positive", Message: "by is -3",
	}))
	s.nothing(s.topics.Events, s.topics.DeadLetters)
	// The row exists for its ring alone.
	equal(t, "sequence", s.row().Sequence, 0)
	if _, known := s.row().Recent.Find("k-1"); !known {
		t.Fatal("the ring does not know the rejected command")
	}
}

func TestExpectedSequenceIsChecked(t *testing.T) {
	s := newStory(t)
	s.send("k-1", 5)
	s.next(s.topics.Results)
	s.send("k-2", 5, goka.Headers{codecs.HeaderExpectedSequence: []byte("0")})
	_, result := s.next(s.topics.Results)
	if got := result.(processors.Result); got.Code != eventsourcing.CodeSequenceMismatch {
		t.Fatalf("got %+v", got)
	}
	equal(t, "state", s.row().State, 5)
}

type poison struct {
	name    string
	key     string
	value   func(*story) []byte
	headers goka.Headers
	reason  codecs.Reason
	message string
}

// G8: what can't be decoded or handled is set aside as it came, and the line goes on.
func TestPoisonIsSetAside(t *testing.T) {
	good := codecs.Headers(eventsourcing.Metadata{ID: "k-9", Type: "Count"})
	encoded := func(s *story, by int64) []byte {
		b, err := s.commands.Encode(Count{By: by})
		must(s.t, err)
		return b
	}
	for _, test := range []poison{
		{
			"garbage", "c1", func(*story) []byte { return []byte("hello") }, good,
			codecs.ReasonNotWireFormat, "",
		},
		{
			"tombstone", "c1", func(*story) []byte { return nil }, good,
			codecs.ReasonNotWireFormat, "tombstone",
		},
		{
			"no ID", "c1", func(s *story) []byte { return encoded(s, 1) },
			goka.Headers{"ce_type": []byte("Count")},
			codecs.ReasonBadHeader, "ce_id",
		},
		{
			"a dead letter that was put back", "c1",
			func(*story) []byte { return []byte("again") },
			good.Merged(goka.Headers{
				"refold_replayed": []byte("0/1"), processors.HeaderTopic: []byte("an old one"),
			}),
			codecs.ReasonNotWireFormat, "",
		},
		{
			"no key", "", func(s *story) []byte { return encoded(s, 1) }, good,
			codecs.ReasonBadHeader, "no key",
		},
		{
			"another's subject", "c1", func(s *story) []byte { return encoded(s, 1) },
			good.Merged(goka.Headers{"ce_subject": []byte("c2")}), codecs.ReasonBadHeader, `"c2"`,
		},
		{
			"another type", "c1", func(s *story) []byte { return encoded(s, 1) },
			good.Merged(goka.Headers{"ce_type": []byte("Counted")}),
			codecs.ReasonBadHeader, "Counted",
		},
		{
			"a panic in Decide", "c1", func(s *story) []byte { return encoded(s, 13) }, good,
			processors.ReasonBug, "thirteen",
		},
		{
			"a panic in Evolve", "c1", func(s *story) []byte { return encoded(s, 14) }, good,
			processors.ReasonBug, "fourteen",
		},
		{
			"a state that panics as a row", "c1", func(s *story) []byte { return encoded(s, 15) }, good,
			processors.ReasonBug, "fifteen",
		},
		{
			"a state that is no row", "c1", func(s *story) []byte { return encoded(s, 17) }, good,
			processors.ReasonBug, "seventeen",
		},
		{
			"too large a row", "c1", func(s *story) []byte { return encoded(s, 16) }, good,
			codecs.ReasonTooLarge, "row",
		},
		{
			"too large an event", "c1", func(s *story) []byte { return encoded(s, 5) },
			codecs.Headers(eventsourcing.Metadata{
				ID: strings.Repeat("k", 930), Type: "Count", CorrelationID: strings.Repeat("c", 930),
			}), codecs.ReasonTooLarge, "Counted",
		},
		{
			"too large a result", "c1", func(s *story) []byte { return encoded(s, -1) },
			codecs.Headers(eventsourcing.Metadata{
				ID: strings.Repeat("k", 900), Type: "Count", CorrelationID: strings.Repeat("c", 900),
			}), codecs.ReasonTooLarge, "Result",
		},
		{
			"too large itself", "c1", func(s *story) []byte { return encoded(s, 5) },
			good.Merged(goka.Headers{"much": make([]byte, recordBytes)}), codecs.ReasonTooLarge, "2000",
		},
	} {
		t.Run(test.name, func(t *testing.T) { test.isSetAside(t, newStory(t)) })
	}
}

func (p poison) isSetAside(t *testing.T, s *story) {
	value := p.value(s)
	s.sendRaw(p.key, value, p.headers)
	headers, bytes := s.next(s.topics.DeadLetters)
	equal(t, "bytes", string(bytes.([]byte)), string(value))
	equal(t, "reason", string(headers[processors.HeaderReason]), string(p.reason))
	equal(t, "topic", string(headers[processors.HeaderTopic]), s.topics.Commands)
	equal(t, "partition", string(headers[processors.HeaderPartition]), "0")
	equal(t, "offset", string(headers[processors.HeaderOffset]), "0")
	equal(t, "version", string(headers[processors.HeaderVersion]), "v7")
	equal(t, "group", string(headers[processors.HeaderGroup]), "counters")
	equal(t, "replay", string(headers[processors.HeaderReplayTopic]), s.topics.Commands)
	message := string(headers[processors.HeaderMessage])
	if !strings.Contains(message, p.message) {
		t.Fatalf("message %q does not say %q", message, p.message)
	}
	for name, value := range p.headers {
		if name == processors.HeaderTopic {
			continue
		}
		equal(t, "header "+name, string(headers[name]), string(value))
	}
	s.nothing(s.topics.Events, s.topics.Results, s.topics.DeadLetters)

	s.send("k-10", 5) // the line goes on
	s.next(s.topics.Events)
	equal(t, "state", s.row().State, 5)
}

// G8: not even a record that is too large for a dead letter stops the line. What is set aside says
// where it is.
func TestTooLargeForADeadLetter(t *testing.T) {
	s := newStory(t)
	value := make([]byte, processors.LetterBytes(recordBytes))
	s.sendRaw("c1", value, goka.Headers{"a": []byte("b")})
	headers, bytes := s.next(s.topics.DeadLetters)
	equal(t, "bytes", len(bytes.([]byte)), 0)
	equal(t, "reason", string(headers[processors.HeaderReason]), string(codecs.ReasonTooLarge))
	equal(t, "topic", string(headers[processors.HeaderTopic]), s.topics.Commands)
	equal(t, "its own header", string(headers["a"]), "")
	if size, err := strconv.Atoi(string(headers[processors.HeaderCut])); size <= len(value) {
		t.Errorf("its size is said to be %d (%v)", size, err)
	}
	s.send("k-10", 5)
	s.next(s.topics.Events)
}

// Every release writes the same bytes: names and order of headers, and values. The schema IDs are the
// registry's.
func TestRecordsAreWrittenTheSameForEver(t *testing.T) {
	s := newStory(t)
	s.send("k-1", 5, goka.Headers{codecs.HeaderTraceparent: []byte("00-ab-cd-01")})
	for topic, want := range map[string]string{
		s.topics.Events: "ce_specversion=1.0 ce_id=c1/1 ce_source=counters ce_type=Counted ce_subject=c1 " +
			"ce_correlationid=k-1 ce_causationid=k-1 traceparent=00-ab-cd-01 ce_time=2026-11-23T08:00:00Z " +
			"ce_sequence=1 c1: 00000000020a",
		s.topics.Results: "ce_specversion=1.0 ce_id=k-1/result ce_source=counters ce_type=Result " +
			"ce_subject=c1 ce_correlationid=k-1 ce_causationid=k-1 traceparent=00-ab-cd-01 " +
			"ce_time=2026-11-23T08:00:00Z c1: 00000000030a436f756e740102020000",
	} {
		record, _ := s.runner.next(topic)
		var got strings.Builder
		for _, h := range record.Headers {
			fmt.Fprintf(&got, "%s=%s ", h.Key, h.Value)
		}
		fmt.Fprintf(&got, "%s: %x", record.Key, record.Value)
		equal(t, topic, got.String(), want)
	}
}

// The commands that come at once are handled one after the other, poison among them, each on the state that
// the one before has left.
func TestCommandsThatComeAtOnce(t *testing.T) {
	s := newStory(t)
	var all []*kgo.Record
	for i, by := range []int64{5, 2, 13, 1} { // 13 is poison
		value, err := s.commands.Encode(Count{By: by})
		must(t, err)
		metadata := eventsourcing.Metadata{ID: fmt.Sprint("k-", i), Type: "Count"}
		all = append(all, &kgo.Record{
			Key: []byte("c1"), Value: value, Timestamp: commandTime,
			Headers: recordHeaders(codecs.Headers(metadata)),
		})
	}
	s.handle(s.topics.Commands, all...)
	for sequence, cause := range []string{"k-0", "k-1", "k-3"} {
		headers, _ := s.next(s.topics.Events)
		equal(t, "cause", string(headers[codecs.HeaderCausationID]), cause)
		equal(t, "sequence", string(headers[codecs.HeaderSequence]), strconv.Itoa(sequence+1))
		headers, _ = s.next(s.topics.Results)
		equal(t, "result", string(headers[codecs.HeaderCausationID]), cause)
	}
	headers, _ := s.next(s.topics.DeadLetters)
	equal(t, "offset of the poison", string(headers[processors.HeaderOffset]), "2")
	equal(t, "state", s.row().State, 8)
	s.nothing(s.topics.Events, s.topics.Results, s.topics.DeadLetters)
}

func TestCommandsAreCounted(t *testing.T) {
	s := newStory(t)
	s.send("k-1", 5)
	s.send("k-1", 5)
	s.send("k-2", -1)
	s.sendRaw("c1", []byte("x"), nil)
	must(t, testutil.GatherAndCompare(s.metrics, strings.NewReader(`
# HELP refold_commands_total Commands handled, by outcome: accepted, repeated, or the rejection's code.
# TYPE refold_commands_total counter
refold_commands_total{aggregate="counter",outcome="accepted",type="Count"} 1
refold_commands_total{aggregate="counter",outcome="by-not-positive",type="Count"} 1
refold_commands_total{aggregate="counter",outcome="repeated",type="Count"} 1
# HELP refold_dead_letters_total Records set aside in the dead letters, by who could not handle them and why.
# TYPE refold_dead_letters_total counter
refold_dead_letters_total{by="counter",reason="not-wire-format"} 1
`)))
}

func TestIncompleteDescriptionIsRefused(t *testing.T) {
	var incomplete processors.AggregateGraph[counter, Count, Counted]
	if _, err := incomplete.Graph(); err == nil || !strings.Contains(err.Error(), "is missing") {
		t.Fatalf("got %v", err)
	}
	incomplete.RecentSize = processors.MaxRecentSize + 1
	if err := incomplete.Validate(); err == nil || !strings.Contains(err.Error(), "1025") {
		t.Fatalf("got %v", err)
	}
}
