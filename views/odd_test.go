package views_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/eventsourcing"
	"refold/kafka"
	"refold/kafka/local"
	"refold/processors"
	"refold/views"
)

// produceAt writes records that no client of ours would write, as one batch.
func (f *fixture) produceAt(t *testing.T, records []*kgo.Record, milliseconds ...int64) {
	t.Helper()
	must(t, local.ProduceAt(t.Context(), f.cluster.Brokers(), 3, records, milliseconds))
}

// seen is all that views say of a chain and an aggregate, as JSON: what can't be written is an error.
func seen(t *testing.T, v *running, trace, id string) string {
	t.Helper()
	whole, err := v.Trace(t.Context(), trace)
	must(t, err)
	events := all(t, v.counters, id, views.EventQuery{Limit: 9})
	text, err := json.MarshalIndent(map[string]any{"trace": whole, "events": events}, "", " ")
	must(t, err)
	return string(text)
}

// seenByBoth has a live view and one that is restored, and requires that they say the same.
func (f *fixture) seenByBoth(t *testing.T, trace, id string, nodes, events int, write func()) *running {
	t.Helper()
	keep := traces(time.Duration(1<<63 - 1)) // also what is from 1970
	live := f.run(t, keep)
	write()
	eventually(t, func() bool {
		whole, err := live.Trace(t.Context(), trace)
		page, _ := live.counters.Events(t.Context(), id, views.EventQuery{Limit: 9})
		return err == nil && len(whole.Nodes) > 0 && len(page.Events) == events &&
			whole.Nodes[views.KindCommand]+whole.Nodes[views.KindEvent]+whole.Nodes[views.KindResult] == nodes
	})
	of := *f
	of.dir = t.TempDir()
	restored := of.run(t, keep)
	if diff := cmp.Diff(seen(t, live, trace, id), seen(t, restored, trace, id)); diff != "" {
		t.Errorf("live (-) and restored (+) views differ:\n%s", diff)
	}
	return restored
}

// Of two headers with one name the last counts: in live views, in restored ones, and in processors, which
// package codecs reads headers for.
func TestDoubledHeadersAreReadAlike(t *testing.T) {
	f := newFixture(t)
	value, err := f.events.Encode(Added{Amount: 1})
	must(t, err)
	result, err := f.results.Encode(processors.Result{
		CommandType: "Add", Accepted: true, FirstSequence: 1, LastSequence: 1,
	})
	must(t, err)
	write := func(topic string, value []byte, m eventsourcing.Metadata, extra ...kgo.RecordHeader) {
		wrong := m
		wrong.ID, wrong.CausationID, wrong.CorrelationID, wrong.Type = "wrong", "wrong", "wrong", "Wrong"
		wrong.Time = time.Unix(1, 0)
		if m.Sequence > 0 {
			wrong.Sequence = 99
		}
		f.write(t, topic, "a", value, append(append(metadataHeaders(wrong), extra...),
			metadataHeaders(m)...)...)
	}
	repeated := func(is string) kgo.RecordHeader {
		return kgo.RecordHeader{Key: processors.HeaderRepeated, Value: []byte(is)}
	}
	at := time.UnixMilli(1_700_000_000_000)
	v := f.seenByBoth(t, "c-1", "a", 3, 1, func() {
		write(topics.Commands, []byte("a body"), eventsourcing.Metadata{
			ID: "c-1", Type: "Add", CorrelationID: "c-1", CausationID: "c-0", Time: at,
		})
		write(topics.Events, value, eventsourcing.Metadata{
			ID: "a/1", Type: "Added", CorrelationID: "c-1", CausationID: "c-1", Sequence: 1, Time: at,
		})
		write(topics.Results, result, eventsourcing.Metadata{
			ID: "c-1/result", Type: "Result", CorrelationID: "c-1", CausationID: "c-1", Time: at,
		}, repeated("true"), repeated("false"))
	})
	trace, err := v.Trace(t.Context(), "c-1")
	must(t, err)
	const want = `command c-1 Add of counter:a ?
  event a/1 Added of counter:a
  result c-1/result Add of counter:a accepted 1-1 
`
	if got := drawn(trace.Roots, ""); got != want {
		t.Errorf("got\n%s", got)
	}
	event := all(t, v.counters, "a", views.EventQuery{Limit: 9})[0]
	if event.ID != "a/1" || event.CausationID != "c-1" || !event.Time.Equal(at) {
		t.Errorf("the event is %+v", event)
	}
	if trace, err := v.Trace(t.Context(), "wrong"); err == nil {
		t.Errorf("the first headers count, too: %+v", trace)
	}
}

// Times that no record may have are read as the nearest that it may have, by both clients, and whatever
// others are in their batch; all that is said of such records can be written.
func TestTimesOfNoCalendarAreReadAlike(t *testing.T) {
	now := time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC).UnixMilli()
	times := []int64{now, now * 1000, kafka.MaxTime.UnixMilli() + 1, 253_402_300_800_000, now}
	f := newFixture(t)
	value, err := f.events.Encode(Added{Amount: 1})
	must(t, err)
	v := f.seenByBoth(t, "c-1", "a", 2*len(times)+2, len(times)+1, func() {
		var commands, events []*kgo.Record
		message := func(topic, id string, sequence int64, value []byte) *kgo.Record {
			return &kgo.Record{Topic: topic, Key: []byte("a"), Value: value, Headers: metadataHeaders(
				eventsourcing.Metadata{ID: id, Type: "T", CorrelationID: "c-1", Sequence: sequence})}
		}
		for i := range times {
			commands = append(commands, message(topics.Commands, fmt.Sprint("c-", i), 0, []byte("a body")))
			n := int64(i + 1)
			events = append(events, message(topics.Events, fmt.Sprint("a/", n), n, value))
		}
		f.produceAt(t, commands, times...)
		f.produceAt(t, events, times...)
		last := int64(len(times) + 1)
		f.produceAt(t, []*kgo.Record{message(topics.Commands, "c-x", 0, []byte("a body"))}, -1)
		f.produceAt(t, []*kgo.Record{message(topics.Events, fmt.Sprint("a/", last), last, value)}, -now)
	})
	last := kafka.MaxTime.UnixMilli()
	want := []int64{now, last, last, last, now, 0}
	for i, event := range all(t, v.counters, "a", views.EventQuery{Limit: 9}) {
		if event.Time.UnixMilli() != want[i] {
			t.Errorf("event %d is of %v", i+1, event.Time)
		}
	}
}
