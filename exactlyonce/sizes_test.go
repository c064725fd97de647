package exactlyonce

import (
	"errors"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/exactlyonce/internal/outbox"
	"refold/exactlyonce/machine"
	"refold/kafka"
)

// fetched is a poll that brought some records of partitions of the topic "in".
func fetched(records ...*kgo.Record) kgo.Fetches {
	topic := kgo.FetchTopic{Topic: "in"}
	for _, r := range records {
		r.Topic = topic.Topic
		topic.Partitions = append(topic.Partitions, kgo.FetchPartition{
			Partition: r.Partition, Records: []*kgo.Record{r},
		})
	}
	return kgo.Fetches{{Topics: []kgo.FetchTopic{topic}}}
}

// polling is a run of a session that has partition 0 of "in", with a poll out.
func polling() *run {
	e := &engine{cfg: Config{LeaveTimeout: time.Minute}}
	e.cfg.Kafka.Brokers = []string{"localhost:1"}
	e.cfg, _ = e.cfg.withDefaults("group")
	e.log = e.cfg.Logger
	e.outbox = outbox.New("table")
	e.outbox.Reset(map[string]int32{"out": 1})
	r := newRun(e, []string{"in"}, nil)
	r.machine.Assigned()
	r.machine.SetUp(nil)
	r.session = r.newSession(newAssignment(map[string][]int32{"in": {0}}, "member", 1))
	return r
}

// G3: a record that nobody handles moves no offset. A poll that brings one of a partition without a claim
// ends the session, loudly, and nothing of the poll counts.
func TestRecordWithoutAClaim(t *testing.T) {
	r := polling()
	defer r.tearDown()
	r.onPolled(fetched(&kgo.Record{Offset: 3}, &kgo.Record{Partition: 7, Offset: 40}))
	if n := r.session.inFlight.Load(); n != 0 || r.handling || r.flight != nil {
		t.Errorf("%d records are handled, the transaction is %v", n, r.flight)
	}
	for p := range int32(8) {
		if at, seen := r.machine.Committed(kafka.TopicPartition{Topic: "in", Partition: p}); seen {
			t.Errorf("the offset of partition %d moves to %d", p, at)
		}
	}
	(<-r.events)() // the session is cleaned up
	if !r.ended || !errors.Is(r.result, errStray) || machine.IsFatal(r.result) {
		t.Errorf("the session goes on: ended %v, result %v", r.ended, r.result)
	}
}

// All that waits for its transaction counts towards BatchBytes, and nothing is free: keys, headers,
// deletions, records and rows without content.
func TestWhatCountsForABatch(t *testing.T) {
	headers := goka.Headers{"name": []byte("12345")} // 9 bytes
	for name, test := range map[string]struct {
		stage func(r *run, table *sessionTable)
		bytes int
	}{
		"output": {func(r *run, _ *sessionTable) {
			r.engine.outbox.EmitWithHeaders("out", "key", []byte("value"), headers)
		}, 3 + 5 + 9},
		"empty output": {func(r *run, _ *sessionTable) { r.engine.outbox.Emit("out", "", nil) }, 0},
		"row":          {func(_ *run, table *sessionTable) { _ = table.Set("key", []byte("value")) }, 3 + 5},
		"deletion":     {func(_ *run, table *sessionTable) { _ = table.Delete("key") }, 3},
	} {
		t.Run(name, func(t *testing.T) {
			r := polling()
			defer r.tearDown()
			table := r.session.adopt(&sessionTable{StagedTable: &noted{}, session: r.session})
			test.stage(r, table)
			want := test.bytes + outbox.RecordOverhead
			if got := r.engine.outbox.Size() + r.session.size(); got != want {
				t.Errorf("it counts %d bytes, want %d", got, want)
			}
		})
	}
	r := polling()
	defer r.tearDown()
	r.engine.outbox.EmitWithHeaders("table", "key", []byte("value"), headers) // the store counts the row
	if got := r.engine.outbox.Size(); got != 9 {
		t.Errorf("headers of a row count %d bytes, want 9", got)
	}
	r.engine.outbox.Take()
	if got := r.engine.outbox.Size(); got != 0 {
		t.Errorf("the next batch begins with %d bytes", got)
	}
	spans := spansOf(fetched(&kgo.Record{
		Key: []byte("key"), Value: []byte("value"),
		Headers: []kgo.RecordHeader{{Key: "name", Value: headers["name"]}},
	}))
	if got, want := spans[0].Bytes, 3+5+9+outbox.RecordOverhead; got != want {
		t.Errorf("an input record counts %d bytes, want %d", got, want)
	}
}
