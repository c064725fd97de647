package exactlyonce_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"

	"refold/exactlyonce"
)

var errNotTheSame = errors.New("it was lost")

// A partition that does not fit, at the start or later, is held alone; Ready and a metric say why (G2).
func TestUnfitPartition(t *testing.T) {
	for name, from := range map[string]bool{"from the start": true, "while it runs": false} {
		t.Run(name, func(t *testing.T) {
			c := startCluster(t, 0, topic("in", 2), topic("out", 3))
			var unfit atomic.Bool
			unfit.Store(from)
			registry := prometheus.NewRegistry()
			cfg := c.config("worker")
			cfg.Metrics = exactlyonce.NewMetrics(registry)
			cfg.TopicsMaxAge = 20 * time.Millisecond
			cfg.Fit = func(_ context.Context, partitions []int32) (map[int32]error, error) {
				if !unfit.Load() || len(partitions) == 0 {
					return nil, nil
				}
				return map[int32]error{1: errNotTheSame}, nil
			}
			w := c.work(cfg, counter("count", "in"))
			handled := 0
			if !from {
				w.isReady()
				c.send("in", 0, 50, 50)
				c.waitForOutputs(50)
				handled = c.handledOf("in/1")
				unfit.Store(true)
			}
			eventually(t, "it says what is held", func() bool {
				err := w.Ready()
				return err != nil && err.Error() == "in/1 is held: it was lost"
			})
			before := c.handledOf("in/0")
			c.send("in", 50, 50, 50)
			eventually(t, "the other goes on", func() bool { return c.handledOf("in/0") > before })
			if n := c.handledOf("in/1"); n != handled {
				t.Errorf("%d records of it were handled, and %d before", n, handled)
			}
			if n := sum(t, registry, "exactlyonce_held_partition"); n != 1 {
				t.Errorf("the metric says %v", n)
			}
			unfit.Store(false)
			w.isReady()
			c.waitForOutputs(map[bool]int{true: 50, false: 100}[from])
			w.end()
			c.checkCounter("count", "in")
		})
	}
}

// A topic is not the one that it was: the Processor ends and says so, whenever it finds out, and before
// a store is opened. What the look itself meets is a fault, and tried again.
func TestUnfitTopics(t *testing.T) {
	for name, after := range map[string]int32{
		"before there are clients": 0, "before stores are opened": 1, "after stores are opened": 2,
		"while it runs": 3,
	} {
		t.Run(name, func(t *testing.T) {
			c := startCluster(t, 0, topic("in", 1), topic("out", 1))
			var asked, opened atomic.Int32
			var faulty atomic.Bool
			faulty.Store(true)
			cfg := c.config("worker")
			cfg.TopicsMaxAge = 20 * time.Millisecond
			memory := exactlyonce.InMemory(cfg.Kafka)
			cfg.Tables.Staged = func(
				ctx context.Context, topic string, p int32,
			) (exactlyonce.StagedTable, error) {
				opened.Add(1)
				return memory.Staged(ctx, topic, p)
			}
			cfg.Fit = func(context.Context, []int32) (map[int32]error, error) {
				if faulty.Swap(false) {
					return nil, errors.New("the broker does not answer")
				}
				if asked.Add(1) > after {
					return nil, fmt.Errorf("%w: %w", exactlyonce.ErrUnfit, errNotTheSame)
				}
				return nil, nil
			}
			w := c.work(cfg, counter("count", "in"))
			err := w.wait()
			if !errors.Is(err, exactlyonce.ErrUnfit) || !errors.Is(err, errNotTheSame) {
				t.Errorf("it ended with %v", err)
			}
			if n := opened.Load(); (n > 0) != (after >= 2) {
				t.Errorf("%d stores were opened", n)
			}
			if n := asked.Load(); n < after+1 {
				t.Errorf("it was asked %d times", n)
			}
		})
	}
}

// A graph's own topics are not made when somebody else knows which there are.
func TestTopicsAreNotMade(t *testing.T) {
	c := startCluster(t, 0, topic("in", 1), topic("out", 1))
	cfg := c.config("worker")
	cfg.MakeNoTopics = true
	_, err := exactlyonce.New(cfg, counter("count", "in"))
	if err == nil || !strings.Contains(err.Error(), "count-table") {
		t.Errorf("got %v", err)
	}
	cl := c.client()
	defer cl.Close()
	topics, err := kadm.NewClient(cl).ListTopics(t.Context())
	if err != nil || topics.Has("count-table") {
		t.Errorf("there are %v, %v", topics.Names(), err)
	}
}
