package exactlyonce_test

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// requests of a transaction, in order; those of version 1 only are marked.
var requests = []struct {
	key    kmsg.Key
	v1only bool
	errs   []*kerr.Error // that brokers may answer: some passing, some not
}{
	{kmsg.InitProducerID, false, []*kerr.Error{kerr.CoordinatorLoadInProgress}},
	{kmsg.AddPartitionsToTxn, true, []*kerr.Error{
		kerr.CoordinatorLoadInProgress, kerr.InvalidProducerEpoch, kerr.ConcurrentTransactions,
	}},
	{kmsg.Produce, false, []*kerr.Error{
		kerr.NotEnoughReplicas, kerr.InvalidProducerEpoch, kerr.UnknownServerError,
	}},
	{kmsg.AddOffsetsToTxn, true, []*kerr.Error{kerr.NotCoordinator, kerr.ProducerFenced}},
	{kmsg.TxnOffsetCommit, false, []*kerr.Error{
		kerr.IllegalGeneration, kerr.CoordinatorLoadInProgress, kerr.UnknownServerError,
		kerr.ProducerFenced, kerr.RequestTimedOut,
	}},
	{kmsg.EndTxn, false, []*kerr.Error{
		kerr.UnknownServerError, kerr.ProducerFenced, kerr.CoordinatorNotAvailable,
		kerr.TransactionAbortable, kerr.ConcurrentTransactions,
	}},
	{kmsg.OffsetFetch, false, []*kerr.Error{kerr.UnstableOffsetCommit, kerr.NotCoordinator}},
	{kmsg.Fetch, false, []*kerr.Error{kerr.NotLeaderForPartition, kerr.OffsetOutOfRange}},
	{kmsg.Heartbeat, false, []*kerr.Error{kerr.RebalanceInProgress, kerr.UnknownMemberID}},
	{kmsg.OffsetCommit, false, nil}, // see TestPlainOffsetsFaults
}

// faulty runs a counter while something goes wrong in the middle of it, and checks that nothing is
// lost or doubled (G1–G4). A callback takes one record in version 1 of transactions, and all in version 2.
func faulty(t *testing.T, version int16, harm func(c *cluster)) {
	t.Helper()
	form := "record by record"
	if version == 2 {
		form = "all records"
	}
	c := startCluster(t, version, topic("in", 4), topic("out", 3))
	c.send("in", 0, 300, 20)
	w := c.work(c.config("worker"), countersOf("count", "in")[form]).isReady()
	c.waitForOutputs(300)
	harm(c)
	for i := range 10 {
		c.send("in", 300+100*i, 100, 20)
	}
	c.waitForOutputs(1300)
	w.end()
	c.checkCounter("count", "in")
}

// ours leaves the test's own producer alone.
func ours(r kmsg.Request) bool {
	p, ok := r.(*kmsg.ProduceRequest)
	return !ok || p.TransactionID != nil
}

// At each request of a transaction the broker answers with an error.
func TestErrorAnswers(t *testing.T) {
	versions(t, func(t *testing.T, version int16) {
		t.Helper()
		for _, r := range requests {
			if r.v1only && version != 1 {
				continue
			}
			for _, err := range r.errs {
				t.Run(fmt.Sprintf("%v %s", r.key.Name(), err.Message), func(t *testing.T) {
					t.Parallel()
					faulty(t, version, func(c *cluster) {
						c.Kafka().Fault(kfake.Fault{
							Keys: []kmsg.Key{r.key}, Err: err, Count: 3, When: ours,
						})
					})
				})
			}
		}
	})
}

// At each request of a transaction the connection breaks, before the broker gets the request or
// after it has done the work.
func TestLostRequestsAndAnswers(t *testing.T) {
	versions(t, func(t *testing.T, version int16) {
		t.Helper()
		for _, r := range requests {
			if r.v1only && version != 1 {
				continue
			}
			for what, answer := range map[string]bool{"request": false, "answer": true} {
				t.Run(fmt.Sprintf("%v %s", r.key.Name(), what), func(t *testing.T) {
					t.Parallel()
					faulty(t, version, func(c *cluster) {
						c.wire.lose("worker", r.key.Int16(), answer, 2)
					})
				})
			}
		}
	})
}

// The end of a transaction is lost for so long that the client gives up: nobody knows whether it
// was committed. The worker makes its clients anew and learns it from the broker.
func TestUnknownOutcome(t *testing.T) {
	for what, answer := range map[string]bool{"request lost": false, "answer lost": true} {
		t.Run(what, func(t *testing.T) {
			versions(t, func(t *testing.T, version int16) {
				t.Helper()
				c := startCluster(t, version, topic("in", 4), topic("out", 3))
				cfg := c.config("worker")
				cfg.Kafka.TransactionTimeout = c.settings("").TransactionTimeout / 5
				w := c.work(cfg, counter("count", "in")).isReady()
				l := c.wire.lose("worker", kmsg.EndTxn.Int16(), answer, 1_000_000)
				c.send("in", 0, 300, 20)
				eventually(t, "the worker gives up", func() bool { return w.Ready() != nil })
				if c.wire.happened(l) == 0 {
					t.Error("nothing got lost")
				}
				c.wire.stopLosing(l)
				c.send("in", 300, 300, 20)
				c.waitForOutputs(600)
				w.isReady().end()
				c.checkCounter("count", "in")
			})
		})
	}
}

// A batch that produces nothing commits its offsets outside of any transaction.
func TestPlainOffsets(t *testing.T) {
	versions(t, func(t *testing.T, version int16) {
		t.Helper()
		c := startCluster(t, version, topic("in", 4))
		c.send("in", 0, 500, 20)
		w := c.work(c.config("worker"), silent("silent", "in")).isReady()
		c.checkOffsets("silent", "in")
		for what, fault := range map[string]func(){
			"error": func() {
				c.Kafka().Fault(kfake.Fault{
					Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.IllegalGeneration, Count: 2,
				})
			},
			"request lost": func() { c.wire.lose("worker", kmsg.OffsetCommit.Int16(), false, 2) },
			"answer lost":  func() { c.wire.lose("worker", kmsg.OffsetCommit.Int16(), true, 2) },
		} {
			t.Run(what, func(*testing.T) {
				fault()
				c.send("in", 500, 200, 20)
				c.checkOffsets("silent", "in")
			})
		}
		w.end()
	})
}

// A record that no broker ever takes ends the worker with an error that names it; what came before
// is committed, and the offset stays in front of the culprit.
func TestRecordTooLarge(t *testing.T) {
	c := startCluster(t, 0, topic("in", 1), topic("out", 1))
	c.send("in", 0, 10, 5)
	w := c.work(c.config("worker"), counterWith("count", bloat, "in")).isReady()
	c.waitForOutputs(10)
	c.send("in", 10, 1, 1)
	expectError(t, w.wait(), "MESSAGE_TOO_LARGE", "out/0", `key "key-000"`)
	if got := len(c.read("out")[0]); got != 10 {
		t.Errorf("%d outputs; want the 10 before the large one", got)
	}
}
