package exactlyonce_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"refold/exactlyonce"
	"refold/kafka"
)

// told is what Config.Committed was given, as text, by topic and partition.
type told struct {
	mu      sync.Mutex
	records map[kafka.TopicPartition][]string
	rows    map[string]string
}

func (c *told) commit(commit exactlyonce.Commit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	commit.Inputs(func(at kafka.TopicPartition, records []*kgo.Record) {
		for _, r := range records {
			c.records[at] = append(c.records[at], recordText(r))
		}
	})
	commit.Outputs(func(at kafka.TopicPartition, records []kgo.Record) {
		for i := range records {
			c.records[at] = append(c.records[at], recordText(&records[i]))
		}
	})
	commit.Rows(func(_ kafka.TopicPartition, rows map[string][]byte) {
		for key, value := range rows {
			c.rows[key] = string(value)
		}
	})
}

func recordText(r *kgo.Record) string {
	return fmt.Sprintf("%d %s=%s at %d", r.Offset, r.Key, r.Value, r.Timestamp.UnixNano())
}

// Whoever is told of each commit knows exactly what readers of Kafka see, in the order of the offsets and
// with the times that readers get: also when transactions fail in between and their records are handled
// again.
func TestCommitted(t *testing.T) {
	for name, graph := range countersOf("count", "in") {
		t.Run(name, func(t *testing.T) {
			versions(t, func(t *testing.T, version int16) {
				t.Helper()
				testCommitted(t, startCluster(t, version, topic("in", 4), topic("out", 3)), graph)
			})
		})
	}
}

func testCommitted(t *testing.T, c *cluster, graph *goka.GroupGraph) {
	t.Helper()
	seen := &told{records: make(map[kafka.TopicPartition][]string), rows: make(map[string]string)}
	cfg := c.config("worker")
	cfg.Committed = seen.commit
	w := c.work(cfg, graph).isReady()
	for i := range 10 {
		if i%3 == 1 {
			c.Kafka().Fault(kfake.Fault{
				Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.RebalanceInProgress, Count: 1, When: ours,
			})
		}
		c.send("in", 100*i, 100, 20)
	}
	c.waitForOutputs(1000)
	w.end()
	for _, name := range []string{"in", "out"} {
		for partition, records := range c.read(name) {
			var want []string
			for _, r := range records {
				want = append(want, recordText(r))
			}
			got := seen.records[kafka.TopicPartition{Topic: name, Partition: partition}]
			if !slices.Equal(got, want) {
				t.Errorf("%s/%d: told %d records, %d are there: %v, %v",
					name, partition, len(got), len(want), got, want)
			}
		}
	}
	rows := make(map[string]string)
	for _, records := range c.read("count-table") {
		for _, r := range records {
			rows[string(r.Key)] = string(r.Value)
		}
	}
	if !maps.Equal(rows, seen.rows) {
		t.Errorf("told of the rows %v, there are %v", seen.rows, rows)
	}
}

// Committed is not called for a transaction whose rows the local store did not take: copies would show an
// outcome, and the rows not its effect. The store is opened anew, and has the rows.
func TestCommittedNeedsItsRows(t *testing.T) {
	c := startCluster(t, 0, topic("in", 1), topic("out", 1))
	cfg := c.config("worker")
	var mu sync.Mutex
	var failed, taken, untaken int
	tables := exactlyonce.InMemory(cfg.Kafka)
	cfg.Tables.Follower = tables.Follower
	cfg.Tables.Staged = func(
		ctx context.Context, topic string, partition int32,
	) (exactlyonce.StagedTable, error) {
		table, err := tables.Staged(ctx, topic, partition)
		return &choosyTable{table, func() bool {
			mu.Lock()
			defer mu.Unlock()
			if failed < 3 && taken > 0 {
				failed++
				untaken = taken
				return false
			}
			taken++
			return true
		}}, err
	}
	var unkept int
	cfg.Committed = func(exactlyonce.Commit) {
		mu.Lock()
		defer mu.Unlock()
		if taken == untaken {
			unkept++
		}
	}
	w := c.work(cfg, counter("count", "in")).isReady()
	for i := range 5 {
		c.send("in", 10*i, 10, 5)
		c.waitForOutputs(10 * (i + 1))
	}
	w.end()
	if failed == 0 || unkept > 0 {
		t.Errorf("told of %d transactions whose rows were not kept; %d failed", unkept, failed)
	}
}

// choosyTable takes a batch's rows if it likes.
type choosyTable struct {
	exactlyonce.StagedTable
	takes func() bool
}

// Commit commits the rows of a batch, or fails.
func (c *choosyTable) Commit(next int64) error {
	if !c.takes() {
		return errors.New("not taken")
	}
	return c.StagedTable.Commit(next) //nolint:wrapcheck // it is a table
}

// A worker that runs holds its lease; one whose heartbeats get no answer for the session time-out does not,
// though it knows of no rebalance.
func TestSessionHolds(t *testing.T) {
	c := startCluster(t, 0, topic("in", 1), topic("out", 1))
	sessions := make(chan exactlyonce.Session, 1)
	cfg := c.config("worker")
	cfg.Background = func(ctx context.Context, s exactlyonce.Session) {
		select {
		case sessions <- s:
		default:
		}
		<-ctx.Done()
	}
	c.work(cfg, counter("count", "in")).isReady()
	s := <-sessions
	if !s.Holds() {
		t.Error("a member that has just joined does not hold its partitions")
	}
	l := c.wire.lose("worker", kmsg.Heartbeat.Int16(), true, 1_000_000)
	eventually(t, "the lease ends", func() bool { return !s.Holds() })
	c.wire.stopLosing(l)
}
