package processors_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/lovoo/goka"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/processors"
)

// carry counts the tens of a counter on another one, and tells the first one when that was refused.
// It knows 1,000 as a command to nobody, 2,000 as one that is none, and panics at 3,000.
var carry = eventsourcing.Process[Counted]{
	Name: "carry",
	React: func(e eventsourcing.Envelope[Counted]) []eventsourcing.Instruction {
		to := func(aggregate, subject string, command any) []eventsourcing.Instruction {
			return []eventsourcing.Instruction{
				{Aggregate: "counter", Subject: "first", Command: Count{By: 1}},
				{Aggregate: aggregate, Subject: subject, Command: command},
			}
		}
		switch by := e.Data.By; {
		case by < 10:
			return nil
		case by == 1000:
			return to("nobody", "x", Count{By: 1})
		case by == 2000:
			return to("counter", "x", "no command")
		case by == 3000:
			panic("three thousand")
		default:
			return to("counter", e.Subject+"-tens", Count{By: by / 10})[1:]
		}
	},
	Conclude: func(r eventsourcing.Reply) []eventsourcing.Instruction {
		if r.Result.Accepted {
			return nil
		}
		return []eventsourcing.Instruction{
			{Aggregate: "counter", Subject: r.Origin.Subject, Command: Count{By: 7}},
		}
	},
}

// carrying runs the process's graph.
type carrying struct {
	*story
	inputs *codecs.Set
	guard  *processors.Guard
}

// guardLeast is how few records may hold a partition.
const guardLeast = 4

const carried = "counter-commands"

func newCarrying(t *testing.T) *carrying {
	t.Helper()
	fake := srfake.New()
	t.Cleanup(fake.Close)
	registry, err := codecs.NewRegistry(codecs.RegistrySettings{
		URLs: []string{fake.URL()}, Mode: codecs.Register,
	})
	must(t, err)
	t.Cleanup(registry.Close)
	commands, err := codecs.NewSet(registry, codecs.Record[Count](schemaOf("Count")))
	must(t, err)
	inputs, err := codecs.NewSet(registry,
		codecs.Record[Counted](schemaOf("Counted")), processors.ResultType())
	must(t, err)
	s := &story{
		t: t, metrics: prometheus.NewRegistry(),
		topics: processors.NewTopics("", "counter", "counters"),
		codecs: map[string]goka.Codec{carried: commands.Codec()},
	}
	metrics := processors.NewMetrics(s.metrics)
	guard := processors.NewGuard("carry", processors.GuardLimits{Share: .5, Window: 100, Least: guardLeast},
		metrics, slog.New(slog.DiscardHandler))
	process := processors.ProcessGraph[Counted]{
		Process: carry, Group: "carry", Events: s.topics.Events, Results: []string{s.topics.Results},
		Inputs: inputs, DeadLetters: s.topics.DeadLetters,
		Targets: map[string]processors.Target{"counter": {Topic: carried, Commands: commands}},
		Guard:   guard, Metrics: metrics, Logger: slog.New(slog.DiscardHandler),
	}
	graph, err := process.Graph()
	must(t, err)
	s.runner = newRunner(t, graph)
	return &carrying{s, inputs, guard}
}

// consume hands a record to the graph.
func (c *carrying) consume(topic, key string, m eventsourcing.Metadata, data any) {
	c.t.Helper()
	value, err := c.inputs.Encode(data)
	must(c.t, err)
	c.handle(topic, &kgo.Record{
		Key: []byte(key), Value: value, Headers: recordHeaders(codecs.Headers(m)), Timestamp: commandTime,
	})
}

func (c *carrying) counted(topic string, by int64) {
	c.t.Helper()
	c.consume(topic, "c1", eventsourcing.Metadata{
		ID: "c1/3", Type: "Counted", Subject: "c1", Sequence: 3,
		CorrelationID: "k-0", CausationID: "k-1", Traceparent: "00-ab-cd-01",
	}, Counted{By: by})
}

