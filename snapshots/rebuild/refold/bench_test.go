package refold_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/fold"
	"refold/kafka"
	"refold/kafka/local"
	"refold/processors"
	"refold/processors/accounts"
	"refold/snapshots/rebuild/refold"
)

// bank is a topic of account events, with headers as workers write them.
type bank struct {
	fold    fold.RowFold
	codecs  *processors.OpenAggregate
	cluster *local.Cluster
	topic   string
	keys    int
}

func newBank(b *testing.B, count, keys int) *bank {
	b.Helper()
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	fake := srfake.New()
	b.Cleanup(fake.Close)
	registry, err := codecs.NewRegistry(codecs.RegistrySettings{
		URLs: []string{fake.URL()}, Mode: codecs.Register,
	})
	must(err)
	b.Cleanup(registry.Close)
	c, err := accounts.Definition.Open(registry)
	must(err)
	must(c.Prepare(b.Context()))
	topic := accounts.Definition.Topics("").Events
	cluster, err := local.Start(local.Options{Topics: []kafka.TopicSpec{{Name: topic, Partitions: 1}}})
	must(err)
	b.Cleanup(func() { _ = cluster.Close() })
	k := &bank{c.Fold, c, cluster, topic, keys}

	opts, err := kafka.Settings{Brokers: cluster.Brokers()}.Options()
	must(err)
	producer, err := kgo.NewClient(append(opts, kgo.ProducerLinger(10*time.Millisecond))...)
	must(err)
	defer producer.Close()
	var once sync.Once
	for i := range count {
		producer.Produce(b.Context(), k.event(b, i), func(_ *kgo.Record, err error) {
			if err != nil {
				once.Do(func() { b.Error(err) })
			}
		})
	}
	must(producer.Flush(b.Context()))
	return k
}

func keyOf(i, keys int) string { return fmt.Sprintf("account-%08d", i*7919%keys) }

// event is the i-th event: each account is opened, then paid in to, charged and refunded by turns.
func (k *bank) event(b *testing.B, i int) *kgo.Record {
	b.Helper()
	key, sequence := keyOf(i, k.keys), i/k.keys+1
	var data accounts.Event
	switch reference := fmt.Sprintf("order-%08d-%06d", i%k.keys, sequence/3); {
	case sequence == 1:
		data = accounts.AccountOpened{Owner: "Somebody " + key, Currency: "EUR"}
	case sequence%3 == 0:
		data = accounts.AccountCharged{Amount: 5, Currency: "EUR", Reference: reference}
	case sequence%3 == 1:
		data = accounts.AccountRefunded{Amount: 5, Currency: "EUR", Reference: reference}
	default:
		data = accounts.MoneyDeposited{Amount: 100, Currency: "EUR"}
	}
	value, err := k.codecs.Events.Encode(data)
	if err != nil {
		b.Fatal(err)
	}
	id := fmt.Sprintf("018f5c1e-9a8b-7c6d-8e7f-%012d", i)
	r := &kgo.Record{Topic: k.topic, Key: []byte(key), Value: value}
	header := func(name, value string) {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: name, Value: []byte(value)})
	}
	header(codecs.HeaderSpecVersion, "1.0")
	header(codecs.HeaderID, fmt.Sprintf("%s/%d", key, sequence))
	header(codecs.HeaderSource, "accounts")
	header(codecs.HeaderType, eventsourcing.TypeName(data))
	header(codecs.HeaderSubject, key)
	header(codecs.HeaderCorrelationID, id)
	header(codecs.HeaderCausationID, id)
	header(codecs.HeaderTime, "2026-11-23T08:00:00.123Z")
	header(codecs.HeaderSequence, fmt.Sprint(sequence))
	return r
}

func (k *bank) options(dir string) refold.Options {
	return refold.Options{
		Fold: k.fold, Kafka: kafka.Settings{Brokers: k.cluster.Brokers()}, EventsTopic: k.topic, Dir: dir,
		Rows: k.fold, CacheBytes: 128 << 20, CPUShare: 1, StepRows: 1_000,
		StepBytes: refold.MostStepBytes, StepTimeout: time.Second,
	}
}

