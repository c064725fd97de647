package livefeed_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"refold/client/wire"
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

// doubled is a former version of an event, of which each was two.
type doubled struct {
	Amount int64 `avro:"amount"`
}

// A record of a former version is shown as it was written, with what it is read as.
func TestFormerVersion(t *testing.T) {
	f := newFixture(t)
	former := codecs.Former(codecs.StructOptions{Name: "Doubled"}, func(d doubled) []any {
		return []any{Add{d.Amount}, Add{d.Amount}}
	})
	types, err := codecs.NewSet(f.registry, former, codecs.Record[Add](addSchema))
	must(t, err)
	written, err := codecs.NewSet(f.registry, former.Current())
	must(t, err)
	feed, err := livefeed.New(livefeed.Options{
		Kafka: f.settings(), Decoder: f.registry, Registerer: prometheus.NewRegistry(),
		Topics: []livefeed.Topic{{
			Name: events, Kind: livefeed.Event, Aggregate: "counter", Types: types,
		}},
		Logger: slog.New(slog.DiscardHandler),
	})
	must(t, err)
	l := listen(t, feed, livefeed.Filter{}, "")
	value, err := written.Encode(doubled{7})
	must(t, err)
	for _, v := range [][]byte{value, f.record(t, events, "c", Add{8}).Value} {
		must(t, f.client.ProduceSync(t.Context(), &kgo.Record{
			Topic: events, Key: []byte("c"), Value: v,
		}).FirstErr())
	}
	items := next(t, l, 2)
	part := wire.Part{Type: "Add", Data: json.RawMessage(`{"amount":7}`)}
	if diff := cmp.Diff([]wire.Part{part, part}, items[0].Message.ReadAs); diff != "" {
		t.Error(diff)
	}
	if string(items[0].Message.Data) != `{"amount":7}` || items[1].Message.ReadAs != nil {
		t.Errorf("got %+v", items)
	}
}

// A record whose schema ID stands in a header is shown as any other.
func TestSchemaIDInHeader(t *testing.T) {
	f := newFixture(t)
	l := listen(t, f.feed(t, livefeed.Limits{}), livefeed.Filter{}, "")
	r := f.record(t, events, "c", Add{8})
	r.Headers = append(r.Headers, kgo.RecordHeader{Key: codecs.HeaderValueSchemaID, Value: r.Value[:5]})
	r.Value = r.Value[5:]
	f.write(t, r)
	if got := next(t, l, 1)[0].Message; string(got.Data) != `{"amount":8}` || got.Undecodable != "" {
		t.Errorf("it is shown as %+v", got)
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

// deleteBefore deletes the events before an offset, as retention does.
func (f *fixture) deleteBefore(t *testing.T, partition int32, offset int64) {
	t.Helper()
	offsets := make(kadm.Offsets)
	offsets.AddOffset(events, partition, offset, -1)
	_, err := kadm.NewClient(f.client).DeleteRecords(t.Context(), offsets)
	must(t, err)
}

// What retention has deleted is told: to who resumes, and to who was listening.
func TestRetention(t *testing.T) {
	f := newFixture(t)
	feed := f.feed(t, livefeed.Limits{CheckEvery: 1, FetchBytes: 4}) // a record at a time
	listening := listen(t, feed, livefeed.Filter{}, "")
	begin := listening.Position()
	for n := range int64(10) {
		f.add(t, "one", n)
	}
	first := next(t, listening, 1)
	wantEvents(t, first, 0)
	f.deleteBefore(t, first[0].Message.Partition, 8)
	wantGap(t, next(t, listen(t, feed, livefeed.Filter{}, begin), 3), 0, 8)

	// The consumer may have fetched some that are deleted now.
	var items []livefeed.Item
	for len(items) == 0 || items[len(items)-1].Message == nil ||
		items[len(items)-1].Message.Offset < 9 {
		items = append(items, next(t, listening, 1)...)
	}
	at := int64(1)
	for items[0].Message != nil {
		wantEvents(t, items[:1], at)
		items, at = items[1:], at+1
	}
	wantGap(t, items, at, 8)
}

// wantGap checks that items are word of a gap, and the two events behind it.
func wantGap(t *testing.T, items []livefeed.Item, from, to int64) {
	t.Helper()
	m := items[0].Missed
	if m == nil || m.Reason != "retention" || m.Records != to-from || len(m.Partitions) != 1 ||
		m.Partitions[0].From != from || m.Partitions[0].To != to {
		t.Fatalf("missed %+v, want %d to %d", m, from, to)
	}
	wantEvents(t, items[1:], to, to+1)
}

// refuseFetches makes brokers answer that every offset that is asked for is out of range.
func (f *fixture) refuseFetches(refuse *atomic.Bool) {
	f.cluster.Kafka().ControlKey(int16(kmsg.Fetch), func(request kmsg.Request) (
		kmsg.Response, error, bool,
	) {
		f.cluster.Kafka().KeepControl()
		answer := request.ResponseKind().(*kmsg.FetchResponse)
		for _, asked := range request.(*kmsg.FetchRequest).Topics {
			topic := kmsg.FetchResponseTopic{Topic: asked.Topic, TopicID: asked.TopicID}
			for _, p := range asked.Partitions {
				partition := kmsg.NewFetchResponseTopicPartition()
				partition.Partition, partition.ErrorCode = p.Partition, kerr.OffsetOutOfRange.Code
				topic.Partitions = append(topic.Partitions, partition)
			}
			answer.Topics = append(answer.Topics, topic)
		}
		return answer, nil, refuse.Load()
	})
}

// A listener that gets nothing since its next record is gone looks where it can go on.
func TestOutOfRange(t *testing.T) {
	f := newFixture(t)
	var refuse atomic.Bool
	refuse.Store(true)
	f.refuseFetches(&refuse)
	l := listen(t, f.feed(t, livefeed.Limits{CheckEvery: 1}), livefeed.Filter{}, "")
	for n := range int64(10) {
		f.add(t, "one", n)
	}
	ends, err := kadm.NewClient(f.client).ListEndOffsets(t.Context(), events)
	must(t, err)
	ends.Each(func(end kadm.ListedOffset) {
		if end.Offset == 10 {
			f.deleteBefore(t, end.Partition, 8)
		}
	})
	refuse.Store(false)
	wantGap(t, next(t, l, 3), 0, 8)
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

// While Kafka is away, a listener waits, and nobody else begins to listen.
func TestKafkaAway(t *testing.T) {
	f := newFixture(t)
	feed := f.feed(t, livefeed.Limits{CheckEvery: 1})
	l := listen(t, feed, livefeed.Filter{}, "")
	f.add(t, "one", 0)
	wantEvents(t, next(t, l, 1), 0)
	must(t, f.cluster.Close())
	for range 2 {
		if items, err := l.Next(t.Context(), 200*time.Millisecond); err != nil || len(items) > 0 {
			t.Errorf("%v, %v; want nothing", items, err)
		}
	}
	_, err := feed.Listen(t.Context(), livefeed.Filter{}, "")
	if !errors.Is(err, livefeed.ErrUnavailable) {
		t.Errorf("%v, want %v", err, livefeed.ErrUnavailable)
	}
}
