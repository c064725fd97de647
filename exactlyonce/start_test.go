package exactlyonce_test

import (
	"slices"
	"strconv"
	"testing"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"refold/exactlyonce"
)

// newest is config with StartNewest.
func (c *cluster) newest(name string) exactlyonce.Config {
	cfg := c.config(name)
	cfg.Start = exactlyonce.StartNewest
	return cfg
}

// handledNumbers are the numbers of the input records that "out" tells of, in order. pass writes them.
func (c *cluster) handledNumbers() (numbers []int) {
	c.t.Helper()
	for _, records := range c.read("out") {
		for _, r := range records {
			n, err := strconv.Atoi(string(r.Value))
			if err != nil {
				c.t.Fatal(err)
			}
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers
}

// expectHandled waits for records in "out" and checks that they tell of these inputs, each once.
func (c *cluster) expectHandled(from, n int) {
	c.t.Helper()
	c.waitForOutputs(n)
	want := make([]int, n)
	for i := range want {
		want[i] = from + i
	}
	if got := c.handledNumbers(); !slices.Equal(got, want) {
		c.t.Errorf("the records %v were handled, not %v", got, want)
	}
}

// pass is a graph that emits what it reads, by way of a loop.
func pass() *goka.GroupGraph {
	return goka.DefineGroup("pass",
		goka.Input("in", new(codec.String), func(ctx goka.Context, msg any) { ctx.Loopback(ctx.Key(), msg) }),
		goka.Loop(new(codec.String), func(ctx goka.Context, msg any) { ctx.Emit("out", ctx.Key(), msg) }),
		goka.Output("out", new(codec.String)))
}

// A group that starts at the newest record does not act on history. From its first start on it misses
// nothing, and its second start goes on from the offsets that it has committed (G3).
func TestStartNewest(t *testing.T) {
	versions(t, func(t *testing.T, version int16) {
		t.Helper()
		c := startCluster(t, version, topic("in", 4), topic("out", 3))
		c.send("in", 0, 100, 20)
		w := c.work(c.newest("worker"), pass()).isReady()
		c.send("in", 100, 50, 20)
		c.expectHandled(100, 50)
		w.end()
		c.send("in", 150, 50, 20) // while no worker runs
		w = c.work(c.newest("worker"), pass()).isReady()
		c.send("in", 200, 50, 20)
		c.expectHandled(100, 150)
		w.end()
		c.checkOffsets("pass", "in")
	})
}

// crashBeforeTheFirstBatch starts a worker at the newest record, which dies before it handles anything. Ten
// records are written before its death, five after it, and the next worker starts.
func crashBeforeTheFirstBatch(t *testing.T) *cluster {
	t.Helper()
	c := startCluster(t, 0, topic("in", 4), topic("out", 3))
	c.send("in", 0, 100, 20)
	c.wire.hold("dying", kmsg.Fetch.Int16())
	dying := c.work(c.newest("dying"), pass()).isReady()
	c.send("in", 100, 10, 20)
	dying.end()
	c.work(c.newest("heir"), pass()).isReady()
	c.send("in", 110, 5, 20)
	return c
}

// The first position is committed before anything is handled, so that a crash does not move it: the records
// that were written between the first start and the crash are handled. Its twin is TestStartFaulty.
func TestStartNewest_crash(t *testing.T) {
	c := crashBeforeTheFirstBatch(t)
	c.expectHandled(100, 15)
}

// A partition that has an offset goes on from it; one that has none begins at its end.
func TestStartNewest_someOffsets(t *testing.T) {
	c := startCluster(t, 0, topic("in", 2), topic("out", 1))
	c.send("in", 0, 100, 20)
	before := c.read("in")
	c.commit("silent", 3)
	w := c.work(c.newest("worker"), silent("silent", "in")).isReady()
	at, _ := c.committed("silent").Lookup("in", 1)
	if want := int64(len(before[1])); at.At != want || want == 0 {
		t.Errorf("in/1 begins at %d, not at its end, %d", at.At, want)
	}
	c.checkOffsets("silent", "in")
	w.end()
}

// Records of a transaction that is open at the first start become visible later, and are handled.
func TestStartNewest_openTransaction(t *testing.T) {
	c := startCluster(t, 0, topic("in", 1), topic("out", 1))
	c.send("in", 0, 10, 1)
	cl := c.client(kgo.TransactionalID("sender"))
	defer cl.Close()
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(t.Context(), record("in", "key", "10")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	c.work(c.newest("worker"), pass()).isReady()
	if err := cl.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	c.send("in", 11, 1, 1)
	c.expectHandled(10, 2)
}

// A group whose offsets brokers have forgotten does not skip what they missed: its table tells that there
// were some.
func TestStartNewest_forgottenOffsets(t *testing.T) {
	c := startCluster(t, 0, topic("in", 1), topic("out", 1))
	w := c.work(c.newest("worker"), counter("count", "in")).isReady()
	c.send("in", 0, 10, 5)
	c.waitForOutputs(10)
	w.end()
	cl := c.client()
	defer cl.Close()
	if _, err := kadm.NewClient(cl).DeleteGroups(t.Context(), "count"); err != nil {
		t.Fatal(err)
	}
	w = c.work(c.newest("worker"), counter("count", "in"))
	expectError(t, w.wait(), "group count has no offset in partition 0", "count-table has rows")
	if at, is := c.committed("count").Lookup("in", 0); is && at.At >= 0 {
		t.Errorf("the group begins at %d", at.At)
	}
}
