package exactlyonce_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
	"github.com/lovoo/goka/storage"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/exactlyonce"
	"refold/kafka"
)

// put writes one record and waits until it is there.
func (c *cluster) put(r *kgo.Record) {
	c.t.Helper()
	cl := c.client()
	defer cl.Close()
	if err := cl.ProduceSync(c.t.Context(), r).FirstErr(); err != nil {
		c.t.Fatal(err)
	}
}

func record(topic, key, value string, headers ...kgo.RecordHeader) *kgo.Record {
	return &kgo.Record{Topic: topic, Key: []byte(key), Value: []byte(value), Headers: headers}
}

// values are the committed values of a topic, all partitions together, by key.
func (c *cluster) values(topic string) map[string][]string {
	all := make(map[string][]string)
	for _, records := range c.read(topic) {
		for _, r := range records {
			all[string(r.Key)] = append(all[string(r.Key)], string(r.Value))
		}
	}
	return all
}

// Everything that a graph may have at once: two inputs, a loop, a join, a lookup, state, outputs,
// headers in both directions.
func TestWholeGraph(t *testing.T) {
	c := startCluster(t, 0, topic("orders", 4), topic("refunds", 4), topic("out", 3),
		topic("customers-table", 4), topic("rates-table", 2))
	c.put(record("customers-table", "ann", "Ann"))
	c.put(record("rates-table", "EUR", "2"))
	handle := func(ctx goka.Context, msg any) {
		name, _ := ctx.Join("customers-table").(string)
		rate, _ := ctx.Lookup("rates-table", "EUR").(string)
		ctx.SetValue(name+rate+msg.(string), goka.WithCtxEmitHeaders(ctx.Headers()))
		ctx.Emit("out", ctx.Key(), msg, goka.WithCtxEmitHeaders(goka.Headers{
			"b": []byte("2"), "a": []byte("1"), "from": ctx.Headers()["from"],
		}))
		if ctx.Topic() == "orders" {
			ctx.Loopback("bob", "looped-"+msg.(string))
		}
	}
	graph := goka.DefineGroup("whole",
		goka.Input("orders", new(codec.String), handle),
		goka.Input("refunds", new(codec.String), handle),
		goka.Loop(new(codec.String), handle),
		goka.Join("customers-table", new(codec.String)),
		goka.Lookup("rates-table", new(codec.String)),
		goka.Output("out", new(codec.String)),
		goka.Persist(new(codec.String)))
	w := c.work(c.config("worker"), graph).isReady()
	c.put(record("orders", "ann", "o1", kgo.RecordHeader{Key: "from", Value: []byte("test")}))
	c.put(record("refunds", "ann", "r1"))
	eventually(t, "all is handled", func() bool { return len(c.values("out")["bob"]) == 1 })
	c.waitForOutputs(3)

	// The live tail of the join: a later row is seen without a restart.
	c.put(record("customers-table", "bob", "Bob"))
	eventually(t, "the join follows", func() bool {
		c.put(record("refunds", "bob", "again"))
		rows := c.values("whole-table")["bob"]
		return len(rows) > 0 && rows[len(rows)-1] == "Bob2again"
	})
	if v, err := w.Get("ann"); err != nil || v != "Ann2r1" {
		t.Errorf("ann's row is %v, %v", v, err)
	}
	for _, records := range c.read("out") {
		for _, r := range records {
			if string(r.Value) == "o1" && fmt.Sprint(r.Headers) != fmt.Sprint([]kgo.RecordHeader{
				{Key: "a", Value: []byte("1")},
				{Key: "b", Value: []byte("2")},
				{Key: "from", Value: []byte("test")},
			}) {
				t.Errorf("headers are %v; want them in the order of their keys", r.Headers)
			}
		}
	}
	w.end()
}

