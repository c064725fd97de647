package views_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/processors"
	"refold/views"
)

// traces turns traces on.
func traces(retention time.Duration) func(*views.Options) {
	return func(o *views.Options) {
		o.TraceRetention, o.DeadLetters = retention, topics.DeadLetters
	}
}

// record is a message of a trace, in a topic.
type record struct {
	topic string
	eventsourcing.Metadata

	result processors.Result
	extra  map[string]string
	age    time.Duration
}

// writeRecords writes messages as processors and processes would, and returns them with their places.
func (f *fixture) writeRecords(t *testing.T, records ...record) (written []*kgo.Record) {
	t.Helper()
	for _, r := range records {
		value := []byte("a body that traces don't look at")
		if r.topic == topics.Results {
			var err error
			value, err = f.results.Encode(r.result)
			must(t, err)
		}
		headers := metadataHeaders(r.Metadata)
		for name, text := range r.extra {
			headers = append(headers, kgo.RecordHeader{Key: name, Value: []byte(text)})
		}
		w := &kgo.Record{
			Topic: r.topic, Key: []byte(r.Subject), Value: value, Headers: headers,
			Timestamp: time.Now().Add(-r.age).Truncate(time.Millisecond),
		}
		must(t, f.client.ProduceSync(t.Context(), w).FirstErr())
		written = append(written, w)
	}
	return written
}

// chain is a command with an event, a process's command with its result, and a dead letter of it.
func chain() []record {
	message := func(topic, id, name, cause, subject string) record {
		return record{topic: topic, Metadata: eventsourcing.Metadata{
			ID: id, Type: name, CausationID: cause, CorrelationID: "c-1", Subject: subject,
		}}
	}
	command := message(topics.Commands, "c-1", "Add", "", "a")
	command.CorrelationID = "" // it is the first of its chain
	event := message(topics.Events, "a/1", "Added", "c-1", "a")
	event.Sequence = 1
	accepted := message(topics.Results, "c-1/result", "Result", "c-1", "a")
	accepted.result = processors.Result{
		CommandType: "Add", Accepted: true, FirstSequence: 1, LastSequence: 1,
	}
	next := message(topics.Commands, "a/1/p.0", "Sub", "a/1", "b")
	rejected := message(topics.Results, "a/1/p.0/result", "Result", "a/1/p.0", "b")
	rejected.result = processors.Result{CommandType: "Sub", Code: "too-few", Message: "too few"}
	aside := message(topics.DeadLetters, "a/1", "Added", "c-1", "a")
	aside.extra = map[string]string{
		processors.HeaderTopic: topics.Events, processors.HeaderPartition: "0",
		processors.HeaderOffset: "77", processors.HeaderReason: "bug",
	}
	again := message(topics.Results, "c-1/result", "Result", "c-1", "a")
	again.result, again.extra = accepted.result, map[string]string{processors.HeaderRepeated: "true"}
	stranger := message(topics.Commands, "c-2", "Add", "", "a")
	stranger.CorrelationID = ""
	records := []record{command, event, accepted, next, rejected, aside, again, stranger}
	for i := range records { // in several periods of the index
		records[i].age = time.Duration(len(records)-i) * 5 * time.Minute
	}
	return records
}

// drawn is a trace as text.
func drawn(nodes []*views.Node, indent string) string {
	var b strings.Builder
	for _, n := range nodes {
		fmt.Fprintf(&b, "%s%v %s %s of %s:%s", indent, n.Kind, n.ID, n.Type, n.Aggregate, n.Subject)
		if n.Status != views.Unknown {
			fmt.Fprintf(&b, " %v %d-%d %s", n.Status, n.FirstSequence, n.LastSequence, n.Code)
		}
		b.WriteString(n.Reason)
		for text, is := range map[string]bool{" ?": n.Orphan, " *": n.Repeated} {
			if is {
				b.WriteString(text)
			}
		}
		b.WriteString("\n" + drawn(n.Children, indent+"  "))
	}
	return b.String()
}

const wholeChain = `command c-1 Add of counter:a
  event a/1 Added of counter:a
    command a/1/p.0 Sub of counter:b
      result a/1/p.0/result Sub of counter:b rejected 0-0 too-few
    dead-letter a/1 Added of counter:abug
  result c-1/result Add of counter:a accepted 1-1 
  result c-1/result Add of counter:a accepted 1-1  *
`

