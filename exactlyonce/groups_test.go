package exactlyonce_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"

	"refold/exactlyonce"
)

// Two workers start at the same moment on a cluster that has neither the table's topic nor the
// loop's (design §2, no. 11).
func TestTwoStartsAtOnce(t *testing.T) {
	for range 5 {
		c := startCluster(t, 0, topic("in", 4), topic("out", 3))
		c.send("in", 0, 200, 20)
		begin, results := make(chan struct{}), make(chan error, 2)
		for _, name := range []string{"a", "b"} {
			cfg := c.config(name)
			go func() {
				<-begin
				p, err := exactlyonce.New(cfg, counter("count", "in"))
				if err != nil {
					results <- err
					return
				}
				ctx, stop := context.WithCancel(context.Background())
				t.Cleanup(stop)
				go func() { results <- p.Run(ctx) }()
				c.t.Cleanup(func() {
					stop()
					if err := <-results; err != nil {
						c.t.Error(err)
					}
				})
			}()
		}
		close(begin)
		c.waitForOutputs(200)
		select {
		case err := <-results:
			t.Fatalf("a worker ended: %v", err)
		default:
		}
	}
}

// Workers come and go cleanly in the middle of transactions (G1–G5).
func TestCleanRebalances(t *testing.T) {
	versions(t, func(t *testing.T, version int16) {
		t.Helper()
		c := startCluster(t, version, topic("in", 6), topic("out", 3))
		a := c.work(c.config("a"), counter("count", "in")).isReady()
		c.send("in", 0, 1000, 60)
		b := c.work(c.config("b"), counter("count", "in"))
		c.send("in", 1000, 1000, 60)
		d := c.work(c.config("d"), counter("count", "in")).isReady()
		c.send("in", 2000, 1000, 60)
		a.end()
		c.send("in", 3000, 1000, 60)
		d.end()
		c.send("in", 4000, 500, 60)
		c.waitForOutputs(4500)
		b.end()
		c.checkCounter("count", "in")
	})
}

// More workers than partitions: those without one are ready all the same, and take over at once
// when an owner leaves.
func TestMoreWorkersThanPartitions(t *testing.T) {
	c := startCluster(t, 0, topic("in", 1), topic("out", 1))
	a := c.work(c.config("a"), counter("count", "in")).isReady()
	b := c.work(c.config("b"), counter("count", "in")).isReady()
	c.send("in", 0, 100, 10)
	c.waitForOutputs(100)
	a.end()
	c.send("in", 100, 100, 10)
	c.waitForOutputs(200)
	b.end()
	c.checkCounter("count", "in")
}

// A zombie: a worker whose network stands still in the middle of its work is overtaken by another;
// then all that it had sent arrives, late. None of it may count (G5).
func TestZombie_network(t *testing.T) {
	versions(t, func(t *testing.T, version int16) {
		t.Helper()
		c := startCluster(t, version, topic("in", 4), topic("out", 3))
		cfg := c.config("zombie")
		cfg.Kafka.SessionTimeout = time.Second
		zombie := c.work(cfg, counter("count", "in")).isReady()
		c.send("in", 0, 500, 20)
		c.waitForOutputs(100)
		c.wire.freeze("zombie")
		c.send("in", 500, 500, 20)
		heir := c.work(c.config("heir"), counter("count", "in"))
		c.waitForOutputs(1000)
		c.wire.thaw("zombie")
		c.send("in", 1000, 500, 20)
		c.waitForOutputs(1500)
		zombie.isReady().end()
		heir.end()
		c.checkCounter("count", "in")
	})
}

// The same, with the whole process held still: a callback stands in the middle of a batch until
// another worker has done its records.
func TestZombie_process(t *testing.T) {
	for name, graph := range map[string]func(hold func(goka.Context)) *goka.GroupGraph{
		"record by record": func(hold func(goka.Context)) *goka.GroupGraph {
			return counterWith("count", hold, "in")
		},
		"all records": func(hold func(goka.Context)) *goka.GroupGraph {
			return recordsCounterWith("count", hold, "in")
		},
	} {
		t.Run(name, func(t *testing.T) { zombieProcess(t, graph) })
	}
}

func zombieProcess(t *testing.T, graph func(hold func(goka.Context)) *goka.GroupGraph) {
	t.Helper()
	versions(t, func(t *testing.T, version int16) {
		t.Helper()
		c := startCluster(t, version, topic("in", 4), topic("out", 3))
		stand, stood := make(chan struct{}), make(chan struct{}, 1)
		var armed atomic.Bool
		hold := func(goka.Context) {
			if armed.CompareAndSwap(true, false) {
				c.wire.freeze("zombie") // no heartbeat either
				stood <- struct{}{}
				<-stand
			}
		}
		cfg := c.config("zombie")
		cfg.Kafka.SessionTimeout = time.Second
		zombie := c.work(cfg, graph(hold)).isReady()
		c.send("in", 0, 300, 20)
		c.waitForOutputs(300)
		armed.Store(true)
		c.send("in", 300, 300, 20)
		<-stood
		heir := c.work(c.config("heir"), counter("count", "in"))
		c.waitForOutputs(600)
		c.wire.thaw("zombie")
		close(stand)
		c.send("in", 600, 300, 20)
		c.waitForOutputs(900)
		zombie.isReady().end()
		heir.end()
		c.checkCounter("count", "in")
	})
}

