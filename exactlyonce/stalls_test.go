package exactlyonce_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"refold/exactlyonce"
	"refold/kafka"
)

// logged is a log that tests read.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// lines counts those at warning level and above.
func (l *logged) lines() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), "\n")
}

// watched is a worker whose log and metrics are looked at, and that soon says that it stands still.
type watched struct {
	*worker
	log      *logged
	registry *prometheus.Registry
}

func (c *cluster) workWatched(change func(*exactlyonce.Config)) *watched {
	c.t.Helper()
	return c.watch(change, counter("count", "in"))
}

func (c *cluster) watch(change func(*exactlyonce.Config), graph *goka.GroupGraph) *watched {
	c.t.Helper()
	w := &watched{log: new(logged), registry: prometheus.NewRegistry()}
	cfg := c.config("worker")
	cfg.StallAfter = 200 * time.Millisecond
	cfg.Logger = slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	cfg.Metrics = exactlyonce.NewMetrics(w.registry)
	if change != nil {
		change(&cfg)
	}
	w.worker = c.work(cfg, graph)
	return w
}

// says waits until Ready names all of this.
func (w *watched) says(all ...string) {
	w.t.Helper()
	last := ""
	defer func() {
		if w.t.Failed() {
			w.t.Logf("it says: %s", last)
		}
	}()
	eventually(w.t, "Ready says "+strings.Join(all, ", "), func() bool {
		err := w.Ready()
		if err == nil {
			return false
		}
		last = err.Error()
		for _, s := range all {
			if !strings.Contains(last, s) {
				return false
			}
		}
		return true
	})
}

// lag is that of a partition of "in", -1 if it isn't shown.
func (w *watched) of(metric, partition string) float64 {
	w.t.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if f.GetName() == metric && l.GetName() == "partition" && l.GetValue() == partition {
					return m.GetGauge().GetValue()
				}
			}
		}
	}
	return -1
}

// maxLines is how much a worker may log of a fault that goes on for as long as a test.
const maxLines = 12

// A partition that can't be fetched is held alone: Ready and a metric name it, the lag
// is what the brokers say, the log tells it once, the other partition goes on. When it can be fetched
// again, the partition goes on by itself, and nothing of it is missing or doubled (G1–G4).
func TestUnreadablePartition(t *testing.T) {
	for _, err := range []*kerr.Error{
		kerr.TopicAuthorizationFailed, kerr.CorruptMessage, kerr.UnknownServerError,
		kerr.KafkaStorageError, kerr.UnsupportedForMessageFormat,
	} {
		t.Run(err.Message, func(t *testing.T) {
			t.Parallel()
			c := startCluster(t, 0, topic("in", 2), topic("out", 3))
			c.send("in", 0, 100, 20)
			w := c.workWatched(nil)
			c.waitForOutputs(100)
			done := c.handledOf("in/1")
			fault := c.Kafka().Fault(kfake.Fault{
				Keys: []kmsg.Key{kmsg.Fetch}, Topic: "in", Partitions: []int32{1}, Err: err, Count: -1,
				When: byWorker,
			})
			sent := 100
			for range 3 {
				c.send("in", sent, 100, 20)
				sent += 100
				eventually(t, "the other partition goes on", func() bool {
					return c.handledOf("in/0") == len(c.read("in")[0])
				})
			}
			w.says("in/1 is held", err.Message)
			waiting := float64(len(c.read("in")[1]) - done)
			eventually(t, "the lag is the truth", func() bool {
				return w.of("exactlyonce_input_lag_records", "1") == waiting &&
					w.of("exactlyonce_stalled_seconds", "1") > 0.2 &&
					w.of("exactlyonce_held_partition", "1") == 1 &&
					w.of("exactlyonce_input_lag_records", "0") == 0
			})
			if n := c.handledOf("in/1"); n != done {
				t.Errorf("%d records of the partition were handled meanwhile", n-done)
			}
			fault.Remove()
			c.waitForOutputs(sent)
			w.isReady()
			if n := w.log.lines(); n > maxLines {
				t.Errorf("%d lines were logged:\n%s", n, w.log.text.String())
			}
			eventually(t, "nothing waits", func() bool {
				return w.of("exactlyonce_input_lag_records", "1") == 0 &&
					w.of("exactlyonce_stalled_seconds", "1") == 0 &&
					w.of("exactlyonce_held_partition", "1") == -1
			})
			w.end()
			c.checkCounter("count", "in")
		})
	}
}

// byWorker leaves the tests' own readers alone: the worker's requests come with a session of more than a
// millisecond's wait, see cluster.client.
func byWorker(r kmsg.Request) bool {
	f, is := r.(*kmsg.FetchRequest)
	return !is || f.MaxWaitMillis != 100
}

// A transaction of whoever wrote an input stays open: what is behind it waits, and Ready says for what.
// Markers alone are nothing to wait for.
func TestOpenTransactionOfAnInput(t *testing.T) {
	c := startCluster(t, 0, topic("in", 1), topic("out", 1))
	cl := c.client(kgo.TransactionalID("sender"))
	defer cl.Close()
	inTransaction := func(end kgo.TransactionEndTry, meanwhile func()) {
		t.Helper()
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := cl.ProduceSync(t.Context(), record("in", "key", "x")).FirstErr(); err != nil {
			t.Fatal(err)
		}
		meanwhile()
		if err := cl.EndTransaction(t.Context(), end); err != nil {
			t.Fatal(err)
		}
	}
	w := c.workWatched(nil)
	w.isReady()
	inTransaction(kgo.TryCommit, func() {
		w.says("in/0 stands still at offset 0", "1 offsets are waiting", "docs/runbooks/stuck-transaction.md")
	})
	c.waitForOutputs(1)
	inTransaction(kgo.TryAbort, func() {})
	eventually(t, "the markers are seen to be nothing", func() bool {
		return w.Ready() == nil && w.of("exactlyonce_input_lag_records", "0") == 0
	})
	w.end()
	if n := len(c.read("out")[0]); n != 1 {
		t.Errorf("%d outputs of one record", n)
	}
}

// A callback that does not return stands in the way of its whole batch, and Ready says so.
func TestSlowCallbackIsNamed(t *testing.T) {
	c := startCluster(t, 0, topic("in", 2), topic("out", 1))
	wait := make(chan struct{})
	w := c.watch(nil, counterWith("count", func(goka.Context) { <-wait }, "in"))
	c.send("in", 0, 10, 5)
	w.says("stands still at offset 0", "are being handled since")
	close(wait)
	c.waitForOutputs(10)
	w.isReady().end()
	c.checkCounter("count", "in")
}

// A topic is deleted and made again below a running worker, which goes by the ID: it neither reads the new
// one as if it were the old nor fetches for ever in green. What it is at lies beyond the new one's end.
func TestTopicMadeAgain(t *testing.T) {
	c := startCluster(t, 0, topic("in", 2), topic("out", 3))
	c.send("in", 0, 100, 20)
	w := c.workWatched(nil)
	c.waitForOutputs(100)
	w.isReady()
	cl := c.client()
	defer cl.Close()
	if _, err := kadm.NewClient(cl).DeleteTopics(t.Context(), "in"); err != nil {
		t.Fatal(err)
	}
	w.says("in/")
	if _, err := kafka.Ensure(t.Context(), cl, []kafka.TopicSpec{topic("in", 2)}); err != nil {
		t.Fatal(err)
	}
	expectError(t, w.wait(), "group count has no offset", "its table count-table has rows")
	if n := w.log.lines(); n > 2*maxLines {
		t.Errorf("%d lines were logged:\n%s", n, w.log.text.String())
	}
}
