package exactlyonce_test

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A worker dies in a transaction: with its rows at the brokers, with its offsets there, too, or with nothing
// missing but the word to commit. Its heir does not wait for the time-out of the transaction, here a quarter
// of an hour: it aborts what it finds open, and handles the records itself. If the worker was only taken for
// dead, it starts over.
func TestOrphanedTransactionIsAborted(t *testing.T) {
	for name, request := range map[string]int16{
		"before its offsets": kmsg.TxnOffsetCommit.Int16(),
		"before it commits":  kmsg.EndTxn.Int16(),
	} {
		t.Run(name, func(t *testing.T) {
			versions(t, func(t *testing.T, version int16) {
				t.Helper()
				orphan(t, version, request)
			})
		})
	}
}

func orphan(t *testing.T, version, request int16) {
	t.Helper()
	c := startCluster(t, version, topic("in", 4), topic("out", 3))
	cfg := c.config("dying")
	cfg.Kafka.SessionTimeout, cfg.Kafka.TransactionTimeout = time.Second, 15*time.Minute
	dying := c.work(cfg, counter("count", "in")).isReady()
	c.send("in", 0, 300, 20)
	c.waitForOutputs(300)
	c.checkOffsets("count", "in")

	before := c.wire.count("dying", request)
	c.wire.hold("dying", request)
	c.send("in", 300, 300, 20)
	eventually(t, "a transaction is left open", func() bool {
		return c.wire.count("dying", request) > before
	})
	c.wire.freeze("dying")
	heir := c.work(c.config("heir"), counter("count", "in"))
	c.waitForOutputs(600)
	c.checkOffsets("count", "in")

	c.wire.letPass("dying", request)
	c.wire.thaw("dying")
	dying.isReady()
	c.send("in", 600, 300, 20)
	c.waitForOutputs(900)
	dying.end()
	heir.end()
	c.checkCounter("count", "in")
}