func (c *carrying) result(of string, accepted bool) {
	c.t.Helper()
	c.consume(c.topics.Results, "c1-tens", eventsourcing.Metadata{
		ID: eventsourcing.ResultID(of), Type: "Result", Subject: "c1-tens",
		CorrelationID: "k-0", CausationID: of,
	}, processors.Result{CommandType: "Count", Accepted: accepted, Code: "by-not-positive"})
}

func TestProcessSendsCommandsForEvents(t *testing.T) {
	c := newCarrying(t)
	c.counted(c.topics.Events, 5)
	c.nothing(carried)
	c.counted(c.topics.Events, 50)
	headers, command := c.next(carried)
	equal(t, "command", command, any(Count{By: 5}))
	equal(t, "metadata", metadataOf(t, headers), eventsourcing.Metadata{
		ID: "c1/3/carry.0", Source: "carry", Type: "Count", Subject: "c1-tens", Time: commandTime,
		CorrelationID: "k-0", CausationID: "c1/3", Traceparent: "00-ab-cd-01",
	})
	c.nothing(carried, c.topics.DeadLetters)
}

func TestProcessSendsCommandsForResultsOfItsOwn(t *testing.T) {
	c := newCarrying(t)
	c.result("c1/3/carry.0", true)
	c.result("somebody's", false)
	c.nothing(carried, c.topics.DeadLetters)
	c.result("c1/3/carry.0", false)
	headers, command := c.next(carried)
	equal(t, "command", command, any(Count{By: 7}))
	equal(t, "ID", string(headers[codecs.HeaderID]), "c1/3/carry.0/result/carry.0")
	equal(t, "subject", string(headers[codecs.HeaderSubject]), "c1")
	equal(t, "cause", string(headers[codecs.HeaderCausationID]), "c1/3/carry.0/result")
	equal(t, "correlation", string(headers[codecs.HeaderCorrelationID]), "k-0")
}

// Results of commands that others have sent are passed over by their headers alone, whatever is in them. One
// of the process's own, or of nobody's, that can't be read is set aside (G8).
func TestProcessReadsResultsOfItsOwnOnly(t *testing.T) {
	for of, aside := range map[string]bool{"somebody's": false, "c1/3/carry.0": true, "": true} {
		t.Run(of, func(t *testing.T) {
			c := newCarrying(t)
			c.handle(c.topics.Results, &kgo.Record{
				Key: []byte("c1-tens"), Value: []byte("no wire format"), Timestamp: commandTime,
				Headers: recordHeaders(codecs.Headers(eventsourcing.Metadata{
					ID: "r", Type: "Result", CausationID: of,
				})),
			})
			if _, is := c.runner.next(c.topics.DeadLetters); is != aside {
				t.Errorf("set aside: %v", is)
			}
		})
	}
}

// G8: what a process can't handle is set aside, whole: no command of it goes out. A replay comes
// by the loop topic, for an event must not be in its topic twice (G2).
func TestProcessSetsAside(t *testing.T) {
	for name, by := range map[string]int64{
		"a target that is not there": 1000, "no command of the target": 2000, "a panic": 3000,
	} {
		t.Run(name, func(t *testing.T) {
			c := newCarrying(t)
			c.counted(c.topics.Events, by)
			headers, _ := c.next(c.topics.DeadLetters)
			equal(t, "reason", string(headers[processors.HeaderReason]), string(processors.ReasonBug))
			equal(t, "group", string(headers[processors.HeaderGroup]), "carry")
			equal(t, "replay", string(headers[processors.HeaderReplayTopic]),
				processors.LoopTopic("carry"))
			c.nothing(carried)
		})
	}
	c := newCarrying(t)
	c.counted(processors.LoopTopic("carry"), 50)
	_, command := c.next(carried)
	equal(t, "command after the replay", command, any(Count{By: 5}))
}

func TestIncompleteProcessIsRefused(t *testing.T) {
	var incomplete processors.ProcessGraph[Counted]
	if _, err := incomplete.Graph(); err == nil || !strings.Contains(err.Error(), "is missing") {
		t.Fatalf("got %v", err)
	}
}
