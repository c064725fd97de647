package exactlyonce_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// members are those of a group, by client ID.
func (c *cluster) members(group string) (clients []string) {
	c.t.Helper()
	cl := c.client()
	defer cl.Close()
	groups, err := kadm.NewClient(cl).DescribeGroups(c.t.Context(), group)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, m := range groups[group].Members {
		clients = append(clients, m.ClientID)
	}
	return clients
}

// All brokers are away for longer than the session's time-out. An idle worker says that it is not
// ready; when they are back it goes on by itself.
func TestBrokersAway(t *testing.T) {
	versions(t, func(t *testing.T, version int16) {
		t.Helper()
		c := startCluster(t, version, topic("in", 4), topic("out", 3))
		cfg := c.config("worker")
		cfg.Kafka.SessionTimeout = time.Second
		w := c.work(cfg, counter("count", "in")).isReady()
		c.send("in", 0, 300, 20)
		c.waitForOutputs(300)
		c.wire.cutOff("worker")
		eventually(t, "the worker is not ready", func() bool { return w.Ready() != nil })
		c.send("in", 300, 300, 20)
		c.wire.mend("worker")
		c.waitForOutputs(600)
		w.isReady().end()
		c.checkCounter("count", "in")
	})
}

// A stop in the middle of the work finishes what is in hand and leaves the group: nobody has to
// wait for the session's time-out (design §2, no. 18).
func TestStop(t *testing.T) {
	c := startCluster(t, 0, topic("in", 4), topic("out", 3))
	cfg := c.config("worker")
	cfg.Kafka.SessionTimeout = time.Minute
	w := c.work(cfg, counter("count", "in")).isReady()
	if got := c.members("count"); len(got) != 1 || got[0] != "worker" {
		t.Fatalf("members are %q", got)
	}
	c.send("in", 0, 2000, 20)
	w.Stop()
	if err := w.wait(); err != nil {
		t.Errorf("Stop ended the worker with %v", err)
	}
	if got := c.members("count"); len(got) != 0 {
		t.Errorf("the group still has %q", got)
	}
	if err := w.Ready(); err == nil || !strings.Contains(err.Error(), "stopped") {
		t.Errorf("ready after the stop: %v", err)
	}
	next := c.work(c.config("next"), counter("count", "in"))
	c.waitForOutputs(2000)
	next.end()
	c.checkCounter("count", "in")
}

// A member that speaks another protocol keeps the worker out of its group. Ready says so, and when
// the other is gone the worker joins by itself.
func TestOtherProtocol(t *testing.T) {
	c := startCluster(t, 0, topic("in", 1), topic("out", 1))
	other := c.client(kgo.ConsumerGroup("count"), kgo.ConsumeTopics("in"),
		kgo.Balancers(kgo.RoundRobinBalancer()))
	defer other.Close()
	eventually(t, "the other joins", func() bool { return len(c.members("count")) == 1 })
	w := c.work(c.config("worker"), counter("count", "in"))
	eventually(t, "the reason is told", func() bool {
		err := w.Ready()
		return err != nil && strings.Contains(err.Error(), "INCONSISTENT_GROUP_PROTOCOL")
	})
	other.Close()
	w.isReady().end()
}

// Rows count for a batch's size: a graph whose rows grow large commits them in many transactions,
// not in one that holds all of them in memory.
func TestLargeRows(t *testing.T) {
	c := startCluster(t, 0, topic("in", 1), topic("out", 1))
	large := strings.Repeat("x", 10_000)
	cfg := c.config("worker")
	cfg.BatchBytes = 100_000
	c.send("in", 0, 1500, 1500)
	w := c.work(cfg, goka.DefineGroup("rows",
		goka.Input("in", new(codec.String), func(ctx goka.Context, _ any) { ctx.SetValue(large) }),
		goka.Persist(new(codec.String)))).isReady()
	c.checkOffsets("rows", "in")
	w.end()
	transactions, size := 0, int64(0)
	rows := c.read("rows-table")[0]
	for i, r := range rows {
		size++
		if i+1 == len(rows) || rows[i+1].Offset > r.Offset+1 { // a marker is between them
			transactions++
			// The first poll does not know yet how large rows are.
			if transactions > 1 && size > 20 {
				t.Errorf("transaction %d has %d rows of %d bytes", transactions, size, len(large))
			}
			size = 0
		}
	}
	if transactions < 20 {
		t.Errorf("%d rows in %d transactions", len(rows), transactions)
	}
}
