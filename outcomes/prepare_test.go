package outcomes_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/kafka"
	"refold/kafka/local"
	"refold/outcomes"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

const (
	topic      = "results"
	partitions = 8
)

// start is when the first command of a test is sent.
var start = time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC)

// world is an embedded cluster with a results topic, of which most tests use the first partition, and the
// index of a worker.
type world struct {
	*testing.T
	cluster *local.Cluster
	client  *kgo.Client
	index   *outcomes.Index
	memory  *outcomes.Memory
	reads   atomic.Int64
	fail    error // of reading a result
	now     time.Time
	written int64
}

func newWorld(t *testing.T) *world {
	t.Helper()
	specs := []kafka.TopicSpec{{Name: topic, Partitions: partitions}}
	cluster, err := local.Start(local.Options{Topics: specs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Close() })
	w := &world{T: t, cluster: cluster, now: start.Add(time.Hour)}
	if w.client, err = w.settings().Client(kgo.RecordPartitioner(kgo.ManualPartitioner())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.client.Close)
	w.newWorker(1 << 20)
	return w
}

func (w *world) settings() kafka.Settings { return kafka.Settings{Brokers: w.cluster.Brokers()} }

// newWorker replaces the worker by one that knows nothing.
func (w *world) newWorker(bytes int64) {
	w.Helper()
	w.memory = outcomes.NewMemory(bytes)
	var err error
	w.index, err = outcomes.New(outcomes.Options{
		Kafka: w.settings(), Topic: topic, Remember: 5 * time.Minute, Memory: w.memory, Read: w.read,
		Metrics: outcomes.NewMetrics(prometheus.NewRegistry(), w.memory),
		Logger:  slog.New(slog.DiscardHandler),
	})
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(w.index.Close)
}

// read reads what write has written.
func (w *world) read(_ context.Context, r *kgo.Record) (
	result eventsourcing.Result, m eventsourcing.Metadata, err error,
) {
	w.reads.Add(1)
	if w.fail != nil {
		return result, m, w.fail
	}
	var seconds int64
	if _, err := fmt.Sscanf(string(r.Value), "%s %d %d %d", &result.CommandID, &result.FirstSequence,
		&result.LastSequence, &seconds); err != nil {
		return result, m, &codecs.Malformed{Reason: codecs.ReasonUndecodable, Err: err}
	}
	m.Time = start.Add(time.Duration(seconds) * time.Second)
	return result, m, nil
}

// write writes the result of a command to alice that was sent some time after start, and handled at another.
func (w *world) write(command string, sequence int64, sent, handled time.Duration) {
	w.Helper()
	w.writeValue(fmt.Sprintf("%s %d %d %d", command, sequence, sequence, int64(sent.Seconds())), handled)
}

// writeMany writes the results of so many commands to alice, one a second.
func (w *world) writeMany(n int) {
	w.Helper()
	for i := range n {
		at := time.Duration(i) * time.Second
		w.write(fmt.Sprintf("c%d", i), int64(i+1), at, at)
	}
}

func (w *world) writeValue(value string, handled time.Duration) {
	w.Helper()
	err := w.client.ProduceSync(w.Context(), &kgo.Record{
		Topic: topic, Key: []byte("alice"), Value: []byte(value), Timestamp: start.Add(handled),
	}).FirstErr()
	if err != nil {
		w.Fatal(err)
	}
	w.written++
}

func (w *world) prepare() {
	w.Helper()
	w.reads.Store(0)
	if err := w.index.Prepare(w.Context(), []int32{0}); err != nil {
		w.Fatal(err)
	}
}

func (w *world) knows(command string, sequence int64) {
	w.Helper()
	got, found := w.index.Find("alice", command)
	if want := (eventsourcing.Entry{FirstSequence: sequence, LastSequence: sequence}); !found || got != want {
		w.Errorf("%s: got %+v, %t; want %+v", command, got, found, want)
	}
}

func (w *world) knowsNothingOf(command string) {
	w.Helper()
	if got, found := w.index.Find("alice", command); found {
		w.Errorf("%s: got %+v, want nothing", command, got)
	}
}