// A rebalance does not wait for a callback beyond the bound: the others go on, and what the slow
// one was doing is done again by its next owner.
func TestRebalanceDoesNotWaitForever(t *testing.T) {
	c := startCluster(t, 0, topic("in", 4), topic("out", 3))
	stand, stood := make(chan struct{}), make(chan struct{}, 1)
	var armed atomic.Bool
	hold := func(goka.Context) {
		if armed.CompareAndSwap(true, false) {
			stood <- struct{}{}
			<-stand
		}
	}
	cfg := c.config("slow")
	cfg.LeaveTimeout = 300 * time.Millisecond
	slow := c.work(cfg, counterWith("count", hold, "in")).isReady()
	c.send("in", 0, 100, 20)
	c.waitForOutputs(100)
	armed.Store(true)
	c.send("in", 100, 100, 20)
	<-stood
	// The slow one lets go after its bound. It keeps a share of the partitions, which it can't
	// work on before the callback returns.
	quick := c.work(c.config("quick"), counter("count", "in")).isReady()
	close(stand)
	c.waitForOutputs(200)
	slow.isReady().end()
	quick.end()
	c.checkCounter("count", "in")
}

// A worker that was killed leaves a transaction open. Whoever comes next under its transactional
// ID ends it at once; the partitions do not wait for the time-out.
func TestDeadPredecessor(t *testing.T) {
	versions(t, func(t *testing.T, version int16) {
		t.Helper()
		c := startCluster(t, version, topic("in", 4), topic("out", 3))
		cfg := c.config("worker")
		cfg.Kafka.TransactionTimeout = 5 * time.Minute
		cfg.LeaveTimeout = 10 * time.Millisecond
		dead := c.work(cfg, counter("count", "in")).isReady()
		c.send("in", 0, 500, 20)
		c.waitForOutputs(100)
		c.wire.cutOff("worker") // from now on nothing of it arrives: as good as dead
		c.send("in", 500, 500, 20)
		next := c.config("next")
		next.TransactionalID = "worker"
		heir := c.work(next, counter("count", "in"))
		c.waitForOutputs(1000)
		heir.end()
		dead.end()
		c.checkCounter("count", "in")
	})
}

// Two workers with the same transactional ID fence each other. Neither corrupts anything, and when
// one of them ends the other goes on.
func TestSameTransactionalID(t *testing.T) {
	versions(t, func(t *testing.T, version int16) {
		t.Helper()
		c := startCluster(t, version, topic("in", 4), topic("out", 3))
		one, two := c.config("one"), c.config("two")
		two.TransactionalID = one.TransactionalID
		a := c.work(one, counter("count", "in")).isReady()
		c.send("in", 0, 300, 20)
		b := c.work(two, counter("count", "in"))
		for i := range 10 {
			c.send("in", 300+i*100, 100, 20)
		}
		a.end()
		c.waitForOutputs(1300)
		b.isReady().end()
		c.checkCounter("count", "in")
	})
}

// A restore that takes long keeps neither others from their rebalance nor the worker from its
// place in the group, and it is told to stop when its partition is taken away.
func TestRestoreIsCancelled(t *testing.T) {
	c := startCluster(t, 0, topic("in", 2), topic("out", 1))
	cfg := c.config("restoring")
	cfg.Kafka.SessionTimeout = time.Second
	began, cancelled := make(chan struct{}, 8), make(chan struct{}, 8)
	cfg.Tables.Staged = func(
		ctx context.Context, _ string, _ int32,
	) (exactlyonce.StagedTable, error) {
		return &endless{ctx: ctx, began: began, cancelled: cancelled}, nil
	}
	w := c.work(cfg, counter("count", "in"))
	<-began
	// Longer than the session's time-out of ten heartbeats: they go on.
	c.waitForHeartbeats(15)
	select {
	case <-cancelled:
		t.Fatal("the restore was cancelled though nobody took the partition")
	default:
	}
	if w.Ready() == nil {
		t.Error("ready in the middle of a restore")
	}
	c.work(c.config("other"), counter("count", "in")).isReady()
	<-cancelled
	w.end()
}

// endless is a table whose restore never ends by itself.
type endless struct {
	exactlyonce.StagedTable
	ctx              context.Context //nolint:containedctx // as Tables.Staged has it
	began, cancelled chan struct{}
}

var errCancelled = errors.New("the restore was cancelled")

func (e *endless) Open() error {
	e.began <- struct{}{}
	<-e.ctx.Done()
	e.cancelled <- struct{}{}
	return errCancelled
}

func (e *endless) Close() error { return nil }
func (e *endless) Discard()     {}

var _ storage.Storage = (*endless)(nil)