// A graph without state, and records without a value.
func TestStatelessAndTombstones(t *testing.T) {
	c := startCluster(t, 0, topic("in", 2), topic("out", 2))
	graph := goka.DefineGroup("pass",
		goka.Input("in", new(codec.String), func(ctx goka.Context, msg any) {
			ctx.Emit("out", ctx.Key(), msg)
		}),
		goka.Output("out", new(codec.String)))
	w := c.work(c.config("worker"), graph).isReady()
	for i := range 20 {
		r := record("in", fmt.Sprint("key", i), "x")
		if i%2 == 1 {
			r.Value = nil // Goka ignores it, but its offset counts
		}
		c.put(r)
	}
	c.waitForOutputs(10)
	c.checkOffsets("pass", "in")
	w.end()
}

// A row that is deleted in the batch in which it was written, and after it.
func TestDeletedRows(t *testing.T) {
	c := startCluster(t, 0, topic("in", 1))
	graph := goka.DefineGroup("rows",
		goka.Input("in", new(codec.String), func(ctx goka.Context, msg any) {
			if msg == "delete" {
				ctx.Delete()
			} else {
				ctx.SetValue(msg)
			}
		}),
		goka.Persist(new(codec.String)))
	for _, value := range []string{"one", "delete"} {
		c.put(record("in", "short", value))
	}
	c.put(record("in", "long", "two"))
	w := c.work(c.config("worker"), graph).isReady()
	c.checkOffsets("rows", "in")
	if v, err := w.Get("short"); v != nil || err != nil {
		t.Errorf("a deleted row is %v, %v", v, err)
	}
	c.put(record("in", "long", "delete"))
	c.checkOffsets("rows", "in")
	w.end()
	last := c.values("rows-table")["long"]
	if len(last) == 0 || last[len(last)-1] != "" {
		t.Errorf("the topic's rows of a deleted key are %q; want a tombstone last", last)
	}
}

// A callback that fails, panics or meets bytes that its codec can't read ends the worker with an
// error that carries the reason, as in Goka; what came before is committed, and nothing of the
// batch in which it failed.
func TestFailingCallbacks(t *testing.T) {
	for name, fail := range map[string]func(goka.Context){
		"Fail":  func(ctx goka.Context) { ctx.Fail(errors.New("the callback said no")) },
		"panic": func(goka.Context) { panic("the callback said no") },
	} {
		t.Run(name, func(t *testing.T) {
			c := startCluster(t, 0, topic("in", 1), topic("out", 1))
			var armed atomic.Bool
			graph := counterWith("count", func(ctx goka.Context) {
				if armed.Load() && ctx.Offset() == 12 {
					fail(ctx)
				}
			}, "in")
			w := c.work(c.config("worker"), graph).isReady()
			c.send("in", 0, 10, 5)
			c.waitForOutputs(10)
			armed.Store(true)
			c.send("in", 10, 5, 5)
			expectError(t, w.wait(), "the callback said no", "partition=0")
			if w.Ready() == nil {
				t.Error("ready after the end")
			}
			armed.Store(false)
			again := c.work(c.config("again"), graph)
			c.waitForOutputs(15)
			again.end()
			c.checkCounter("count", "in")
		})
	}
	t.Run("codec", func(t *testing.T) {
		c := startCluster(t, 0, topic("in", 1))
		c.put(record("in", "key", "no number"))
		w := c.work(c.config("worker"), goka.DefineGroup("strict",
			goka.Input("in", new(codec.Int64), func(goka.Context, any) {})))
		expectError(t, w.wait(), "no number", "decoding")
	})
}