// decide decides a command: its outcome is in the open layer.
func (w *world) decide(command string, sequence int64) {
	w.index.Add(0, "alice", command, w.now, eventsourcing.Entry{
		FirstSequence: sequence, LastSequence: sequence,
	})
}

// told tells the index that the last result is of a transaction that is committed.
func (w *world) told() {
	w.index.Committed(func(each func(kafka.TopicPartition, []kgo.Record)) {
		each(kafka.TopicPartition{Topic: topic}, []kgo.Record{{Offset: w.written - 1}})
	})
}

// Given results of ten minutes, when a worker takes the partition over, then it knows those of the last five
// before its first command, by the times at which the commands were sent.
func TestTakeOver(t *testing.T) {
	w := newWorld(t)
	w.writeMany(600)
	w.prepare()
	for n := 299; n < 600; n++ {
		w.knows(fmt.Sprintf("c%d", n), int64(n+1))
	}
	w.knowsNothingOf("c0")
}

// Given many commands that were handled before an outage of an hour, and one after it that was sent during
// the first minute, when another worker takes over, then it knows those from before: they are as old as they
// were sent.
func TestTakeOver_afterOutage(t *testing.T) {
	w := newWorld(t)
	w.writeMany(600)
	w.write("waited", 601, 11*time.Minute, time.Hour)
	w.prepare()
	for n := 360; n < 600; n++ {
		w.knows(fmt.Sprintf("c%d", n), int64(n+1))
	}
	w.knows("waited", 601)
}

// Given a command with a time of next year, when a worker takes over, then it hides no others.
func TestTakeOver_wrongClock(t *testing.T) {
	w := newWorld(t)
	w.writeMany(600)
	w.write("fast", 601, 365*24*time.Hour, 10*time.Minute)
	w.prepare()
	for n := 300; n < 600; n++ {
		w.knows(fmt.Sprintf("c%d", n), int64(n+1))
	}
	w.knows("fast", 601)
}

// Given a partition without results, or with records that are none, when a worker takes over, then it goes
// on.
func TestTakeOver_nothing(t *testing.T) {
	w := newWorld(t)
	w.prepare()
	w.writeValue("garbage", 0)
	w.prepare()
	w.knowsNothingOf("garbage")
}

// Given a registry that does not answer, when a worker takes over, then it fails, and succeeds later.
func TestTakeOver_fault(t *testing.T) {
	w := newWorld(t)
	w.write("c1", 1, 0, 0)
	w.fail = errors.New("the registry does not answer")
	if err := w.index.Prepare(t.Context(), []int32{0}); !errors.Is(err, w.fail) {
		t.Fatalf("got %v", err)
	}
	w.fail = nil
	w.prepare()
	w.knows("c1", 1)
}

// Given a worker whose transactions were told, when its next session begins, then it reads nothing again; and
// what another worker has written meanwhile, and no more.
func TestNextSession(t *testing.T) {
	w := newWorld(t)
	w.write("c1", 1, 0, 0)
	w.prepare()
	w.decide("c2", 2)
	w.index.Seal(0)
	w.write("c2", 2, time.Second, time.Second)
	w.index.Commit(0)
	w.told()
	w.prepare()
	if n := w.reads.Load(); n != 0 {
		t.Errorf("%d results were read", n)
	}
	w.write("others", 3, 2*time.Second, 2*time.Second)
	w.prepare()
	if n := w.reads.Load(); n != 1 {
		t.Errorf("%d results were read", n)
	}
	w.knows("c1", 1)
	w.knows("c2", 2)
	w.knows("others", 3)
}

// Given a transaction that was committed when the session was over already, so that its rows were not taken
// into the store, when the next session begins, then its outcomes are read.
func TestNextSession_committedLate(t *testing.T) {
	w := newWorld(t)
	w.prepare()
	w.decide("late", 1)
	w.index.Seal(0)
	w.write("late", 1, 0, 0)
	w.told()
	w.index.Discard(0)
	w.knowsNothingOf("late")
	w.prepare()
	w.knows("late", 1)
}

