package exactlyonce

import (
	"errors"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"
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
	e.outputs.reset(map[string]int32{"out": 1})
	r := newRun(e, []string{"in"}, nil)
	r.machine.assigned()
	r.machine.setUp(nil)
	r.session = r.newSession(assignment{partitions: map[string][]int32{"in": {0}}})
	return r
}

// G3: a record that nobody handles moves no offset. A poll that brings one of a partition without a claim
// ends the session, loudly, and nothing of the poll counts.
func TestRecordWithoutAClaim(t *testing.T) {
	r := polling()
	defer r.tearDown()
	r.onPolled(fetched(&kgo.Record{Offset: 3}, &kgo.Record{Partition: 7, Offset: 40}))
	if r.machine.leave != leaveRebuild || !errors.Is(r.machine.cause, errStray) {
		t.Errorf("the session goes on: leave %v, cause %v", r.machine.leave, r.machine.cause)
	}
	if n := r.session.inFlight.Load(); n != 0 || r.machine.open.records != 0 {
		t.Errorf("%d records are handled, the open batch has %d", n, r.machine.open.records)
	}
	if len(r.machine.open.next) > 0 || len(r.machine.committed) > 0 {
		t.Errorf("offsets move: %v, %v", r.machine.open.next, r.machine.committed)
	}
}

// All that waits for its transaction counts towards BatchBytes, and nothing is free: keys, headers,
// deletions, records and rows without content.
func TestWhatCountsForABatch(t *testing.T) {
	headers := goka.Headers{"name": []byte("12345")} // 9 bytes
	for name, test := range map[string]struct {
		stage func(r *run, table *stagedTable)
		bytes int
	}{
		"output": {func(r *run, _ *stagedTable) {
			r.engine.outputs.EmitWithHeaders("out", "key", []byte("value"), headers)
		}, 3 + 5 + 9},
		"empty output": {func(r *run, _ *stagedTable) { r.engine.outputs.Emit("out", "", nil) }, 0},
		"row":          {func(_ *run, table *stagedTable) { _ = table.Set("key", []byte("value")) }, 3 + 5},
		"deletion":     {func(_ *run, table *stagedTable) { _ = table.Delete("key") }, 3},
	} {
		t.Run(name, func(t *testing.T) {
			r := polling()
			defer r.tearDown()
			table := r.session.adopt(&stagedTable{Table: &noted{}, session: r.session, topic: "table"})
			test.stage(r, table)
			want := test.bytes + recordOverhead
			if got := r.engine.outputs.size() + r.session.size(); got != want {
				t.Errorf("it counts %d bytes, want %d", got, want)
			}
		})
	}
	r := polling()
	defer r.tearDown()
	r.engine.outputs.table = "table"
	r.engine.outputs.EmitWithHeaders("table", "key", []byte("value"), headers) // the store counts the row
	if got := r.engine.outputs.size(); got != 9 {
		t.Errorf("headers of a row count %d bytes, want 9", got)
	}
	r.engine.outputs.take()
	if got := r.engine.outputs.size(); got != 0 {
		t.Errorf("the next batch begins with %d bytes", got)
	}
	spans := spansOf(fetched(&kgo.Record{
		Key: []byte("key"), Value: []byte("value"), Headers: sortedHeaders(headers),
	}))
	if got, want := spans[0].bytes, 3+5+9+recordOverhead; got != want {
		t.Errorf("an input record counts %d bytes, want %d", got, want)
	}
}