// What would take exactly once away is refused by name, and what is wrong in a configuration is
// told all at once.
func TestRefusals(t *testing.T) {
	c := startCluster(t, 0, topic("in", 2), topic("other", 3), topic("out", 2))
	pass := func(goka.Context, any) {}
	visiting := goka.DefineGroup("visiting", goka.Input("in", new(codec.String), pass),
		goka.Persist(new(codec.String)), goka.Visitor("tour", pass))
	uneven := goka.DefineGroup("uneven", goka.Input("in", new(codec.String), pass),
		goka.Input("other", new(codec.String), pass))
	for name, test := range map[string]struct {
		graph  *goka.GroupGraph
		option goka.ProcessorOption
		change func(*exactlyonce.Config)
		says   []string
	}{
		"visitor": {graph: visiting, says: []string{"goka.Visitor", "tour"}},
		"missing input": {
			graph: counter("count", "nowhere"), says: []string{"nowhere", "UNKNOWN_TOPIC"},
		},
		"uneven inputs": {graph: uneven, says: []string{"copartitioned"}},
		"storage": {
			option: goka.WithStorageBuilder(storage.MemoryBuilder()),
			says:   []string{"WithStorageBuilder", "Config.Tables"},
		},
		"producer": {
			option: goka.WithProducerBuilder(goka.DefaultProducerBuilder),
			says:   []string{"WithProducerBuilder"},
		},
		"group": {
			option: goka.WithConsumerGroupBuilder(goka.DefaultConsumerGroupBuilder),
			says:   []string{"WithConsumerGroupBuilder"},
		},
		"hot standby":   {option: goka.WithHotStandby(), says: []string{"WithHotStandby"}},
		"recover ahead": {option: goka.WithRecoverAhead(), says: []string{"WithRecoverAhead"}},
		"brokers": {
			change: func(c *exactlyonce.Config) { c.Kafka.Brokers = nil },
			says:   []string{"rokers"},
		},
		"limits": {
			change: func(c *exactlyonce.Config) { c.BatchRecords, c.Producers = -1, -2 },
			says:   []string{"BatchRecords is -1", "Producers is -2", "at least 1"},
		},
		"leave time-out": {
			change: func(c *exactlyonce.Config) { c.LeaveTimeout = c.Kafka.RebalanceTimeout },
			says:   []string{"LeaveTimeout", "RebalanceTimeout"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, graph, options := c.config("worker"), counter("count", "in"),
				[]goka.ProcessorOption(nil)
			if test.graph != nil {
				graph = test.graph
			}
			if test.option != nil {
				options = append(options, test.option)
			}
			if test.change != nil {
				test.change(&cfg)
			}
			_, err := exactlyonce.New(cfg, graph, options...)
			expectError(t, err, test.says...)
		})
	}
}

// Goka's own hash, for topics that plain Goka has written.
func TestGokasHasher(t *testing.T) {
	c := startCluster(t, 0, topic("in", 1), topic("out", 8))
	p, err := exactlyonce.New(c.config("worker"), counter("count", "in"),
		goka.WithHasher(goka.DefaultHasher()))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	c.send("in", 0, 100, 40)
	c.waitForOutputs(100)
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	ours := 0
	for partition, records := range c.read("out") {
		for _, r := range records {
			h := goka.DefaultHasher()()
			_, _ = h.Write(r.Key)
			want := int32(h.Sum32()) % 8
			if want < 0 {
				want = -want
			}
			if partition != want {
				t.Errorf("%s is in partition %d; Goka's hash says %d", r.Key, partition, want)
			}
			if kafka.Partition(r.Key, 8) == partition {
				ours++
			}
		}
	}
	if ours == 100 {
		t.Error("no key tells the two hashes apart")
	}
}

// The name of a worker's transactions is its own unless it is given.
func TestTransactionalID(t *testing.T) {
	c := startCluster(t, 0, topic("in", 1), topic("out", 1))
	ids := make(map[string]bool)
	for range 2 {
		cfg := c.config("")
		p, err := exactlyonce.New(cfg, counter("count", "in"))
		if err != nil {
			t.Fatal(err)
		}
		w := &worker{Processor: p, t: t, done: make(chan error, 1)}
		var ctx context.Context
		ctx, w.stop = context.WithCancel(t.Context())
		go func() { w.done <- p.Run(ctx) }()
		if !strings.HasPrefix(p.TransactionalID(), "count-") {
			t.Errorf("%q does not begin with the group", p.TransactionalID())
		}
		ids[p.TransactionalID()] = true
		w.end()
	}
	if len(ids) != 2 {
		t.Error("two workers have the same transactional ID")
	}
}