// Given an outcome that was decided and not committed, when the session ends without a word and the next
// begins, then it is not known: the transaction was aborted.
func TestNextSession_aborted(t *testing.T) {
	w := newWorld(t)
	w.prepare()
	w.decide("aborted", 1)
	w.knows("aborted", 1)
	w.prepare()
	w.knowsNothingOf("aborted")
}

// Given results that are not kept any more, when the partition comes back, then it is read anew.
func TestNextSession_resultsGone(t *testing.T) {
	w := newWorld(t)
	w.prepare()
	for n := range int64(4) {
		w.write(fmt.Sprintf("c%d", n), n+1, 0, 0)
	}
	offsets := kadm.Offsets{}
	offsets.AddOffset(topic, 0, 3, -1)
	if _, err := kadm.NewClient(w.client).DeleteRecords(t.Context(), offsets); err != nil {
		t.Fatal(err)
	}
	w.prepare()
	w.knows("c3", 4)
	w.knowsNothingOf("c0")
}

// Given more results than the memory holds, when a worker takes over, then it reads no more than twice as
// many, and knows the latest.
func TestTakeOver_bounded(t *testing.T) {
	w := newWorld(t)
	for n := range int64(1000) {
		w.write(fmt.Sprintf("c%d", n), n+1, 0, 0)
	}
	w.newWorker(10 * outcomes.EntryBytes)
	w.prepare()
	if n := w.reads.Load(); n > 520 { // 500 of them are read for the time of the latest
		t.Errorf("%d results were read", n)
	}
	for n := int64(990); n < 1000; n++ {
		w.knows(fmt.Sprintf("c%d", n), n+1)
	}
	w.knowsNothingOf("c989")
}

// Given results in many partitions, when a worker takes over some of them, then it knows those, and no
// others.
func TestTakeOver_partitions(t *testing.T) {
	w := newWorld(t)
	for p := range int32(partitions) {
		err := w.client.ProduceSync(t.Context(), &kgo.Record{
			Topic: topic, Partition: p, Key: []byte("alice"), Value: fmt.Appendf(nil, "c%d 1 1 0", p),
		}).FirstErr()
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.index.Prepare(t.Context(), []int32{1, 3, 4, 6}); err != nil {
		t.Fatal(err)
	}
	for p := range partitions {
		if command := fmt.Sprintf("c%d", p); p == 1 || p == 3 || p == 4 || p == 6 {
			w.knows(command, 1)
		} else {
			w.knowsNothingOf(command)
		}
	}
}

// A standby follows the results of another worker's partition. When it takes the partition over, nothing is
// left to read, and it knows all.
func TestStandbyFollows(t *testing.T) {
	w := newWorld(t)
	w.writeMany(600)
	w.prepare()
	for i := range 10 {
		at := time.Duration(600+i) * time.Second
		w.write(fmt.Sprintf("new-%d", i), int64(601+i), at, at)
	}
	w.reads.Store(0)
	w.follow(595) // a copy may begin before the end that was read
	w.knows("new-0", 601)
	w.knows("new-9", 610)
	if n := w.reads.Load(); n != 10 {
		t.Errorf("%d results were read, of which 10 are new", n)
	}

	w.prepare()
	if n := w.reads.Load(); n != 0 {
		t.Errorf("a take-over reads %d results", n)
	}
	w.knows("new-9", 610)
}

// A standby learns nothing before it has read what was there before: there would be a hole.
func TestNothingIsFollowedFromTheMiddle(t *testing.T) {
	w := newWorld(t)
	w.writeMany(20)
	w.follow(10)
	w.knowsNothingOf("c15")
	w.prepare()
	w.knows("c5", 6)
	w.knows("c15", 16)
}

// follow has the index follow the first partition from an offset to the end.
func (w *world) follow(from int64) {
	w.Helper()
	_, err := kafka.ReadPartitionBy(w.Context(), w.client, kafka.Range{Topic: topic, From: from},
		func(batch []*kgo.Record, _ kafka.Progress) error {
			return w.index.Follow(w.Context(), 0, batch...)
		})
	if err != nil {
		w.Fatal(err)
	}
}
