package views_test

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/kafka"
	"refold/kafka/local"
	"refold/processors"
	"refold/snapshots"
	"refold/views"
)

// Add is the command of these tests' aggregate, the counter.
type Add struct {
	Amount int64 `avro:"amount"`
}

// Sub is another one.
type Sub struct {
	Amount int64 `avro:"amount"`
}

// Added is its event.
type Added struct {
	Amount int64 `avro:"amount"`
}

func schemaOf(name string) string {
	return `{"type": "record", "name": "` + name + `", "namespace": "refold.views.test",
		"fields": [{"name": "amount", "type": "long"}]}`
}

var topics = processors.NewTopics("", "counter", "counters")

// fixture is a cluster with a counter's topics, its codecs, and a client that writes as a
// processor would.
type fixture struct {
	cluster           *local.Cluster
	kafka             kafka.Settings
	commands, results *codecs.Set
	events, former    *codecs.Set // former writes the events of a program of an earlier release
	client            *kgo.Client
	dir               string
}

func newFixture(tb testing.TB) *fixture {
	tb.Helper()
	var specs []kafka.TopicSpec
	for _, topic := range []string{
		topics.Commands, topics.Events, topics.Results, topics.Table, topics.DeadLetters,
	} {
		specs = append(specs, kafka.TopicSpec{Name: topic, Partitions: 3, ReplicationFactor: 1})
	}
	cluster, err := local.Start(local.Options{Topics: specs})
	must(tb, err)
	tb.Cleanup(func() { _ = cluster.Close() }) // a test may have closed it already
	f := &fixture{
		cluster: cluster, kafka: kafka.Settings{Brokers: cluster.Brokers(), ClientID: "test"},
		dir: tb.TempDir(),
	}
	registry, err := codecs.NewRegistry(codecs.RegistrySettings{
		URLs: []string{cluster.RegistryURL()}, Mode: codecs.Register,
	})
	must(tb, err)
	tb.Cleanup(registry.Close)
	f.commands, err = codecs.NewSet(registry, codecs.Record[Add](schemaOf("Add")),
		codecs.Record[Sub](schemaOf("Sub")))
	must(tb, err)
	f.results, err = processors.NewResultSet(registry)
	must(tb, err)
	added := codecs.Record[Added](schemaOf("Added"))
	f.events, err = codecs.NewSet(registry, append(formerEvents(), added)...)
	must(tb, err)
	f.former, err = codecs.NewSet(registry, current(formerEvents())...)
	must(tb, err)
	must(tb, errors.Join(f.commands.Prepare(tb.Context()), f.results.Prepare(tb.Context()),
		f.events.Prepare(tb.Context())))
	opts, err := f.kafka.Options()
	must(tb, err)
	f.client, err = kgo.NewClient(append(opts, kgo.RecordPartitioner(kafka.Partitioner()))...)
	must(tb, err)
	tb.Cleanup(f.client.Close)
	return f
}

// must ends the test unless err is nil.
func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// write writes a record.
func (f *fixture) write(t *testing.T, topic, key string, value []byte, headers ...kgo.RecordHeader) {
	t.Helper()
	must(t, f.client.ProduceSync(t.Context(), &kgo.Record{
		Topic: topic, Key: []byte(key), Value: value, Headers: headers, Timestamp: time.Now(),
	}).FirstErr())
}

// row is a row of the counter's table: its sequence is all there is.
func row(sequence uint64) []byte { return binary.BigEndian.AppendUint64(nil, sequence) }

func (f *fixture) writeResult(t *testing.T, subject, commandID string, result processors.Result) {
	t.Helper()
	value, err := f.results.Encode(result)
	must(t, err)
	f.write(t, topics.Results, subject, value,
		kgo.RecordHeader{Key: codecs.HeaderCausationID, Value: []byte(commandID)})
}

// running is a Views that runs until stop.
type running struct {
	*views.Views
	counters *views.Aggregate
	stop     func()
}

// open opens views on the fixture's directory, without running them.
func (f *fixture) open(tb testing.TB, change ...func(*views.Options)) (
	*views.Views, *snapshots.Stores,
) {
	tb.Helper()
	registry := prometheus.NewRegistry()
	stores, err := snapshots.Open(snapshots.Options{
		Name: "views", Dir: f.dir, Kafka: f.kafka, Metrics: snapshots.NewMetrics(registry),
		CacheBytes: 64 << 20, MaxOpenFiles: 640, Logger: slog.New(slog.DiscardHandler),
	})
	must(tb, err)
	options := views.Options{
		Kafka: f.kafka, Stores: stores, Metrics: views.NewMetrics(registry),
		Logger: slog.New(slog.DiscardHandler),
		Aggregates: []views.Description{{
			Name: "counter", Plural: "counters", Topics: topics,
			Commands: f.commands, Results: f.results, Events: f.events,
			Row: func(value []byte) (int64, any, error) {
				return int64(binary.BigEndian.Uint64(value)), nil, nil
			},
		}},
	}
	for _, c := range change {
		c(&options)
	}
	v, err := views.Open(options)
	must(tb, err)
	return v, stores
}

