package views

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/kafka"
	"refold/kafka/local"
	"refold/processors"
	"refold/snapshots"
)

// BenchmarkRows files ordinary commands, each with its result and its one event, in batches as commits bring
// them. It reports the rows and bytes (keys and values) of a command, and the CPU time that it costs until
// all is in files and merged; reading records is not in it.
//
//	go test -run '^$' -bench Rows -benchtime 1000000x ./views
func BenchmarkRows(b *testing.B) {
	copies := openCopies(b)
	const batch = 1000
	began := cpuTime(b)
	for at := 0; at < b.N; at += batch {
		makeCommands(at, min(batch, b.N-at))
	}
	making := cpuTime(b) - began
	began = cpuTime(b)
	for at := 0; at < b.N; at += batch {
		for i, records := range makeCommands(at, min(batch, b.N-at)) {
			must(b, copies.parts[i].Write(func(w snapshots.Writer) error {
				for _, r := range records {
					if err := copies.lives[i].project.File(w, r); err != nil {
						return err
					}
				}
				return nil
			}))
		}
	}
	b.StopTimer()
	rows, bytes := copies.count(b)
	began += making
	copies.close(b)
	n := float64(b.N)
	b.ReportMetric(float64((cpuTime(b)-began).Nanoseconds())/n, "cpu-ns/command")
	b.ReportMetric(float64(rows)/n, "rows/command")
	b.ReportMetric(float64(bytes)/n, "bytes/command")
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// cpuTime is what this process has used so far.
func cpuTime(tb testing.TB) time.Duration {
	tb.Helper()
	var usage syscall.Rusage
	must(tb, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// copies are the local copies of an aggregate's topics of one partition: commands, results, events.
type copies struct {
	stores *snapshots.Stores
	lives  []*live
	parts  []copied
	closed bool
}

func openCopies(tb testing.TB) *copies {
	tb.Helper()
	topics := processors.NewTopics("", "counter", "counters")
	var specs []kafka.TopicSpec
	for _, topic := range []string{topics.Commands, topics.Events, topics.Results, topics.Table} {
		specs = append(specs, kafka.TopicSpec{Name: topic, Partitions: 1, ReplicationFactor: 1})
	}
	cluster, err := local.Start(local.Options{Topics: specs})
	must(tb, err)
	tb.Cleanup(func() { _ = cluster.Close() })
	settings := kafka.Settings{Brokers: cluster.Brokers(), ClientID: "test"}
	registry := prometheus.NewRegistry()
	stores, err := snapshots.Open(snapshots.Options{
		Name: "views", Dir: tb.TempDir(), Kafka: settings, Metrics: snapshots.NewMetrics(registry),
		CacheBytes: 64 << 20, MaxOpenFiles: 640, Logger: slog.New(slog.DiscardHandler),
	})
	must(tb, err)
	v, err := Open(Options{
		Kafka: settings, Stores: stores, Metrics: NewMetrics(registry),
		Logger: slog.New(slog.DiscardHandler), TraceRetention: 7 * 24 * time.Hour,
		Aggregates: []Description{{
			Name: "counter", Plural: "counters", Topics: topics, Commands: &codecs.Set{},
			Results: &codecs.Set{}, Events: &codecs.Set{},
			Row: func([]byte) (int64, any, error) { return 0, nil, nil },
		}},
	})
	must(tb, err)
	a := v.aggregates[0]
	c := &copies{stores: stores, lives: []*live{a.commands, a.results, a.events}}
	tb.Cleanup(func() { c.close(tb) })
	for _, l := range c.lives {
		f, err := l.open(tb.Context(), l.topic, 0, l.project)
		must(tb, err)
		must(tb, f.Open())
		c.parts = append(c.parts, f)
	}
	return c
}

func (c *copies) count(tb testing.TB) (rows, bytes int) {
	tb.Helper()
	for _, part := range c.parts {
		all, err := part.IteratorWithRange(nil, nil)
		must(tb, err)
		for all.Next() {
			value, err := all.Value()
			must(tb, err)
			rows++
			bytes += len(all.Key()) + len(value)
		}
		must(tb, all.Err())
		all.Release()
	}
	return rows, bytes
}

func (c *copies) close(tb testing.TB) {
	tb.Helper()
	if c.closed {
		return
	}
	c.closed = true
	for _, part := range c.parts {
		must(tb, part.Close())
	}
	must(tb, c.stores.Close())
}

// makeCommands returns commands, their results and their events as clients and processors write them:
// command i to one of 10,000 aggregates, under a UUID of version 7.
func makeCommands(from, count int) [3][]*kgo.Record {
	const aggregates = 10_000
	var records [3][]*kgo.Record
	for i := from; i < from+count; i++ {
		at := time.Now().Truncate(time.Millisecond)
		id := timedUUID(at, rand.New(rand.NewPCG(1, uint64(i))))
		subject, sequence := fmt.Sprintf("counter-%d", i%aggregates), int64(i/aggregates+1)
		command := eventsourcing.Metadata{
			ID: id, Type: "DepositMoney", Source: "refold/client", Subject: subject, Time: at,
			CorrelationID: id,
		}
		result := eventsourcing.Metadata{
			ID: eventsourcing.ResultID(id), Type: "Result", Source: "counters", Subject: subject, Time: at,
			CorrelationID: id, CausationID: id,
		}
		event := result
		event.ID, event.Type = fmt.Sprintf("%s/%d", subject, sequence), "MoneyDeposited"
		event.Sequence = sequence
		for topic, m := range []eventsourcing.Metadata{command, result, event} {
			r := &kgo.Record{
				Key: []byte(subject), Timestamp: at.Add(5 * time.Millisecond), Offset: int64(i),
				Value: []byte("\x00\x00\x00\x00\x01some 30 bytes of Avro, no more"),
			}
			for name, value := range codecs.Headers(m) {
				r.Headers = append(r.Headers, kgo.RecordHeader{Key: name, Value: value})
			}
			records[topic] = append(records[topic], r)
		}
	}
	return records
}

// timedUUID is a UUID of version 7.
func timedUUID(at time.Time, r *rand.Rand) string {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:], uint64(at.UnixMilli())<<16|r.Uint64()>>52)
	binary.BigEndian.PutUint64(id[8:], r.Uint64())
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80
	return id.String()
}

// BenchmarkSweep removes half of an index of results, and reads all of it for that. The store may still merge
// what was filed before.
//
//	go test -run '^$' -bench Sweep -benchtime 1000000x ./views
func BenchmarkSweep(b *testing.B) {
	const results = 1
	c := openCopies(b)
	part := c.parts[results]
	s := newSweep(Limits{}.WithDefaults(), func(*entry) bool { return false })
	_, err := s.begin(part, 0, 0, time.Now())
	must(b, err)
	const batch = 1000
	for at := 0; at < b.N; at += batch {
		must(b, part.Apply(makeCommands(at, min(batch, b.N-at))[results]...))
	}
	_, err = s.begin(part, 0, int64(b.N/2), time.Now())
	must(b, err)
	began := cpuTime(b)
	b.ResetTimer()
	for more := true; more; {
		more, err = s.step(part, 0, s.limits.ForgetRecords)
		must(b, err)
	}
	b.StopTimer()
	b.ReportMetric(float64((cpuTime(b)-began).Nanoseconds())/float64(b.N), "cpu-ns/entry")
}
