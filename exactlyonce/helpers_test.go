package exactlyonce_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"refold/exactlyonce"
	"refold/kafka"
	"refold/kafka/local"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// A registry of the metrics library behind Sarama, one for the process.
		goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

// patience is how long tests wait for what should happen in a moment.
const patience = 60 * time.Second

// cluster is an embedded one with a wire in front.
type cluster struct {
	*local.Cluster
	t    *testing.T
	wire *wire
	// restricted: workers are users whose rights can be taken away; see restricted_test.go.
	restricted bool
}

// startCluster starts a cluster whose transaction.version is as given (0: its own).
func startCluster(t *testing.T, version int16, topics ...kafka.TopicSpec) *cluster {
	t.Helper()
	return startClusterWith(t, version, nil, topics...)
}

func startClusterWith(
	t *testing.T, version int16, opts []kfake.Opt, topics ...kafka.TopicSpec,
) *cluster {
	t.Helper()
	w := newWire()
	c, err := local.Start(local.Options{
		Topics: topics, TransactionVersion: version,
		Kafka: append(opts,
			kfake.GroupMinSessionTimeout(100*time.Millisecond), kfake.ListenFn(w.listen)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return &cluster{Cluster: c, t: t, wire: w}
}

func topic(name string, partitions int32) kafka.TopicSpec {
	return kafka.TopicSpec{Name: name, Partitions: partitions, ReplicationFactor: 1}
}

func (c *cluster) settings(client string) kafka.Settings {
	return kafka.Settings{
		Brokers: c.Brokers(), ClientID: client, SASL: c.as(client),
		HeartbeatInterval: 100 * time.Millisecond, SessionTimeout: 3 * time.Second,
		RebalanceTimeout: 10 * time.Second, TransactionTimeout: 10 * time.Second,
		RequestTimeout: 5 * time.Second,
	}
}

func (c *cluster) client(opts ...kgo.Opt) *kgo.Client {
	c.t.Helper()
	base, err := c.settings("test").Options()
	if err != nil {
		c.t.Fatal(err)
	}
	cl, err := kgo.NewClient(append(append(base, kgo.MetadataMinAge(10*time.Millisecond),
		kgo.FetchMaxWait(100*time.Millisecond)), opts...)...)
	if err != nil {
		c.t.Fatal(err)
	}
	return cl
}

// send writes records "<from>" … "<from+n-1>" to a topic, over the given number of keys.
func (c *cluster) send(topic string, from, n, keys int) {
	c.t.Helper()
	cl := c.client()
	defer cl.Close()
	for i := from; i < from+n; i++ {
		r := &kgo.Record{
			Topic: topic, Key: []byte(fmt.Sprintf("key-%03d", i%keys)),
			Value: []byte(strconv.Itoa(i)),
		}
		cl.Produce(c.t.Context(), r, func(_ *kgo.Record, err error) {
			if err != nil {
				c.t.Error(err)
			}
		})
	}
	if err := cl.Flush(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
}

// worker is a Processor that runs.
type worker struct {
	*exactlyonce.Processor
	t    *testing.T
	stop context.CancelFunc
	done chan error
}

// config is what tests run with: short pauses, and a client ID by which the wire knows the worker.
func (c *cluster) config(name string) exactlyonce.Config {
	return exactlyonce.Config{
		Kafka: c.settings(name), TransactionalID: name, Logger: testLogger(c.t, name),
		BackoffMin: 5 * time.Millisecond, BackoffMax: 200 * time.Millisecond,
		LeaveTimeout: 5 * time.Second,
	}
}

// work starts a worker. It is stopped at the end of the test, and must then have no error.
func (c *cluster) work(
	cfg exactlyonce.Config, gg *goka.GroupGraph, options ...goka.ProcessorOption,
) *worker {
	c.t.Helper()
	p, err := exactlyonce.New(cfg, gg, options...)
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	w := &worker{Processor: p, t: c.t, stop: stop, done: make(chan error, 1)}
	go func() { w.done <- p.Run(ctx) }()
	c.t.Cleanup(func() { w.end() })
	return w
}

// end stops the worker, if it still runs, and expects that it ends without an error.
func (w *worker) end() {
	w.t.Helper()
	w.stop()
	if err := w.wait(); err != nil {
		w.t.Errorf("the worker ended with %v", err)
	}
}

// wait returns how the worker ended.
func (w *worker) wait() error {
	w.t.Helper()
	select {
	case err := <-w.done:
		w.done <- nil // for whoever asks again
		return err
	case <-time.After(patience):
		w.t.Fatal("the worker does not end")
		return nil
	}
}

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	again, deadline := time.NewTicker(2*time.Millisecond), time.After(patience)
	defer again.Stop()
	for !condition() {
		select {
		case <-again.C:
		case <-deadline:
			t.Fatalf("waited %v in vain: %s", patience, what)
		}
	}
}

// waitForHeartbeats waits until members have sent so many more.
func (c *cluster) waitForHeartbeats(n int) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	seen := c.Kafka().Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.Heartbeat}, TopLevel: true, Observe: true, Count: -1,
	})
	defer seen.Remove()
	if err := seen.Wait(ctx, n); err != nil {
		c.t.Fatal(err)
	}
}

