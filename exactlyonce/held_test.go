package exactlyonce_test

import (
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// handledOf are the sources that a counter has handled of a partition of its input.
func (c *cluster) handledOf(source string) (n int) {
	c.t.Helper()
	for _, values := range c.values("out") {
		n += len(slices.DeleteFunc(values, func(v string) bool {
			return !strings.Contains(v, " "+source+"/")
		}))
	}
	return n
}

// What is held is assigned, but nothing of it is handled and its offset stays, over aborted
// transactions and rebalances, while the other partitions go on, and Ready names it. When its cause is
// gone it goes on by itself, and nothing of it is missing or doubled.
func TestHeldPartitions(t *testing.T) {
	c := startCluster(t, 0, topic("in", 2), topic("out", 3))
	var asked atomic.Int32
	var letGo atomic.Bool
	holding := func(name string) *worker {
		cfg := c.config(name)
		cfg.Held = func(topic string, partition int32) error {
			asked.Add(1)
			if letGo.Load() || topic != "in" || partition != 1 {
				return nil
			}
			return errors.New("it is poisoned")
		}
		return c.work(cfg, counter("count", "in"))
	}
	sent := 0
	goesOn := func() {
		t.Helper()
		c.send("in", sent, 100, 20)
		sent += 100
		eventually(t, "the other partition goes on", func() bool {
			return c.handledOf("in/0") == len(c.read("in")[0])
		})
	}
	c.send("in", sent, 100, 20) // there, and so fetched, before it is known what is held
	sent += 100
	isReady := func(w *worker) {
		t.Helper()
		eventually(t, "it says what is held, and nothing else", func() bool {
			err := w.Ready()
			return err != nil && err.Error() == "in/1 is held: it is poisoned"
		})
	}
	w := holding("one")
	isReady(w)
	goesOn()
	c.Kafka().Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.CoordinatorLoadInProgress, Count: 3,
	})
	goesOn()
	before := asked.Load()
	other := holding("two")
	eventually(t, "asked again after a rebalance", func() bool { return asked.Load() >= before+2 })
	goesOn()
	other.end()
	isReady(w)
	goesOn()
	if n := c.handledOf("in/1"); n != 0 {
		t.Errorf("%d records of the partition that is held were handled", n)
	}
	letGo.Store(true)
	w.isReady()
	c.waitForOutputs(sent)
	w.end()
	c.checkCounter("count", "in")
}
