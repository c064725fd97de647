package exactlyonce_test

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"refold/exactlyonce"
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
	cfg.Kafka.TransactionTimeout = 15 * time.Minute
	dying := c.diesInTransaction(cfg, request)
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

// diesInTransaction starts a worker that hangs when it sends this request in a transaction, and loses its
// group: 300 of 600 records are done.
func (c *cluster) diesInTransaction(cfg exactlyonce.Config, request int16) *worker {
	c.t.Helper()
	client := cfg.Kafka.ClientID
	cfg.Kafka.SessionTimeout = time.Second
	dying := c.work(cfg, counter("count", "in")).isReady()
	c.send("in", 0, 300, 20)
	c.waitForOutputs(300)
	c.checkOffsets("count", "in")

	before := c.wire.count(client, request)
	c.wire.hold(client, request)
	c.send("in", 300, 300, 20)
	eventually(c.t, "a transaction is left open", func() bool {
		return c.wire.count(client, request) > before
	})
	c.wire.freeze(client)
	return dying
}

// An heir that has no right to a dead worker's transactional IDs says so once, waits for the time-out of the
// transaction, and then does the work.
func TestHeirWithoutRights(t *testing.T) {
	c := startRestricted(t, topic("in", 2), topic("out", 3))
	cfg := c.config("worker")
	cfg.TransactionalID, cfg.Kafka.TransactionTimeout = "dying", 3*time.Second
	request := kmsg.EndTxn.Int16()
	dying := c.diesInTransaction(cfg, request)
	for _, id := range []string{"dying-0", "dying-1"} {
		c.deny(right{kmsg.ACLResourceTypeTransactionalId, id, kmsg.ACLOperationAll})
	}
	heir := c.workWatched(func(cfg *exactlyonce.Config) {
		cfg.TransactionalID, cfg.Kafka.ClientID = "heir", "heir"
	})
	c.waitForOutputs(600)
	heir.end()
	c.checkOffsets("count", "in")
	if said := heir.log.text.String(); !strings.Contains(said, "can't be aborted") ||
		!strings.Contains(said, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED") {
		t.Errorf("the heir has said %q", said)
	}
	c.checkCounter("count", "in")

	dying.stop()
	c.wire.letPass("worker", request)
	c.wire.thaw("worker")
}