// isReady waits until the worker says so.
func (w *worker) isReady() *worker {
	w.t.Helper()
	eventually(w.t, "the worker is ready", func() bool { return w.Ready() == nil })
	return w
}

// testLogger shows the log of a test that fails, and of all with REFOLD_TEST_LOG set.
func testLogger(t *testing.T, name string) *slog.Logger {
	t.Helper()
	if os.Getenv("REFOLD_TEST_LOG") == "" {
		return nil
	}
	options := &slog.HandlerOptions{Level: slog.LevelInfo}
	return slog.New(slog.NewTextHandler(os.Stderr, options)).With("worker", name)
}

// counter is the graph that most tests run: it counts the records of each key in its table, and
// emits "<count> <topic>/<partition>/<offset>" for each to "out".
func counter(group string, inputs ...goka.Stream) *goka.GroupGraph {
	return counterWith(group, func(goka.Context) {}, inputs...)
}

// counterWith is counter with something before each record.
func counterWith(
	group string, before func(goka.Context), inputs ...goka.Stream,
) *goka.GroupGraph {
	edges := []goka.Edge{goka.Output("out", new(codec.String)), goka.Persist(new(codec.Int64))}
	for _, input := range inputs {
		edges = append(edges, goka.Input(input, new(codec.String), func(ctx goka.Context, _ any) {
			before(ctx)
			count, _ := ctx.Value().(int64)
			count++
			ctx.SetValue(count)
			ctx.Emit("out", ctx.Key(), fmt.Sprintf("%d %s/%d/%d",
				count, ctx.Topic(), ctx.Partition(), ctx.Offset()))
		}))
	}
	return goka.DefineGroup(goka.Group(group), edges...)
}

// countersOf are counter with a callback for each record, and with one for all records of a poll.
func countersOf(group string, input goka.Stream) map[string]*goka.GroupGraph {
	return map[string]*goka.GroupGraph{
		"record by record": counter(group, input),
		"all records":      recordsCounterWith(group, func(goka.Context) {}, input),
	}
}

// recordsCounterWith is counterWith, with a callback that takes records.
func recordsCounterWith(group string, before func(goka.Context), input goka.Stream) *goka.GroupGraph {
	return goka.DefineGroup(goka.Group(group),
		goka.Output("out", kafka.RecordsCodec{}), goka.Persist(new(codec.Int64)),
		goka.Input(input, kafka.RecordsCodec{}, func(ctx goka.Context, _ any) {
			for records := ctx.(kafka.Records); records.Next(); {
				before(ctx)
				r := records.Record()
				count, _ := strconv.Atoi(string(records.Row()))
				count++
				records.SetRow(strconv.AppendInt(nil, int64(count), 10))
				records.Send("out", r.Key, nil,
					fmt.Appendf(nil, "%d %s/%d/%d", count, r.Topic, r.Partition, r.Offset))
			}
		}))
}

// splitOutput takes a record of counter's apart.
func splitOutput(t *testing.T, value string) (count int64, source string) {
	t.Helper()
	number, source, _ := strings.Cut(value, " ")
	count, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		t.Fatalf("output %q: %v", value, err)
	}
	return count, source
}

// silent is a graph that writes nothing.
func silent(group string, input goka.Stream) *goka.GroupGraph {
	return goka.DefineGroup(goka.Group(group),
		goka.Input(input, new(codec.String), func(goka.Context, any) {}))
}

// bloat emits a record of two megabytes for the eleventh.
func bloat(ctx goka.Context) {
	if ctx.Offset() == 10 {
		ctx.Emit("out", ctx.Key(), strings.Repeat("x", 2_000_000))
	}
}

// expectError checks that an error says all of this.
func expectError(t *testing.T, err error, says ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one that says %q", says)
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("the error does not say %q: %v", s, err)
		}
	}
}
