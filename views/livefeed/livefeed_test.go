package livefeed_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/processors"
	"refold/views/livefeed"
)

// A listener gets what is written after it began, decoded, and nothing from before; each kind with
// what belongs to it.
func TestMessages(t *testing.T) {
	f := newFixture(t)
	f.add(t, "old", 1)
	l := listen(t, f.feed(t, livefeed.Limits{}), livefeed.Filter{}, "")
	letter := f.record(t, deadLetters, "c-1", Add{4}, codecs.HeaderID, "cmd-2", codecs.HeaderType, "Add",
		processors.HeaderTopic, commands, processors.HeaderPartition, "1", processors.HeaderOffset, "7",
		processors.HeaderReason, "bug", processors.HeaderMessage, "it broke")
	letter.Value = []byte("no Avro")
	for _, c := range []struct {
		record *kgo.Record
		want   string
	}{
		{f.record(t, commands, "c-1", Add{2}, codecs.HeaderID, "cmd-1", codecs.HeaderType, "Add",
			codecs.HeaderTime, "2026-01-01T00:00:00Z"), `{"kind": "command", "topic": "counter-commands",
			"aggregate": "counter", "subject": "c-1", "id": "cmd-1", "type": "Add",
			"time": "2026-01-01T00:00:00Z", "data": {"amount": 2}}`},
		{f.record(t, events, "c-1", Add{3}, codecs.HeaderID, "c-1/1", codecs.HeaderType, "Add",
			codecs.HeaderSequence, "1", codecs.HeaderCorrelationID, "cmd-1",
			codecs.HeaderCausationID, "cmd-1"), `{"kind": "event", "topic": "counter-events",
			"aggregate": "counter", "subject": "c-1", "id": "c-1/1", "type": "Add", "sequence": 1,
			"correlationId": "cmd-1", "causationId": "cmd-1",
			"time": "2026-02-03T04:05:06Z", "data": {"amount": 3}}`},
		{f.record(t, results, "c-1", processors.Result{CommandType: "Add", Code: "no"},
			codecs.HeaderID, "cmd-1/result", codecs.HeaderType, "Result",
			processors.HeaderRepeated, "true"), `{"kind": "result", "topic": "counter-results",
			"aggregate": "counter", "subject": "c-1", "id": "cmd-1/result", "type": "Result",
			"time": "2026-02-03T04:05:06Z", "outcome": "rejected", "repeated": true,
			"data": {"commandType": "Add", "accepted": false, "firstSequence": 0, "lastSequence": 0,
			"code": "no", "message": ""}}`},
		{letter, `{"kind": "dead-letter", "topic": "dead-letters", "aggregate": "counter",
			"subject": "c-1", "id": "cmd-2", "type": "Add", "time": "2026-02-03T04:05:06Z",
			"deadLetter": {"topic": "counter-commands", "partition": 1, "offset": 7, "reason": "bug",
			"message": "it broke"}, "data": null,
			"undecodable": "not-wire-format: found magic byte"}`},
		{&kgo.Record{Topic: commands, Key: []byte("c-1"), Timestamp: at}, `{"kind": "command",
			"topic": "counter-commands", "aggregate": "counter", "subject": "c-1",
			"time": "2026-02-03T04:05:06Z", "data": null, "undecodable": "there is no value"}`},
	} {
		f.write(t, c.record)
		text, err := json.Marshal(next(t, l, 1)[0].Message)
		must(t, err)
		var got, want map[string]any
		must(t, errors.Join(json.Unmarshal(text, &got), json.Unmarshal([]byte(c.want), &want)))
		delete(got, "partition")
		delete(got, "offset")
		if why, is := got["undecodable"].(string); is && strings.HasPrefix(why, "not-wire-format") {
			got["undecodable"] = want["undecodable"] // the text is for people
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

func TestFilter(t *testing.T) {
	f := newFixture(t)
	feed := f.feed(t, livefeed.Limits{})
	listeners := map[string]*livefeed.Listener{
		"a b c g": listen(t, feed, livefeed.Filter{}, ""),
		"b":       listen(t, feed, livefeed.Filter{Types: []string{"Sub", "Mul"}}, ""),
		"a c":     listen(t, feed, livefeed.Filter{IDs: []string{"c-1"}}, ""),
		"c":       listen(t, feed, livefeed.Filter{Kinds: []livefeed.Kind{livefeed.Result}}, ""),
		"a b":     listen(t, feed, livefeed.Filter{CorrelationIDs: []string{"a"}}, ""),
		"g":       listen(t, feed, livefeed.Filter{Aggregates: []string{"gauge"}}, ""),
	}
	f.write(t, f.record(t, commands, "c-1", Add{}, codecs.HeaderID, "a", codecs.HeaderType, "Add"))
	f.write(t, f.record(t, events, "c-2", Add{}, codecs.HeaderID, "b", codecs.HeaderType, "Sub",
		codecs.HeaderCorrelationID, "a"))
	f.write(t, f.record(t, results, "c-1", processors.Result{}, codecs.HeaderID, "c",
		codecs.HeaderType, "Result", codecs.HeaderCorrelationID, "z"))
	f.write(t, f.record(t, "gauge-events", "g-1", Add{}, codecs.HeaderID, "g", codecs.HeaderType, "Add"))
	for want, l := range listeners {
		got := make(map[string]bool)
		for _, item := range next(t, l, len(strings.Fields(want))) {
			got[item.Message.ID] = true
		}
		for _, id := range strings.Fields(want) {
			if !got[id] {
				t.Errorf("%v came, want %s", got, want)
			}
		}
	}
}

// Whoever goes on behind an item gets all that came after it, once: from another process, too.
func TestResume(t *testing.T) {
	f := newFixture(t)
	filter := livefeed.Filter{Kinds: []livefeed.Kind{livefeed.Event}}
	l := listen(t, f.feed(t, livefeed.Limits{}), filter, "")
	for n := range int64(4) {
		f.add(t, "one", n)
	}
	items := next(t, l, 4)
	l.Close()
	f.add(t, "one", 4)
	again := listen(t, f.feed(t, livefeed.Limits{}), filter, items[1].Position)
	wantEvents(t, next(t, again, 3), 2, 3, 4)
	again.Close()
	rest := listen(t, f.feed(t, livefeed.Limits{}), filter, again.Position())
	f.add(t, "one", 5)
	wantEvents(t, next(t, rest, 1), 5)
}

// Who begins while a transaction is open gets what it writes when it commits, and nothing of one
// that aborts.
func TestTransactions(t *testing.T) {
	f := newFixture(t)
	write := func(id string, amount int64, end kgo.TransactionEndTry) func() {
		client := f.newClient(t, kgo.TransactionalID(id))
		must(t, client.BeginTransaction())
		must(t, client.ProduceSync(t.Context(), f.record(t, events, "one", Add{amount})).FirstErr())
		return func() { must(t, client.EndTransaction(t.Context(), end)) }
	}
	abort, commit := write("x", 1, kgo.TryAbort), write("y", 2, kgo.TryCommit)
	l := listen(t, f.feed(t, livefeed.Limits{}), livefeed.Filter{}, "")
	abort()
	commit()
	wantEvents(t, next(t, l, 1), 2)
}

// A listener that is too far behind is moved to the end, and told what it has missed.
func TestBacklog(t *testing.T) {
	f := newFixture(t)
	l := listen(t, f.feed(t, livefeed.Limits{Backlog: 10, CheckEvery: 1}), livefeed.Filter{}, "")
	f.add(t, "one", 0)
	wantEvents(t, next(t, l, 1), 0)
	for n := range int64(30) {
		f.add(t, "one", n)
	}
	missed := next(t, l, 1)[0].Missed
	if missed == nil || missed.Records != 30 || missed.Reason != "backlog" || len(missed.Partitions) != 1 {
		t.Fatalf("missed %+v", missed)
	}
	if span := missed.Partitions[0]; span.Topic != events || span.From != 1 || span.To != 31 {
		t.Errorf("missed %+v", span)
	}
	f.add(t, "one", 99)
	wantEvents(t, next(t, l, 1), 99)
}

// Without the limit, everything comes: the twin of TestBacklog.
func TestNoBacklog(t *testing.T) {
	f := newFixture(t)
	l := listen(t, f.feed(t, livefeed.Limits{CheckEvery: 1}), livefeed.Filter{}, "")
	for n := range int64(31) {
		f.add(t, "one", n)
	}
	for n, item := range next(t, l, 31) {
		wantEvents(t, []livefeed.Item{item}, int64(n))
	}
}

// What retention has deleted is told: to who resumes, and to who was listening.
func TestRetention(t *testing.T) {
	f := newFixture(t)
	feed := f.feed(t, livefeed.Limits{CheckEvery: 1})
	start := listen(t, feed, livefeed.Filter{}, "")
	for n := range int64(10) {
		f.add(t, "one", n)
	}
	begin := start.Position()
	start.Close()
	offsets := make(kadm.Offsets)
	for p := range int32(3) {
		offsets.AddOffset(events, p, 4, -1)
	}
	ends, err := kadm.NewClient(f.client).ListEndOffsets(t.Context(), events)
	must(t, err)
	for p := range int32(3) {
		if end, _ := ends.Lookup(events, p); end.Offset < 4 {
			offsets.Delete(events, p)
		}
	}
	_, err = kadm.NewClient(f.client).DeleteRecords(t.Context(), offsets)
	must(t, err)
	l := listen(t, feed, livefeed.Filter{}, begin)
	missed := next(t, l, 1)[0].Missed
	if missed == nil || missed.Records != 4 || missed.Reason != "retention" {
		t.Fatalf("missed %+v", missed)
	}
	wantEvents(t, next(t, l, 6), 4, 5, 6, 7, 8, 9)
}

// Positions of other topics, of other logs, and such as are damaged, are refused.
func TestForeignPositions(t *testing.T) {
	f, other := newFixture(t), newFixture(t)
	feed := f.feed(t, livefeed.Limits{})
	l := listen(t, feed, livefeed.Filter{}, "")
	of := func(feed *livefeed.Feed, filter livefeed.Filter) string {
		return listen(t, feed, filter, "").Position()
	}
	for name, position := range map[string]string{
		"damaged":       "A" + l.Position()[1:],
		"longer":        l.Position() + "AA",
		"text":          "hello",
		"other filter":  of(feed, livefeed.Filter{Aggregates: []string{"gauge"}}),
		"other cluster": of(other.feed(t, livefeed.Limits{}), livefeed.Filter{}),
	} {
		_, err := feed.Listen(t.Context(), livefeed.Filter{}, position)
		if !errors.Is(err, livefeed.ErrPosition) {
			t.Errorf("%s: %v, want %v", name, err, livefeed.ErrPosition)
		}
	}
}

func TestTooMany(t *testing.T) {
	f := newFixture(t)
	feed := f.feed(t, livefeed.Limits{Listeners: 1})
	l := listen(t, feed, livefeed.Filter{}, "")
	if _, err := feed.Listen(t.Context(), livefeed.Filter{}, ""); !errors.Is(err, livefeed.ErrTooMany) {
		t.Errorf("%v, want %v", err, livefeed.ErrTooMany)
	}
	l.Close()
	listen(t, feed, livefeed.Filter{}, "")
}

// A listener whose context ends stops waiting; without Kafka, listening does not begin.
func TestEnds(t *testing.T) {
	f := newFixture(t)
	l := listen(t, f.feed(t, livefeed.Limits{}), livefeed.Filter{}, "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Next(ctx, patience); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want %v", err, context.Canceled)
	}
	if items, err := l.Next(t.Context(), 1); err != nil || len(items) > 0 {
		t.Errorf("%v, %v; want nothing", items, err)
	}
	_, err := f.feed(t, livefeed.Limits{}).Listen(ctx, livefeed.Filter{}, "")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want %v", err, context.Canceled)
	}
}
