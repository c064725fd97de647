package exactlyonce_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/exactlyonce"
	"refold/kafka"
)

// keeper is a Follower that has what the test says.
type keeper struct {
	mu       sync.Mutex
	next     map[int32]int64
	lag      int64
	followed []int32
	closing  bool          // stores that were followed
	closed   chan struct{} // nil: they are at once
}

func (k *keeper) Topics() []string { return []string{"count-table"} }

func (k *keeper) Kept(each func(at kafka.TopicPartition, next, behind int64)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for p, next := range k.next {
		each(kafka.TopicPartition{Topic: "count-table", Partition: p}, next, 0)
	}
}

func (k *keeper) Follow(partitions []int32) {
	k.setClosing(true)
	if k.closed != nil {
		<-k.closed
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.followed, k.closing = slices.Sorted(slices.Values(partitions)), false
}

func (k *keeper) setClosing(closing bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closing = closing
}

func (k *keeper) isClosing() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.closing
}

func (k *keeper) Lag(int32) int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.lag
}

func (k *keeper) follows() []int32 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.followed)
}

// has sets what the keeper has of each partition, and what it lacks.
func (k *keeper) has(partitions int32, next, lag int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.next, k.lag = make(map[int32]int64), lag
	for p := range partitions {
		k.next[p] = next
	}
}

// keeping is the configuration of a worker with a keeper, whose stores are never opened by both.
func (c *cluster) keeping(name string, k *keeper) exactlyonce.Config {
	cfg := c.config(name)
	cfg.Follower, cfg.AcceptableLag, cfg.ProbingInterval = k, 100, 50*time.Millisecond
	cfg.Tables = exactlyonce.InMemory(cfg.Kafka)
	staged := cfg.Tables.Staged
	cfg.Tables.Staged = func(
		ctx context.Context, topic string, partition int32,
	) (exactlyonce.StagedTable, error) {
		if slices.Contains(k.follows(), partition) || k.isClosing() {
			c.t.Errorf("%s opens partition %d, which it follows", name, partition)
		}
		return staged(ctx, topic, partition)
	}
	return cfg
}

// owned returns which partitions of "in" each worker has, by client ID.
func (c *cluster) owned(group string) map[string][]int32 {
	c.t.Helper()
	cl := c.client()
	defer cl.Close()
	members, err := kafka.Members(c.t.Context(), kadm.NewClient(cl), group)
	if err != nil && !errors.Is(err, kafka.ErrRebalancing) {
		c.t.Fatal(err)
	}
	owned := make(map[string][]int32, len(members))
	for _, m := range members {
		owned[m.ClientID] = slices.Sorted(slices.Values(m.Partitions["in"]))
	}
	return owned
}

// waitOwned waits until each worker has so many partitions.
func (c *cluster) waitOwned(group string, want map[string]int) (owned map[string][]int32) {
	c.t.Helper()
	eventually(c.t, fmt.Sprintf("workers have %v partitions", want), func() bool {
		owned = c.owned(group)
		return maps.EqualFunc(owned, want, func(has []int32, n int) bool { return len(has) == n })
	})
	return owned
}

// A worker that joins cold follows all partitions of the group, and owns none until it has caught up; then it
// asks for its share.
func TestStandbys_joinsCold(t *testing.T) {
	c := startCluster(t, 0, topic("in", 4), topic("out", 3))
	full, cold := &keeper{}, &keeper{}
	full.has(4, 5000, 0)
	a := c.work(c.keeping("a", full), counter("count", "in")).isReady()
	cold.has(4, 10, 4990)
	b := c.work(c.keeping("b", cold), counter("count", "in")).isReady()
	c.waitOwned("count", map[string]int{"a": 4, "b": 0})
	eventually(t, "b follows all", func() bool {
		return slices.Equal(cold.follows(), []int32{0, 1, 2, 3})
	})
	c.send("in", 0, 100, 20)
	c.waitForOutputs(100)
	cold.has(4, 4950, 50)
	owned := c.waitOwned("count", map[string]int{"a": 2, "b": 2})
	eventually(t, "each follows what the other has", func() bool {
		return slices.Equal(full.follows(), owned["b"]) && slices.Equal(cold.follows(), owned["a"])
	})
	c.send("in", 100, 100, 20)
	c.waitForOutputs(200)
	a.end()
	c.waitOwned("count", map[string]int{"b": 4})
	c.send("in", 200, 100, 20)
	c.waitForOutputs(300)
	b.end()
	c.checkCounter("count", "in")
}

