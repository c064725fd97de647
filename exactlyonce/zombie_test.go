package exactlyonce_test

import (
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kmsg"

	"refold/exactlyonce"
)

// sum adds up a counter, over all values of its label or those that are given.
func sum(t *testing.T, registry *prometheus.Registry, name string, labels ...string) (n float64) {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() == name &&
				(len(labels) == 0 || slices.Contains(labels, m.GetLabel()[0].GetValue())) {
				n += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return n
}

// A zombie that does not know it: only its heartbeats are held back, so that nobody tells it that
// the group went on without it, while its producers reach the brokers as ever. Another worker has
// done its records when it closes its batch. What stands between it and handling them a second
// time is that its offsets are refused (KIP-447, G5), inside of a transaction and outside.
func TestZombie_generation(t *testing.T) {
	graphs := map[string]func(hold func(goka.Context)) *goka.GroupGraph{
		"transaction": func(hold func(goka.Context)) *goka.GroupGraph {
			return counterWith("count", hold, "in")
		},
		"offsets only": func(hold func(goka.Context)) *goka.GroupGraph {
			return goka.DefineGroup("count", goka.Input("in", new(codec.String),
				func(ctx goka.Context, _ any) { hold(ctx) }))
		},
	}
	for name, graph := range graphs {
		t.Run(name, func(t *testing.T) {
			versions(t, func(t *testing.T, version int16) {
				t.Helper()
				zombieByGeneration(t, version, graph, name == "transaction")
			})
		})
	}
}

func zombieByGeneration(
	t *testing.T, version int16, graph func(hold func(goka.Context)) *goka.GroupGraph, counts bool,
) {
	t.Helper()
	c := startCluster(t, version, topic("in", 4), topic("out", 3))
	stand, stood := make(chan struct{}), make(chan struct{}, 1)
	var armed atomic.Bool
	hold := func(goka.Context) {
		if armed.CompareAndSwap(true, false) {
			c.wire.hold("zombie", kmsg.Heartbeat.Int16())
			stood <- struct{}{}
			<-stand
		}
	}
	registry := prometheus.NewRegistry()
	cfg := c.config("zombie")
	cfg.Kafka.SessionTimeout = time.Second
	cfg.Metrics = exactlyonce.NewMetrics(registry)
	zombie := c.work(cfg, graph(hold)).isReady()
	c.send("in", 0, 300, 20)
	c.checkOffsets("count", "in")
	armed.Store(true)
	c.send("in", 300, 300, 20)
	<-stood
	heir := c.work(c.config("heir"), graph(func(goka.Context) {}))
	c.checkOffsets("count", "in")
	close(stand)
	eventually(t, "the zombie's offsets are refused", func() bool {
		return sum(t, registry, "exactlyonce_transaction_failures_total",
			"ILLEGAL_GENERATION", "UNKNOWN_MEMBER_ID") > 0
	})
	c.wire.letPass("zombie", kmsg.Heartbeat.Int16())
	c.send("in", 600, 300, 20)
	c.checkOffsets("count", "in")
	zombie.isReady().end()
	heir.end()
	if counts {
		c.checkCounter("count", "in")
	}
}

// The first transaction of a group is all but committed when its worker is taken for dead: rows and
// offsets are with the brokers, the word to commit is on its way. The heir waits for the offsets to
// be decided before it believes anything: it neither begins at the start nor takes the offsets for
// lost.
func TestUndecidedOffsets(t *testing.T) {
	versions(t, func(t *testing.T, version int16) {
		t.Helper()
		c := startCluster(t, version, topic("in", 4), topic("out", 3))
		c.wire.hold("dying", kmsg.EndTxn.Int16())
		c.send("in", 0, 300, 20)
		cfg := c.config("dying")
		cfg.Kafka.SessionTimeout = time.Second
		dying := c.work(cfg, counter("count", "in"))
		eventually(t, "the first transaction ends", func() bool {
			return c.wire.count("dying", kmsg.EndTxn.Int16()) > 0
		})
		c.wire.hold("dying", kmsg.Heartbeat.Int16())
		heir := c.work(c.config("heir"), counter("count", "in"))
		eventually(t, "the heir asks for offsets", func() bool {
			return c.wire.count("heir", kmsg.OffsetFetch.Int16()) > 4
		})
		c.wire.letPass("dying", kmsg.EndTxn.Int16())
		c.send("in", 300, 300, 20)
		c.waitForOutputs(600)
		c.wire.letPass("dying", kmsg.Heartbeat.Int16())
		dying.isReady().end()
		heir.end()
		c.checkCounter("count", "in")
	})
}
