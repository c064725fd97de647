package exactlyonce_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"refold/exactlyonce"
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
	w := &watched{log: new(logged), registry: prometheus.NewRegistry()}
	cfg := c.config("worker")
	cfg.StallAfter = 200 * time.Millisecond
	cfg.Logger = slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	cfg.Metrics = exactlyonce.NewMetrics(w.registry)
	if change != nil {
		change(&cfg)
	}
	w.worker = c.work(cfg, counter("count", "in"))
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

// What can't be fetched of one partition holds that partition alone: Ready and a metric name it, the lag
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