// processorTime is what the process has used: on a machine that others use, too, it says more than the
// clock.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkBuild is the fold of 1,000,000 events, read from an embedded cluster in the same process. Run
// it with -cpu 1: then the reading is part of what it takes.
func BenchmarkBuild(b *testing.B) {
	const count = 1_000_000
	for _, keys := range []int{100_000, 250_000, 1_000_000} {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) {
			k := newBank(b, count, keys)
			for _, megabytes := range []int64{16, 64, 128} {
				b.Run(fmt.Sprintf("cache=%dMiB", megabytes), func(b *testing.B) {
					b.ReportAllocs()
					before := processorTime(b)
					for b.Loop() {
						o := k.options(shadowDir(b))
						o.CacheBytes = megabytes << 20
						s, err := refold.Build(context.Background(), o)
						if err != nil {
							b.Fatal(err)
						}
						if err := s.Close(); err != nil {
							b.Fatal(err)
						}
					}
					b.ReportMetric(count*float64(b.N)/b.Elapsed().Seconds(), "events/s")
					b.ReportMetric(count*float64(b.N)/(processorTime(b)-before).Seconds(), "events/cpu-s")
				})
			}
		})
	}
}

// BenchmarkRun puts 1,000 of 1,000,000 rows right. What counts is "closing-ms": for how long the line
// stands still, Kafka's transaction apart.
func BenchmarkRun(b *testing.B) {
	const keys, wrong = 1_000_000, 1_000
	k := newBank(b, keys, keys)
	table := k.table(b)
	for b.Loop() {
		for i := range wrong {
			table.rows[keyOf(i*997, keys)] = table.wrong
		}
		o := k.options(shadowDir(b))
		o.Live = table
		out, err := refold.Run(context.Background(), o)
		if err != nil || out.Changed != wrong || out.Equal != keys-wrong {
			b.Fatalf("outcome %+v, error %v", out, err)
		}
		b.ReportMetric(float64(out.LongestStep.Microseconds())/1000, "closing-ms")
		b.ReportMetric(float64(out.Steps), "steps")
	}
}

// bankTable is a table in memory.
type bankTable struct {
	keys  []string
	rows  map[string][]byte
	wrong []byte
}

// table returns the right table of the bank.
func (k *bank) table(b *testing.B) *bankTable {
	b.Helper()
	s, err := refold.Build(b.Context(), k.options(""))
	if err != nil {
		b.Fatal(err)
	}
	t := &bankTable{rows: make(map[string][]byte, s.Keys())}
	err = s.Walk(b.Context(), nil, func(p *refold.Pair) error {
		state, err := p.State()
		if err != nil {
			return err
		}
		key := string(p.Key)
		t.keys = append(t.keys, key)
		t.rows[key], err = k.fold.Row(state, nil)
		t.wrong = t.rows[key] // another's
		return err
	})
	if err := errors.Join(err, s.Close()); err != nil {
		b.Fatal(err)
	}
	return t
}

func (t *bankTable) Rows(context.Context) (refold.RowIterator, error) {
	return &bankRows{t: t, at: -1}, nil
}

type bankRows struct {
	t  *bankTable
	at int
}

func (r *bankRows) Next() bool             { r.at++; return r.at < len(r.t.keys) }
func (r *bankRows) Key() []byte            { return []byte(r.t.keys[r.at]) }
func (r *bankRows) Value() ([]byte, error) { return r.t.rows[r.t.keys[r.at]], nil }
func (*bankRows) Err() error               { return nil }
func (*bankRows) Release()                 {}

func (t *bankTable) Between(ctx context.Context, fn func(context.Context, refold.LiveRows) error) error {
	return fn(ctx, t)
}
func (t *bankTable) Get(key string) ([]byte, error)   { return t.rows[key], nil }
func (t *bankTable) Set(key string, row []byte) error { t.rows[key] = row; return nil }
func (t *bankTable) Delete(key string) error          { delete(t.rows, key); return nil }
