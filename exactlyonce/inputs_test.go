package exactlyonce_test

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"refold/exactlyonce"
)

// commit sets the group's offset of in/0, as an operator can while no worker runs.
func (c *cluster) commit(group string, offset int64) {
	c.t.Helper()
	cl := c.client()
	defer cl.Close()
	offsets := make(kadm.Offsets)
	offsets.Add(kadm.Offset{Topic: "in", Partition: 0, At: offset, LeaderEpoch: -1})
	if _, err := kadm.NewClient(cl).CommitOffsets(c.t.Context(), group, offsets); err != nil {
		c.t.Fatal(err)
	}
}

// The group's offset is beyond the end of its input: the topic was truncated or made anew. Whatever
// the worker read next would be handled again, or for the first time; nobody knows. It handles
// nothing and says why (G1).
func TestTruncatedInput(t *testing.T) {
	c := startCluster(t, 0, topic("in", 1), topic("out", 1))
	c.send("in", 0, 10, 5)
	w := c.work(c.config("worker"), counter("count", "in")).isReady()
	c.waitForOutputs(10)
	w.end()
	c.commit("count", 50)
	w = c.work(c.config("worker"), counter("count", "in"))
	expectError(t, w.wait(), "in/0", "offset 50", "ends at 10")
	if n := len(c.read("out")[0]); n != 10 {
		t.Errorf("%d outputs of 10 records", n)
	}
}

// The broker has deleted records that the group had not handled. The worker goes on with the
// oldest that is left, handles nothing twice, and tells how much is missing.
func TestDeletedInput(t *testing.T) {
	c := startCluster(t, 0, topic("in", 1), topic("out", 1))
	c.send("in", 0, 10, 1)
	w := c.work(c.config("worker"), counter("count", "in")).isReady()
	c.waitForOutputs(10)
	w.end()
	c.send("in", 10, 10, 1)
	if err := c.Kafka().DeleteRecords("in", 0, 15); err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	cfg := c.config("worker")
	cfg.Metrics = exactlyonce.NewMetrics(registry)
	w = c.work(cfg, counter("count", "in"))
	c.waitForOutputs(15)
	w.end()
	records := c.read("out")[0]
	last := string(records[len(records)-1].Value)
	if len(records) != 15 || last != "15 in/0/19" {
		t.Errorf("%d outputs, the last %q; want 15, the last of in/0/19", len(records), last)
	}
	c.checkOffsets("count", "in")
	if n := sum(t, registry, "exactlyonce_deleted_input_offsets_total"); n != 5 {
		t.Errorf("%v offsets are said to have been deleted, not 5", n)
	}
}

// The brokers have forgotten the group's offsets, as they do when it was empty for a week. The
// table still knows what was handled, so the worker does not handle it again; nothing changes.
func TestForgottenOffsets(t *testing.T) {
	c := startCluster(t, 0, topic("in", 1), topic("out", 1))
	c.send("in", 0, 10, 5)
	w := c.work(c.config("worker"), counter("count", "in")).isReady()
	c.waitForOutputs(10)
	w.end()
	cl := c.client()
	defer cl.Close()
	if _, err := kadm.NewClient(cl).DeleteGroups(t.Context(), "count"); err != nil {
		t.Fatal(err)
	}
	w = c.work(c.config("worker"), counter("count", "in"))
	expectError(t, w.wait(), "group count has no offset in partition 0", "count-table has rows")
	if n := len(c.read("out")[0]); n != 10 {
		t.Errorf("%d outputs of 10 records", n)
	}
	c.commit("count", 10)
	c.send("in", 10, 5, 5)
	w = c.work(c.config("worker"), counter("count", "in"))
	c.waitForOutputs(15)
	w.end()
	c.checkCounter("count", "in")
}

// A worker is held still when it has asked for the offsets of a group that has none yet. Until it looks
// at the table, somebody else has handled the first records. That is no reason to end.
func TestForgottenOffsets_slow(t *testing.T) {
	c := startCluster(t, 0, topic("in", 1), topic("out", 1))
	registry := prometheus.NewRegistry()
	cfg := c.config("slow")
	cfg.Metrics = exactlyonce.NewMetrics(registry)
	cfg.Kafka.SessionTimeout = time.Second
	c.wire.hold("slow", kmsg.ListOffsets.Int16())
	slow := c.work(cfg, counter("count", "in"))
	// Two clients of a worker list offsets: the one that consumes, when the group has none, and the one
	// that checks the inputs, when it has been told so.
	eventually(t, "both have asked", func() bool {
		return c.wire.count("slow", kmsg.ListOffsets.Int16()) > 1
	})
	c.wire.hold("slow", kmsg.Heartbeat.Int16())
	c.send("in", 0, 10, 5)
	heir := c.work(c.config("heir"), counter("count", "in"))
	c.waitForOutputs(10)
	c.wire.letPass("slow", kmsg.ListOffsets.Int16())
	eventually(t, "it begins anew", func() bool {
		return sum(t, registry, "exactlyonce_restarts_total") > 0
	})
	c.wire.letPass("slow", kmsg.Heartbeat.Int16())
	slow.isReady()
	heir.end()
	c.send("in", 10, 5, 5)
	c.waitForOutputs(15)
	slow.end()
	c.checkCounter("count", "in")
}

// Records of an aborted transaction are no input (G3).
func TestAbortedInput(t *testing.T) {
	c := startCluster(t, 0, topic("in", 1), topic("out", 1))
	cl := c.client(kgo.TransactionalID("sender"))
	defer cl.Close()
	for _, end := range []kgo.TransactionEndTry{kgo.TryAbort, kgo.TryCommit, kgo.TryAbort} {
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			if err := cl.ProduceSync(t.Context(), record("in", "key", "x")).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		if err := cl.EndTransaction(t.Context(), end); err != nil {
			t.Fatal(err)
		}
	}
	w := c.work(c.config("worker"), counter("count", "in"))
	c.send("in", 0, 1, 1)
	c.waitForOutputs(6)
	w.end()
	c.checkCounter("count", "in")
}
