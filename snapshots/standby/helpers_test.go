package standby_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"refold/kafka"
	"refold/kafka/local"
	"refold/snapshots"
	"refold/snapshots/standby"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// A registry of the metrics library behind Sarama, one for the process.
		goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"),
		// Pebble's block cache releases what is left of it when it is collected.
		goleak.IgnoreTopFunction("github.com/cockroachdb/swiss.(*Map).fini"))
}

const (
	patience   = 30 * time.Second
	table      = "rows-table"
	events     = "row-events"
	partitions = 2
)

// world is an embedded cluster, the stores of a process, and its standbys.
type world struct {
	*testing.T
	kafka    kafka.Settings
	producer *kgo.Client
	dir      string
	stores   *snapshots.Stores
	metrics  *snapshots.Metrics
	registry *prometheus.Registry
	standbys *standby.Standbys
	group    *standby.Group
	open     atomic.Int32 // copies that are open
	fit      atomic.Pointer[error]
	refuse   atomic.Bool // Apply fails
}

func newWorld(t *testing.T) *world {
	t.Helper()
	cluster, err := local.Start(local.Options{Topics: []kafka.TopicSpec{
		{Name: table, Partitions: partitions, ReplicationFactor: 1},
		{Name: events, Partitions: partitions, ReplicationFactor: 1},
	}})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, kafka: kafka.Settings{Brokers: cluster.Brokers()}, registry: prometheus.NewRegistry()}
	t.Cleanup(func() { w.must(cluster.Close()) })
	w.producer, err = w.kafka.Client(kgo.TransactionalID("writer"),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))
	w.must(err)
	t.Cleanup(w.producer.Close)
	w.dir = t.TempDir()
	w.metrics = snapshots.NewMetrics(w.registry)
	w.reopen()
	t.Cleanup(func() { w.must(w.stores.Close()) })
	w.standbys, err = standby.New(standby.Options{
		Kafka: w.kafka, PauseMin: time.Millisecond, PauseMax: 10 * time.Millisecond,
		Metrics: standby.NewMetrics(w.registry),
	})
	w.must(err)
	t.Cleanup(w.standbys.Close)
	w.group = w.standbys.Group(standby.GroupOptions{
		Name: "rows", Topics: []standby.Topic{w.topic(table), w.topic(events)},
		Partitions: func() int32 { return partitions },
		Fit: func(_ context.Context, asked []int32) (map[int32]error, error) {
			unfit := make(map[int32]error)
			if why := w.fit.Load(); why != nil {
				for _, p := range asked {
					unfit[p] = *why
				}
			}
			return unfit, nil
		},
	})
	return w
}

// reopen opens the stores as a process that starts does.
func (w *world) reopen() {
	w.Helper()
	stores, err := snapshots.Open(snapshots.Options{
		Name: "stores", Dir: w.dir, Kafka: w.kafka, CacheBytes: 16 << 20, MaxOpenFiles: 100,
		Metrics: w.metrics,
	})
	if err != nil {
		w.Fatal(err)
	}
	w.stores = stores
}

func (w *world) topic(name string) standby.Topic {
	return standby.Topic{
		Name: name,
		Next: func(p int32) (int64, error) { return w.stores.Next(name, p) },
		Open: func(ctx context.Context, p int32) (standby.Copy, error) {
			f, err := w.stores.Follower(ctx, name, p, snapshots.Projection{})
			return &watched{Follower: f, of: w}, err
		},
	}
}

var errRefused = errors.New("refused")

// watched is a copy that is counted while it is open, and not used at other times.
type watched struct {
	*snapshots.Follower

	of     *world
	closed sync.Once
	open   atomic.Bool
}

func (c *watched) Open() error {
	err := c.Follower.Open()
	if err == nil {
		c.of.open.Add(1)
		c.open.Store(true)
	}
	return err
}

func (c *watched) Apply(records ...*kgo.Record) error {
	if !c.open.Load() {
		c.of.Error("records are filed in a store that is not open")
	}
	if c.of.refuse.Load() {
		return errRefused
	}
	return c.Follower.Apply(records...)
}

func (c *watched) Close() error {
	c.closed.Do(func() { c.of.open.Add(-1) })
	c.open.Store(false)
	return c.Follower.Close()
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Error(err)
	}
}

// write commits rows from … from+n-1 of one partition, to both topics, in one transaction; or aborts them.
func (w *world) write(partition int32, from, n int, end kgo.TransactionEndTry) {
	w.Helper()
	w.must(w.producer.BeginTransaction())
	for i := from; i < from+n; i++ {
		for _, topic := range []string{table, events} {
			key := strconv.Itoa(i)
			w.producer.Produce(w.Context(), &kgo.Record{
				Topic: topic, Partition: partition, Key: []byte(key), Value: []byte("row " + key),
			}, func(_ *kgo.Record, err error) { w.must(err) })
		}
	}
	w.must(w.producer.Flush(w.Context()))
	w.must(w.producer.EndTransaction(w.Context(), end))
}

// own opens the table of a partition as its owner does, and returns how many rows it has.
func (w *world) own(partition int32) (rows int) {
	w.Helper()
	owner, err := w.stores.Staged(w.Context(), table, partition)
	w.must(err)
	w.must(owner.Open())
	defer func() { w.must(owner.Close()) }()
	all, err := owner.Iterator()
	if err != nil {
		w.Error(err)
		return 0
	}
	defer all.Release()
	for all.Next() {
		rows++
	}
	w.must(all.Err())
	return rows
}

// metric adds up what a metric says.
func (w *world) metric(name string) (sum float64, found int) {
	w.Helper()
	families, err := w.registry.Gather()
	w.must(err)
	for _, family := range families {
		if family.GetName() == name {
			for _, m := range family.GetMetric() {
				sum, found = sum+m.GetGauge().GetValue()+m.GetCounter().GetValue(), found+1
			}
		}
	}
	return sum, found
}

func (w *world) restored() float64 {
	w.Helper()
	records, _ := w.metric("refold_store_restored_records_total")
	return records
}

func (w *world) eventually(what string, condition func() bool) {
	w.Helper()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for began := time.Now(); !condition(); <-ticker.C {
		if time.Since(began) > patience {
			w.Fatalf("waited in vain: %s", what)
		}
	}
}

// kept is what the stores hold of a topic's partition.
func (w *world) kept(topic string, partition int32) (next int64) {
	w.group.Kept(func(at kafka.TopicPartition, n, _ int64) {
		if at == (kafka.TopicPartition{Topic: topic, Partition: partition}) {
			next = n
		}
	})
	return next
}

// caughtUp waits until the standby has all of a partition.
func (w *world) caughtUp(partition int32, next int64) {
	w.Helper()
	w.eventually("the standby has caught up", func() bool {
		return w.group.Lag(partition) == 0 && w.kept(table, partition) >= next &&
			w.kept(events, partition) >= next
	})
}