// run opens views and runs them; they are ready when it returns.
func (f *fixture) run(tb testing.TB, change ...func(*views.Options)) *running {
	tb.Helper()
	v, stores := f.open(tb, change...)
	r := f.started(tb, v, stores)
	eventually(tb, func() bool { return v.Ready() == nil })
	return r
}

// started runs views.
func (*fixture) started(tb testing.TB, v *views.Views, stores *snapshots.Stores) *running {
	tb.Helper()
	ctx, cancel := context.WithCancel(tb.Context())
	done := make(chan error, 1)
	go func() { done <- v.Run(ctx) }()
	stopped := false
	r := &running{Views: v, counters: v.Aggregate("counter"), stop: func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		must(tb, errors.Join(<-done, stores.Close()))
	}}
	tb.Cleanup(r.stop)
	return r
}

// eventually waits for a condition that nobody signals.
func eventually(tb testing.TB, condition func() bool) {
	tb.Helper()
	ticks := time.NewTicker(10 * time.Millisecond)
	defer ticks.Stop()
	deadline := time.After(time.Minute)
	for !condition() {
		select {
		case <-ticks.C:
		case <-deadline:
			tb.Fatal("it never happened")
		}
	}
}

func patient(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// counterCommand is the identity of a command to a counter.
func counterCommand(subject, id string) views.CommandKey {
	return views.CommandKey{Aggregate: "counter", Subject: subject, ID: id}
}

func add(id, subject string, amount int64) eventsourcing.Envelope[any] {
	return eventsourcing.Envelope[any]{
		Metadata: eventsourcing.Metadata{
			ID: id, Source: "test", Type: "Add", Subject: subject, Time: time.Now(),
		},
		Data: Add{Amount: amount},
	}
}

// Rows are read whether they came before the views or after; G10.
func TestRows(t *testing.T) {
	f := newFixture(t)
	for _, id := range []string{"d", "a", "c", "b", "gone"} {
		f.write(t, topics.Table, id, row(1))
	}
	f.write(t, topics.Table, "rejected-only", row(0))
	f.write(t, topics.Table, "gone", nil)
	v := f.run(t)
	for id, want := range map[string]error{
		"a": nil, "nobody": views.ErrNotFound, "gone": views.ErrNotFound,
		"rejected-only": views.ErrNotFound,
	} {
		if _, err := v.counters.Get(id); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", id, err, want)
		}
	}
	var listed string
	for after, pages := "", 0; ; pages++ {
		page, err := v.counters.List(after, 3)
		must(t, err)
		for _, r := range page.Rows {
			listed += r.ID
		}
		if after = page.Next; after == "" {
			break
		}
		if pages > 4 {
			t.Fatal("the list has no end")
		}
	}
	if listed != "abcd" {
		t.Errorf("listed %q", listed)
	}

	seen := make(chan views.Row, 1)
	go func() {
		r, err := v.counters.WaitFor(patient(t), "e", 2)
		if err != nil {
			t.Error(err)
		}
		seen <- r
	}()
	f.write(t, topics.Table, "e", row(1))
	f.write(t, topics.Table, "e", row(2))
	if r := <-seen; r.Sequence != 2 {
		t.Errorf("waited for sequence 2, got %+v", r)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if r, err := v.counters.WaitFor(ended, "e", 3); !errors.Is(err, views.ErrNotYet) || r.Sequence != 2 {
		t.Errorf("a wait that ended: %+v, %v", r, err)
	}
}

// G1: the first outcome is a command's outcome, here and after a restart.
func TestCommands(t *testing.T) {
	f := newFixture(t)
	v := f.run(t)
	c1, c2 := counterCommand("alice", "c-1"), counterCommand("alice", "c-2")
	if _, err := v.Command(t.Context(), c1); !errors.Is(err, views.ErrNotFound) {
		t.Errorf("not sent yet: %v", err)
	}
	must(t, v.counters.Send(patient(t), add("c-1", "alice", 5)))
	pending, err := v.WaitCommand(patient(t), c1, views.Pending)
	must(t, err)
	if pending.Status != views.Pending || pending.Type != "Add" || pending.Subject != "alice" {
		t.Errorf("got %+v", pending)
	}
	f.writeResult(t, "alice", "c-1", processors.Result{
		CommandType: "Add", Accepted: true, FirstSequence: 7, LastSequence: 8,
	})
	decided, err := v.WaitCommand(patient(t), c1, views.Decided)
	must(t, err)
	if decided.Status != views.Accepted || decided.FirstSequence != 7 || decided.LastSequence != 8 {
		t.Errorf("got %+v", decided)
	}
	// A repeat's result must not replace it. The one behind it, in the same partition, tells when
	// it has arrived.
	f.writeResult(t, "alice", "c-1", processors.Result{CommandType: "Add", Code: "never"})
	f.writeResult(t, "alice", "c-2", processors.Result{CommandType: "Add", Code: "no"})
	rejected, err := v.WaitCommand(patient(t), c2, views.Decided)
	must(t, err)
	if rejected.Status != views.Rejected || rejected.Code != "no" {
		t.Errorf("got %+v", rejected)
	}
	v.stop()
	v = f.run(t)
	again, err := v.Command(t.Context(), c1)
	must(t, err)
	if again.Source != "test" {
		t.Errorf("it was sent by %q", again.Source)
	}
	again.Source = "" // who waits for a result is its sender
	if again != decided {
		t.Errorf("after a restart %+v, before %+v", again, decided)
	}
}

func TestDiffers(t *testing.T) {
	f := newFixture(t)
	v := f.run(t)
	must(t, v.counters.Send(patient(t), add("c-1", "alice", 5)))
	_, err := v.WaitCommand(patient(t), counterCommand("alice", "c-1"), views.Pending)
	must(t, err)
	other := add("c-1", "alice", 5)
	other.Type, other.Data = "Sub", Sub{Amount: 5}
	for name, test := range map[string]struct {
		command eventsourcing.Envelope[any]
		want    bool
	}{
		"the same":              {add("c-1", "alice", 5), false},
		"other data":            {add("c-1", "alice", 6), true},
		"another type":          {other, true},
		"unknown":               {add("c-2", "alice", 6), false},
		"somebody else":         {add("c-1", "zoe", 6), false},
		"in the same partition": {add("c-1", neighbours(t, "alice", 1)[0], 6), false},
	} {
		if got, err := v.counters.Differs(test.command); err != nil || got != test.want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// A copy that has lost its broker serves what it has, and doesn't say of the rest that it isn't.
func TestBrokerIsGone(t *testing.T) {
	f := newFixture(t)
	f.write(t, topics.Table, "alice", row(1))
	v := f.run(t)
	must(t, f.cluster.Close())
	eventually(t, func() bool {
		_, err := v.counters.Get("nobody")
		return errors.Is(err, views.ErrNotReady)
	})
	eventually(t, func() bool {
		_, err := v.Command(t.Context(), counterCommand("a", "c-1"))
		return errors.Is(err, views.ErrNotReady)
	})
	if err := v.Ready(); !errors.Is(err, views.ErrNotReady) {
		t.Errorf("ready: %v", err)
	}
	if r, err := v.counters.Get("alice"); err != nil || r.Sequence != 1 {
		t.Errorf("got %+v, %v", r, err)
	}
}

// Before Run, and where there are no views at all, everything says so at once.
func TestNotRunning(t *testing.T) {
	f := newFixture(t)
	for name, off := range map[string]bool{"not yet": false, "off": true} {
		t.Run(name, func(t *testing.T) {
			v, stores := f.open(t, func(o *views.Options) { o.Off = off })
			defer func() { must(t, stores.Close()) }()
			counters := v.Aggregate("counter")
			_, get := counters.Get("a")
			_, list := counters.List("", 1)
			_, command := v.Command(t.Context(), counterCommand("a", "c-1"))
			_, wait := v.WaitCommand(t.Context(), counterCommand("a", "c-1"), views.Pending)
			_, named := v.CommandsOf(t.Context(), "c-1")
			_, waitNamed := v.WaitCommandsOf(t.Context(), "c-1")
			_, differs := counters.Differs(add("c-1", "a", 1))
			send := counters.Send(t.Context(), add("c-1", "a", 1))
			_, events := counters.Events(t.Context(), "a", views.EventQuery{Limit: 1})
			_, waitEvents := counters.WaitEvents(t.Context(), "a", views.EventQuery{Limit: 1})
			for i, err := range []error{
				get, list, command, wait, named, waitNamed, differs, send, events, waitEvents, v.Ready(),
			} {
				if !errors.Is(err, views.ErrNotReady) || errors.Is(err, views.ErrOff) != off {
					t.Errorf("%d: %v", i, err)
				}
			}
			if !errors.Is(send, views.ErrNotSent) {
				t.Errorf("Send: %v", send)
			}
		})
	}
}
