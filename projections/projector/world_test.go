package projector

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
	"refold/kafka/local"
	"refold/processors"
	"refold/processors/deadletters"
	"refold/projections"
)

const partitions = 3

// world is a cluster with the counters' topics, and a store.
type world struct {
	*testing.T
	settings kafka.Settings
	writer   *kgo.Client // in transactions, so that there are markers
	reader   *kgo.Client
	store    *flaky

	mu     sync.Mutex
	events []event
	last   map[string]event // by counter; by is the sum
}

func newWorld(t *testing.T) *world {
	t.Helper()
	topics := []kafka.TopicSpec{{Name: "dead-letters", Partitions: 1}}
	for _, name := range []string{topic, "counters-table"} {
		topics = append(topics, kafka.TopicSpec{Name: name, Partitions: partitions})
	}
	cluster, err := local.Start(local.Options{
		Topics: topics, Kafka: []kfake.Opt{kfake.GroupMinSessionTimeout(100 * time.Millisecond)},
	})
	must(t, err)
	t.Cleanup(func() { _ = cluster.Close() })
	w := &world{T: t, store: newFlaky(), last: make(map[string]event)}
	w.settings = kafka.Settings{
		Brokers: cluster.Brokers(), SessionTimeout: 2 * time.Second, HeartbeatInterval: 50 * time.Millisecond,
		RebalanceTimeout: time.Second,
	}
	w.writer, err = w.settings.Client(kgo.TransactionalID("counters"))
	must(t, err)
	t.Cleanup(w.writer.Close)
	w.reader, err = w.settings.Client()
	must(t, err)
	t.Cleanup(w.reader.Close)
	return w
}

// add has counters count, in one transaction: events and rows of the table.
func (w *world) add(by int64, ids ...string) {
	w.Helper()
	events, rows := w.records(by, ids...)
	w.commit(append(events, rows...)...)
}

// records has counters count, and returns the records of that.
func (w *world) records(by int64, ids ...string) (events, rows []*kgo.Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range ids {
		e := w.last[id]
		e.id, e.sequence, e.by = id, e.sequence+1, e.by+by
		w.last[id] = e
		w.events = append(w.events, event{id, e.sequence, by})
		r := w.events[len(w.events)-1].record()
		r.Timestamp = time.Now()
		row, _ := counterRows{}.Encode(snapshot(e.sequence, e.by))
		events = append(events, r)
		rows = append(rows, &kgo.Record{Topic: "counters-table", Key: r.Key, Value: row})
	}
	return events, rows
}

// commit writes records in one transaction.
func (w *world) commit(records ...*kgo.Record) {
	w.Helper()
	must(w.T, w.writer.BeginTransaction())
	must(w.T, w.writer.ProduceSync(context.Background(), records...).FirstErr())
	must(w.T, w.writer.EndTransaction(context.Background(), kgo.TryCommit))
}

// want returns the rows that a projection of all events has.
func (w *world) want(p projections.Projection, foldVersion int64) map[string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return wantOf(p, foldVersion, w.events)
}

// process is a process that runs projections.
type process struct {
	*Projector
	metrics *prometheus.Registry
	stop    func()
}

// projected is a projection as it is run here.
func (w *world) projected(p projections.Projection) Projected {
	return Projected{Projection: p, Sources: sourcesOf(p), Store: w.store}
}

// options are those of a process that runs a projection, with little patience.
func (w *world) options(p projections.Projection) Options {
	return Options{
		Kafka: w.settings, Projections: []Projected{w.projected(p)},
		Backoff: 5 * time.Millisecond, BackoffMost: 20 * time.Millisecond, LookEvery: 10 * time.Millisecond,
		Version: "v1", Logger: slog.New(slog.DiscardHandler),
	}
}

// start runs a process until it is stopped, or the test ends.
func (w *world) start(o Options) *process {
	w.Helper()
	metrics := prometheus.NewRegistry()
	o.Metrics = metrics
	p, err := New(o)
	must(w.T, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.Errorf("Run: %v", err)
		}
	})
	w.Cleanup(stop)
	return &process{p, metrics, stop}
}

// build returns a build, nil if there is none.
func (w *world) build(p projections.Projection, number int) projections.OpenBuild {
	w.Helper()
	inner, _ := w.store.store()
	open, err := inner.Open(context.Background(), &p, number)
	if err != nil {
		return nil
	}
	return open
}

// eventually waits until a build has the rows of all events.
func (w *world) eventually(p projections.Projection, number int, foldVersion int64) {
	w.Helper()
	want := w.want(p, foldVersion)
	var got map[string]string
	for deadline := time.Now().Add(patience); ; kafka.Sleep(w.Context(), 10*time.Millisecond) {
		if open := w.build(p, number); open != nil {
			got = rowsOf(w.T, p, open)
		}
		diff := cmp.Diff(want, got)
		if diff == "" {
			return
		}
		if time.Now().After(deadline) {
			w.Fatalf("build %d has other rows (-want +got):\n%s", number, diff)
		}
	}
}

// statuses returns those of all builds, by number.
func (w *world) statuses(p projections.Projection) map[int]projections.Status {
	w.Helper()
	inner, _ := w.store.store()
	builds, err := inner.Builds(context.Background(), p.Name)
	must(w.T, err)
	all := make(map[int]projections.Status)
	for _, b := range builds {
		all[b.Number] = b.Status
	}
	return all
}

// untilLive waits until a build is live.
func (w *world) untilLive(p projections.Projection, number int) {
	w.Helper()
	eventually(w.T, "the build is live", func() bool { return w.statuses(p)[number] == projections.Live })
}

// letters returns the dead letters that there are.
func (w *world) letters() (all []*deadletters.Letter) {
	w.Helper()
	at := kafka.Range{Topic: processors.DeadLetters(""), From: kafka.FromStart}
	_, err := kafka.ReadPartitionBy(context.Background(), w.reader, at,
		func(records []*kgo.Record, _ kafka.Progress) error {
			for _, r := range records {
				l, err := deadletters.Parse(r)
				if err != nil {
					return err
				}
				all = append(all, l)
			}
			return nil
		})
	must(w.T, err)
	return all
}