// A trace is whole, whether its messages came before the view or after, after a restart with the
// stores as they were, and without them.
func TestTrace(t *testing.T) {
	f := newFixture(t)
	records := chain()
	f.writeRecords(t, records[:3]...)
	v := f.run(t, traces(time.Hour))
	f.writeRecords(t, records[3:]...)
	whole := func() bool {
		trace, err := v.Trace(t.Context(), "c-1")
		return err == nil && strings.Count(drawn(trace.Roots, ""), "\n") == 7
	}
	eventually(t, whole)
	check := func(when string) {
		t.Helper()
		trace, err := v.Trace(t.Context(), "c-1")
		if got := drawn(trace.Roots, ""); err != nil || got != wholeChain {
			t.Errorf("%s: %v\n%s", when, err, got)
		}
		if trace.Truncated || trace.First.IsZero() || trace.Last.Before(trace.First) ||
			trace.CorrelationID != "c-1" {
			t.Errorf("%s: %+v", when, trace)
		}
	}
	check("live")
	for name, prepare := range map[string]func(){
		"store kept": func() {}, "store lost": func() { must(t, os.RemoveAll(f.dir)) },
	} {
		v.stop()
		prepare()
		v = f.run(t, traces(time.Hour))
		check(name)
	}
	if _, err := v.Trace(t.Context(), "nothing"); !errors.Is(err, views.ErrNotFound) {
		t.Errorf("nothing: %v", err)
	}
	v.stop()
	v = f.run(t, traces(time.Hour), func(o *views.Options) { o.Limits.TraceNodes = 3 })
	if trace, err := v.Trace(t.Context(), "c-1"); err != nil || !trace.Truncated ||
		len(trace.Nodes) != 3 || len(trace.Roots) != 1 {
		t.Errorf("three messages: %+v, %v", trace, err)
	}
}

// What is older than the time of keeping isn't indexed when topics are read again, and is forgotten
// when it becomes too old; the history stays. A longer time of keeping finds it again.
func TestTraceRetention(t *testing.T) {
	f := newFixture(t)
	event := func(id string, sequence int64, age time.Duration) record {
		return record{topic: topics.Events, age: age, Metadata: eventsourcing.Metadata{
			ID: fmt.Sprintf("a/%d", sequence), Type: "Added", CorrelationID: id, Subject: "a",
			Sequence: sequence,
		}}
	}
	f.writeRecords(t, event("old", 1, 2*time.Hour), event("young", 2, 0))
	quick := func(o *views.Options) { o.Limits.ForgetInterval = 10 * time.Millisecond }
	v := f.run(t, traces(time.Hour), quick)
	kept := func(id string) bool {
		_, err := v.Trace(t.Context(), id)
		if err != nil && !errors.Is(err, views.ErrNotFound) {
			t.Fatal(err)
		}
		return err == nil
	}
	if kept("old") || !kept("young") {
		t.Errorf("kept: the old one %v, the young one %v", kept("old"), kept("young"))
	}
	v.stop()
	v = f.run(t, traces(3*time.Hour), quick)
	if !kept("old") || !kept("young") {
		t.Errorf("kept for longer: the old one %v, the young one %v", kept("old"), kept("young"))
	}
	v.stop()
	v = f.run(t, traces(2*time.Second), quick)
	f.writeRecords(t, event("new", 3, 0))
	eventually(t, func() bool { return kept("new") })
	eventually(t, func() bool { return !kept("new") && !kept("young") })
	if got := sequences(all(t, v.counters, "a", views.EventQuery{Limit: 9})); got != "1 2 3" {
		t.Errorf("the history has %s", got)
	}
}

// Each of histories and traces can be had without the other; turned on again, they are complete.
func TestTracesWithoutHistoryAndBack(t *testing.T) {
	f := newFixture(t)
	f.writeRecords(t, chain()...)
	noHistory := func(o *views.Options) { o.NoHistory = true }
	for range 2 {
		v := f.run(t, traces(time.Hour), noHistory)
		if trace, err := v.Trace(t.Context(), "c-1"); err != nil || trace.Nodes[views.KindEvent] != 1 {
			t.Errorf("without histories: %+v, %v", trace, err)
		}
		v.stop()
		v = f.run(t)
		if _, err := v.Trace(t.Context(), "c-1"); !errors.Is(err, views.ErrNoTraces) {
			t.Errorf("without traces: %v", err)
		}
		if got := sequences(all(t, v.counters, "a", views.EventQuery{Limit: 9})); got != "1" {
			t.Errorf("the history has %s", got)
		}
		v.stop()
	}
}

// Records without an ID, or with one that is too long, belong to no trace.
func TestTraceOfForeignRecords(t *testing.T) {
	f := newFixture(t)
	f.writeRecords(t,
		record{topic: topics.Commands, Metadata: eventsourcing.Metadata{CorrelationID: "c-1", Subject: "a"}},
		record{topic: topics.Commands, Metadata: eventsourcing.Metadata{
			ID: strings.Repeat("x", codecs.MaxHeaderBytes+1), CorrelationID: "c-1", Subject: "a",
		}},
		record{topic: topics.Results, Metadata: eventsourcing.Metadata{
			ID: "c-1/result", CausationID: "c-1", CorrelationID: "c-1", Subject: "a",
		}},
	)
	f.write(t, topics.Results, "a", []byte("garbage"), metadataHeaders(eventsourcing.Metadata{
		ID: "c-2/result", Type: "Result", CausationID: "c-2", CorrelationID: "c-1",
	})...)
	v := f.run(t, traces(time.Hour))
	trace, err := v.Trace(t.Context(), "c-1")
	must(t, err)
	const want = `result c-1/result  of counter:a rejected 0-0  ?
result c-2/result Result of counter:a ?
`
	if got := drawn(trace.Roots, ""); got != want {
		t.Errorf("got\n%s", got)
	}
}
