package livefeed_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"refold/codecs"
	"refold/kafka"
	"refold/kafka/local"
	"refold/processors"
	"refold/views/livefeed"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Add is the command, and the event, of these tests' aggregate, the counter.
type Add struct {
	Amount int64 `avro:"amount"`
}

const addSchema = `{"type": "record", "name": "Add", "namespace": "refold.live.test",
	"fields": [{"name": "amount", "type": "long"}]}`

const (
	commands    = "counter-commands"
	events      = "counter-events"
	results     = "counter-results"
	deadLetters = "dead-letters"
)

// topics are the counter's, another aggregate's, and the dead letters.
var topics = []livefeed.Topic{
	{Name: commands, Kind: livefeed.Command, Aggregate: "counter"},
	{Name: events, Kind: livefeed.Event, Aggregate: "counter"},
	{Name: results, Kind: livefeed.Result, Aggregate: "counter"},
	{Name: "gauge-events", Kind: livefeed.Event, Aggregate: "gauge"},
	{Name: deadLetters, Kind: livefeed.DeadLetter},
}

// fixture is a cluster with the topics, codecs, and clients that write to them.
type fixture struct {
	cluster       *local.Cluster
	registry      *codecs.Registry
	adds, results *codecs.Set
	client        *kgo.Client
	opts          []kgo.Opt
}

// must ends the test unless err is nil.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	var specs []kafka.TopicSpec
	for _, topic := range topics {
		specs = append(specs, kafka.TopicSpec{Name: topic.Name, Partitions: 3, ReplicationFactor: 1})
	}
	cluster, err := local.Start(local.Options{Topics: specs})
	must(t, err)
	t.Cleanup(func() { _ = cluster.Close() }) // a test may have closed it already
	f := &fixture{cluster: cluster}
	f.registry, err = codecs.NewRegistry(codecs.RegistrySettings{
		URLs: []string{cluster.RegistryURL()}, Mode: codecs.Register,
	})
	must(t, err)
	t.Cleanup(f.registry.Close)
	f.adds, err = codecs.NewSet(f.registry, codecs.Record[Add](addSchema))
	must(t, err)
	f.results, err = processors.NewResultSet(f.registry)
	must(t, err)
	f.opts, err = f.settings().Options()
	must(t, err)
	f.client = f.newClient(t)
	return f
}

func (f *fixture) settings() kafka.Settings {
	return kafka.Settings{Brokers: f.cluster.Brokers(), ClientID: "test"}
}

func (f *fixture) newClient(t *testing.T, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append(f.opts[:len(f.opts):len(f.opts)], opts...)...)
	must(t, err)
	t.Cleanup(client.Close)
	return client
}

// feed makes a feed, as another process would.
func (f *fixture) feed(t *testing.T, limits livefeed.Limits) *livefeed.Feed {
	t.Helper()
	feed, err := livefeed.New(livefeed.Options{
		Kafka: f.settings(), Topics: topics, Decoder: f.registry, Limits: limits,
		Registerer: prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler),
	})
	must(t, err)
	return feed
}

// listen begins to listen; the test's end closes it.
func listen(t *testing.T, feed *livefeed.Feed, filter livefeed.Filter, after string) *livefeed.Listener {
	t.Helper()
	l, err := feed.Listen(t.Context(), filter, after)
	must(t, err)
	t.Cleanup(l.Close)
	return l
}

// record is one of the counter's, with headers: name, value, name, value.
func (f *fixture) record(t *testing.T, topic, key string, value any, headers ...string) *kgo.Record {
	t.Helper()
	set := f.adds
	if f.results.Has(value) {
		set = f.results
	}
	b, err := set.Encode(value)
	must(t, err)
	r := &kgo.Record{Topic: topic, Key: []byte(key), Value: b, Timestamp: at}
	for i := 0; i < len(headers); i += 2 {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: headers[i], Value: []byte(headers[i+1])})
	}
	return r
}

// at is when everything happens.
var at = time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)

func (f *fixture) write(t *testing.T, records ...*kgo.Record) {
	t.Helper()
	must(t, f.client.ProduceSync(t.Context(), records...).FirstErr())
}

// add writes an event of the counter called key; its ID is id.
func (f *fixture) add(t *testing.T, key string, amount int64) {
	t.Helper()
	f.write(t, f.record(t, events, key, Add{amount},
		codecs.HeaderID, fmt.Sprintf("%s/%d", key, amount), codecs.HeaderType, "Add"))
}

// patience is how long something may take on a machine that is busy.
const patience = time.Minute

// next returns the next so many items.
func next(t *testing.T, l *livefeed.Listener, n int) []livefeed.Item {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var items []livefeed.Item
	for len(items) < n {
		got, err := l.Next(ctx, patience)
		if err != nil {
			t.Fatalf("%v, after %d items of %d", err, len(items), n)
		}
		items = append(items, got...)
	}
	if len(items) > n {
		t.Fatalf("%d items, want %d", len(items), n)
	}
	return items
}

// wantEvents checks that items are the counter's events of these amounts.
func wantEvents(t *testing.T, items []livefeed.Item, amounts ...int64) {
	t.Helper()
	for i, item := range items {
		want := fmt.Sprintf(`{"amount":%d}`, amounts[i])
		if item.Message == nil || string(item.Message.Data) != want {
			t.Fatalf("item %d is %+v, want an event with %s", i, item, want)
		}
	}
}