// A session opens its stores when the standby has closed them, however long that takes.
func TestStandbys_handOver(t *testing.T) {
	c := startCluster(t, 0, topic("in", 4), topic("out", 3))
	k := &keeper{closed: make(chan struct{})}
	w := c.work(c.keeping("a", k), counter("count", "in"))
	c.send("in", 0, 100, 20)
	eventually(t, "the standby closes its stores", k.isClosing)
	c.waitForHeartbeats(3)
	if w.Ready() == nil {
		t.Error("the worker is ready while the standby has its stores")
	}
	close(k.closed)
	w.isReady()
	c.waitForOutputs(100)
	w.end()
	c.checkCounter("count", "in")
}

// While a member knows nothing but range, all are divided by range; when it has left, standbys come back.
func TestStandbys_rollingUpgrade(t *testing.T) {
	c := startCluster(t, 0, topic("in", 4), topic("out", 3))
	k, late := &keeper{}, &keeper{}
	k.has(4, 5000, 0)
	cfg := c.keeping("new", k)
	cfg.MemberData = []byte("I am new")
	w := c.work(cfg, counter("count", "in")).isReady()
	old := c.client(kgo.ClientID("old"), kgo.ConsumerGroup("count"), kgo.ConsumeTopics("in"),
		kgo.DisableAutoCommit(), kgo.Balancers(kafka.TellMembers(kgo.RangeBalancer(), []byte("I am old"))))
	defer old.Close()
	owned := c.waitOwned("count", map[string]int{"new": 2, "old": 2})
	for name, partitions := range owned { // of neighbours, as range has it
		if partitions[0]+1 != partitions[1] {
			t.Errorf("%s has %v", name, partitions)
		}
	}
	cl := c.client()
	defer cl.Close()
	members, err := kafka.Members(t.Context(), kadm.NewClient(cl), "count")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range members {
		if want := "I am " + m.ClientID; string(m.Data) != want {
			t.Errorf("%s tells %q", m.ClientID, m.Data)
		}
	}
	if err := old.LeaveGroupContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.waitOwned("count", map[string]int{"new": 4})
	c.work(c.keeping("late", late), counter("count", "in"))
	c.waitOwned("count", map[string]int{"new": 4, "late": 0}) // it is cold
	eventually(t, "the late one follows", func() bool { return len(late.follows()) == 4 })
	c.send("in", 0, 100, 20)
	c.waitForOutputs(100)
	w.isReady()
}

// A static member that comes back in time has its partitions again; the others do not notice.
func TestStandbys_staticMember(t *testing.T) {
	c := startCluster(t, 0, topic("in", 4), topic("out", 3))
	reg := prometheus.NewRegistry()
	static := func(name string) exactlyonce.Config {
		cfg := c.config(name)
		cfg.InstanceID = name
		cfg.Kafka.SessionTimeout = 10 * time.Second // longer than the restart
		if name == "stays" {
			cfg.Metrics = exactlyonce.NewMetrics(reg)
		}
		return cfg
	}
	stays := c.work(static("stays"), counter("count", "in")).isReady()
	goes := c.work(static("goes"), counter("count", "in")).isReady()
	before := c.waitOwned("count", map[string]int{"stays": 2, "goes": 2})
	c.send("in", 0, 100, 20)
	c.waitForOutputs(100)
	rebalances := counted(t, reg, "exactlyonce_rebalances_total")
	goes.end()
	c.send("in", 100, 100, 20)
	back := c.work(static("goes"), counter("count", "in")).isReady()
	c.waitForOutputs(200)
	after := c.waitOwned("count", map[string]int{"stays": 2, "goes": 2})
	if !maps.EqualFunc(before, after, slices.Equal) {
		t.Errorf("partitions have moved from %v to %v", before, after)
	}
	if n := counted(t, reg, "exactlyonce_rebalances_total"); n != rebalances {
		t.Errorf("there were %v rebalances", n-rebalances)
	}
	back.end()
	stays.end()
	c.checkCounter("count", "in")
}

// counted adds up what a metric says.
func counted(t *testing.T, reg *prometheus.Registry, name string) (sum float64) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == name {
			for _, m := range family.GetMetric() {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}
