package processors_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/kafka"
	"refold/processors"
)

// What a command would lead to is checked before it is decided: an ID that readers refuse must not become
// part of the events.
func TestCommandsThatLeadBeyondTheLimitsAreSetAside(t *testing.T) {
	s := newStory(t)
	value, err := s.commands.Encode(Count{By: 1})
	must(t, err)
	for _, test := range []struct{ key, id, says string }{
		{"\x01\x92\xa7\xfe", "k-1", "record's key"},
		{strings.Repeat("k", eventsourcing.MaxKeyBytes+1), "k-1", "at most 818"},
		{"c1", strings.Repeat("i", eventsourcing.MaxCommandIDBytes+1), "at most 1017"},
		{"c1", strings.Repeat("i", eventsourcing.MaxIDBytes+1), "ce_id has 1025 bytes"},
		{"c1", "\xff", "ce_id"},
	} {
		s.sendRaw(test.key, value, codecs.Headers(eventsourcing.Metadata{ID: test.id, Type: "Count"}))
		headers, _ := s.next(s.topics.DeadLetters)
		equal(t, "reason", string(headers[processors.HeaderReason]), string(codecs.ReasonBeyondLimits))
		if says := string(headers[processors.HeaderMessage]); !strings.Contains(says, test.says) {
			t.Errorf("it doesn't say %q: %s", test.says, says)
		}
	}
	s.nothing(s.topics.Events, s.topics.Results, s.topics.DeadLetters)
}

// Whatever a command's key and ID are: it is a dead letter, or all that comes of it can be read.
func TestWhatIsAcceptedCanBeRead(t *testing.T) {
	s := newStory(t)
	value, err := s.commands.Encode(Count{By: 1})
	must(t, err)
	text := rapid.OneOf(
		rapid.StringN(1, 40, -1),
		rapid.Map(rapid.IntRange(800, 1030), func(n int) string { return strings.Repeat("x", n) }),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 1, 16), func(b []byte) string { return string(b) }),
	)
	rapid.Check(t, func(r *rapid.T) {
		key, id := text.Draw(r, "key"), text.Draw(r, "ID")
		s.sendRaw(key, value, codecs.Headers(eventsourcing.Metadata{ID: id, Type: "Count"}))
		if _, aside := s.runner.next(s.topics.DeadLetters); aside {
			s.nothing(s.topics.Events, s.topics.Results)
			return
		}
		for _, topic := range []string{s.topics.Results, s.topics.Events} {
			record, has := s.runner.next(topic)
			if !has {
				break // of a command that came again there is no event
			}
			if _, err := codecs.MetadataFromRecord(record.Headers); err != nil || string(record.Key) != key {
				r.Fatalf("a record of %q on %s can't be read: %v", record.Key, topic, err)
			}
		}
	})
}

// A time that no record may have would be the events' for good.
func TestCommandsOfNoTimeAreSetAside(t *testing.T) {
	s := newStory(t)
	value, err := s.commands.Encode(Count{By: 1})
	must(t, err)
	good := codecs.Headers(eventsourcing.Metadata{ID: "k-1", Type: "Count"})
	for ms, says := range map[int64]string{
		-1: "there is none", commandTime.UnixMilli() * 1000: "other units than milliseconds",
		kafka.MaxTime.UnixMilli() + 1: "before the year 2262", -1_000_000: "since 1970",
	} {
		s.sendAt(time.UnixMilli(ms), "c1", value, good)
		headers, _ := s.next(s.topics.DeadLetters)
		equal(t, "reason", string(headers[processors.HeaderReason]), string(processors.ReasonBadTime))
		if message := string(headers[processors.HeaderMessage]); !strings.Contains(message, says) {
			t.Errorf("of %d it doesn't say %q: %s", ms, says, message)
		}
		at, err := time.Parse(time.RFC3339Nano, string(headers[processors.HeaderTime]))
		must(t, err)
		must(t, kafka.CheckTime(at))
	}
	s.nothing(s.topics.Events, s.topics.Results)
	for _, at := range []time.Time{kafka.MinTime, kafka.MaxTime} {
		s.sendAt(at, "c1", value, codecs.Headers(eventsourcing.Metadata{ID: at.String(), Type: "Count"}))
		headers, _ := s.next(s.topics.Events)
		equal(t, "time", string(headers[codecs.HeaderTime]), at.Format(time.RFC3339Nano))
	}
}

