package snapshots_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lovoo/goka/storage"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"refold/kafka"
	"refold/kafka/local"
	"refold/snapshots"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// A registry of the metrics library behind Sarama, one for the process.
		goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"),
		// Pebble's block cache releases what is left of it when it is collected.
		goleak.IgnoreTopFunction("github.com/cockroachdb/swiss.(*Map).fini"))
}

// patience is how long tests wait for what should happen in a moment.
const patience = 30 * time.Second

// table is the topic of most tests.
const table = "rows-table"

// world is an embedded cluster with a table topic, somebody who writes to it, and what stores say.
type world struct {
	testing.TB
	*local.Cluster
	producer *kgo.Client
	log      *log
	registry *prometheus.Registry
	metrics  *snapshots.Metrics
}

// newWorld starts a cluster with a compacted topic of these settings: key, value and so
// on.
func newWorld(tb testing.TB, settings ...string) *world {
	tb.Helper()
	config := map[string]string{"cleanup.policy": "compact"}
	for i := 0; i < len(settings); i += 2 {
		config[settings[i]] = settings[i+1]
	}
	c, err := local.Start(local.Options{Topics: []kafka.TopicSpec{
		{Name: table, Partitions: 1, Config: config},
	}})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	w := &world{TB: tb, Cluster: c, log: new(log), registry: prometheus.NewRegistry()}
	w.metrics = snapshots.NewMetrics(w.registry)
	w.producer = w.client(kgo.TransactionalID("test"), kgo.MetadataMinAge(10*time.Millisecond))
	return w
}

func (w *world) settings() kafka.Settings { return kafka.Settings{Brokers: w.Brokers()} }

func (w *world) client(more ...kgo.Opt) *kgo.Client {
	w.Helper()
	opts, err := w.settings().Options()
	if err != nil {
		w.Fatal(err)
	}
	cl, err := kgo.NewClient(append(opts, more...)...)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(cl.Close)
	return cl
}

// begin starts a transaction with rows: key, value, key, value …; "-" is a deletion.
func (w *world) begin(rows ...string) (next int64) {
	w.Helper()
	if err := w.producer.BeginTransaction(); err != nil {
		w.Fatal(err)
	}
	records := make([]*kgo.Record, 0, len(rows)/2)
	for i := 0; i < len(rows); i += 2 {
		r := &kgo.Record{Topic: table, Key: []byte(rows[i])}
		if rows[i+1] != "-" {
			r.Value = []byte(rows[i+1])
		}
		records = append(records, r)
	}
	if err := w.producer.ProduceSync(w.Context(), records...).FirstErr(); err != nil {
		w.Fatal(err)
	}
	return records[len(records)-1].Offset + 1
}

func (w *world) end(how kgo.TransactionEndTry) {
	w.Helper()
	if err := w.producer.EndTransaction(w.Context(), how); err != nil {
		w.Fatal(err)
	}
}

// write commits rows in one transaction.
func (w *world) write(rows ...string) (next int64) {
	w.Helper()
	next = w.begin(rows...)
	w.end(kgo.TryCommit)
	return next
}

// options are those of stores in a directory; "" is memory.
func (w *world) options(dir string) snapshots.Options {
	return snapshots.Options{
		Name: "test", Dir: dir, Kafka: w.settings(), CacheBytes: 4 << 20,
		RowCacheBytes: 128 << 20, MaxOpenFiles: 640,
		Metrics: w.metrics, Logger: slog.New(slog.NewTextHandler(w.log, nil)),
	}
}

func (w *world) stores(dir string) *snapshots.Stores {
	w.Helper()
	s, err := snapshots.Open(w.options(dir))
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { w.shut(s) })
	return s
}

func (w *world) shut(s *snapshots.Stores) {
	w.Helper()
	if err := s.Close(); err != nil {
		w.Error(err)
	}
}

// staged returns the table, not open yet.
func (w *world) staged(ctx context.Context, s *snapshots.Stores) *snapshots.Staged {
	w.Helper()
	st, err := s.Staged(ctx, table, 0)
	if err != nil {
		w.Fatal(err)
	}
	return st
}

// opened returns the table, restored.
func (w *world) opened(s *snapshots.Stores) *snapshots.Staged {
	w.Helper()
	st := w.staged(w.Context(), s)
	if err := st.Open(); err != nil {
		w.Fatal(err)
	}
	return st
}

// opening begins to open the table, which something holds up.
func (w *world) opening(ctx context.Context, s *snapshots.Stores) (*snapshots.Staged, chan error) {
	w.Helper()
	st, done := w.staged(ctx, s), make(chan error, 1)
	go func() { done <- st.Open() }()
	return st, done
}

func (w *world) outcome(done chan error) error {
	w.Helper()
	select {
	case err := <-done:
		return err
	case <-time.After(patience):
		w.Fatal("Open does not return")
		return nil
	}
}

// set stages rows and seals them: key, value …; "-" is a deletion.
func (w *world) set(st *snapshots.Staged, rows ...string) {
	w.Helper()
	for i := 0; i < len(rows); i += 2 {
		var err error
		if rows[i+1] == "-" {
			err = st.Delete(rows[i])
		} else {
			err = st.Set(rows[i], []byte(rows[i+1]))
		}
		if err != nil {
			w.Fatal(err)
		}
	}
	st.Seal()
}

// reader is what a Staged, a Follower and a Committed have in common.
type reader interface {
	Get(key string) ([]byte, error)
	IteratorWithRange(start, limit []byte) (storage.Iterator, error)
}

// expect checks all rows: "a=1 b=2".
func (w *world) expect(st reader, want string) {
	w.Helper()
	it, err := st.IteratorWithRange(nil, nil)
	if err != nil {
		w.Fatal(err)
	}
	defer it.Release()
	var rows []string
	for it.Next() {
		value, err := it.Value()
		if err != nil {
			w.Fatal(err)
		}
		key := string(it.Key())
		rows = append(rows, key+"="+string(value))
		if got, err := st.Get(key); err != nil || !bytes.Equal(got, value) {
			w.Errorf("Get(%q) is %q, %v; the iterator saw %q", key, got, err, value)
		}
	}
	if err := it.Err(); err != nil {
		w.Fatal(err)
	}
	if got := strings.Join(rows, " "); got != want {
		w.Errorf("the store holds %q; want %q", got, want)
	}
}

// restored is how many records stores were restored from.
func (w *world) restored() int { return int(w.metric("refold_store_restored_records_total")) }

// rebuilt is how many stores were thrown away.
func (w *world) rebuilt() int { return int(w.metric("refold_store_rebuilds_total")) }

// metric is the sum of a metric over all labels.
func (w *world) metric(name string) (sum float64) {
	w.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		w.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sum
}

// eventually waits for a condition.
func (w *world) eventually(what string, condition func() bool) {
	w.Helper()
	look, enough := time.NewTicker(time.Millisecond), time.After(patience)
	defer look.Stop()
	for !condition() {
		select {
		case <-look.C:
		case <-enough:
			w.Fatalf("in vain waited until %s", what)
		}
	}
}

// log keeps what is said.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