// RFC 3339 has small letters and leap seconds, and a command may say when it was made by these.
func TestUnusualTimesOfRFC3339AreNoReason(t *testing.T) {
	s := newStory(t)
	for i, at := range []string{"2026-01-31t23:59:59z", "2016-12-31T23:59:60Z"} {
		s.send(fmt.Sprint("k-", i), 1, goka.Headers{codecs.HeaderTime: []byte(at)})
		headers, _ := s.next(s.topics.Events)
		equal(t, "time", string(headers[codecs.HeaderTime]), "2026-11-23T08:00:00Z")
	}
	s.nothing(s.topics.DeadLetters)
}

// Of two headers with one name the last counts, for the command, its span and its trace.
func TestTheLastOfDoubledHeadersIsTheCommands(t *testing.T) {
	s := newStory(t)
	value, err := s.commands.Encode(Count{By: 5})
	must(t, err)
	other := strings.Replace(traceparent, "0af7", "1bf7", 1)
	headers := []kgo.RecordHeader{
		{Key: "ce_id", Value: []byte("first")},
		{Key: "ce_id", Value: []byte("k-1")},
		{Key: "ce_type", Value: []byte("\xff")},
		{Key: "traceparent", Value: []byte(other)},
		{Key: "traceparent", Value: []byte(traceparent)},
		{Key: "ce_type", Value: []byte("Count")},
	}
	s.handle(s.topics.Commands, &kgo.Record{
		Key: []byte("c1"), Value: value, Timestamp: commandTime, Headers: headers,
	})
	result, _ := s.next(s.topics.Results)
	equal(t, "cause", string(result["ce_causationid"]), "k-1")
	equal(t, "traceparent", string(result["traceparent"]), traceparent)
	spans := s.spans.GetSpans()
	equal(t, "span", spans[len(spans)-1].Parent.TraceID().String(), "0af7651916cd43dd8448eb211c80319c")
}

// Events of earlier versions whose IDs are beyond the limits are set aside once each. They don't count
// towards what holds a partition: no restart mends them, and the others go on.
func TestProcessPassesEventsBeyondTheLimits(t *testing.T) {
	c := newCarrying(t)
	bad := func(i int) {
		key := fmt.Sprintf("\xff%07d", i)
		c.consume(c.topics.Events, key, eventsourcing.Metadata{
			ID: key + "/1", Type: "Counted", Subject: key, Sequence: 1,
		}, Counted{By: 50})
		headers, _ := c.next(c.topics.DeadLetters)
		equal(t, "reason", string(headers[processors.HeaderReason]), string(codecs.ReasonBeyondLimits))
	}
	for i := range 10 * guardLeast {
		bad(i)
	}
	equal(t, "held", c.guard.Held(c.topics.Events, 0), nil)
	c.counted(c.topics.Events, 50)
	_, command := c.next(carried)
	equal(t, "command", command, any(Count{By: 5}))
}

// A process checks what it would send by the rule of the aggregate that gets it, before any of it is sent.
func TestProcessSendsNothingBeyondTheLimits(t *testing.T) {
	const longest = eventsourcing.MaxCommandIDBytes - len("/carry.0")
	c := newCarrying(t)
	for name, m := range map[string]eventsourcing.Metadata{
		"subject": {ID: "x", Subject: strings.Repeat("k", eventsourcing.MaxKeyBytes-4)}, // and "-tens"
		"ID":      {ID: strings.Repeat("i", longest+1), Subject: "c1"},
	} {
		m.Type, m.Sequence = "Counted", 1
		c.consume(c.topics.Events, m.Subject, m, Counted{By: 50})
		headers, _ := c.next(c.topics.DeadLetters)
		equal(t, "reason", string(headers[processors.HeaderReason]), string(codecs.ReasonBeyondLimits))
		message := string(headers[processors.HeaderMessage])
		if !strings.Contains(message, "the Count that it leads to, for a counter") ||
			!strings.Contains(message, "ID") {
			t.Errorf("%s: the message is %q", name, message)
		}
		c.nothing(carried)
	}
}

func TestNamesOfProcessesArePartsOfIDs(t *testing.T) {
	for name, says := range map[string]string{
		strings.Repeat("p", 64): "", strings.Repeat("p", 65): "at most 64", "\xff": "UTF-8",
		"a/b": "separate", "a.b": "separate",
	} {
		process := processors.ProcessGraph[Counted]{
			Process: carry, Group: "carry", Events: "events", Inputs: new(codecs.Set), DeadLetters: "letters",
			Targets: map[string]processors.Target{"counter": {}}, Logger: slog.New(slog.DiscardHandler),
			Metrics: processors.NewMetrics(prometheus.NewRegistry()),
		}
		process.Name, process.Conclude = name, nil
		err := process.Validate()
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", name, err)
		}
	}
}
