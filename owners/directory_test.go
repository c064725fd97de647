package owners

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"refold/kafka"
	"refold/kafka/local"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func startCluster(t *testing.T) *local.Cluster {
	t.Helper()
	cluster, err := local.Start(local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Close() })
	return cluster
}

// quick are limits under which a test sees in a second what takes minutes.
var quick = Limits{
	Interval: 100 * time.Millisecond, Fresh: 2 * time.Second, RestartPauseMin: 10 * time.Millisecond,
	RestartPauseMax: 50 * time.Millisecond, Timeout: 2 * time.Second,
}

// pod is a directory that runs; stop ends it as a pod that stops does.
type pod struct {
	*Directory

	stop func()
}

func startPod(t *testing.T, cluster *local.Cluster, instance string, change ...func(*Options)) pod {
	t.Helper()
	o := Options{
		Kafka: kafka.Settings{Brokers: cluster.Brokers()}, Topic: Topic("shop.", 1), Create: true,
		Instance: instance, Address: instance + ":80", Limits: quick, Logger: slog.New(slog.DiscardHandler),
	}
	for _, f := range change {
		f(&o)
	}
	d, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.Run(ctx)
	}()
	stop := sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(stop)
	return pod{d, stop}
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for !is() {
		if !kafka.Sleep(ctx, 5*time.Millisecond) {
			t.Fatalf("it never came: %s", what)
		}
	}
}

// sees reports whether d takes the instance for the owner; empty: nobody.
func (p pod) sees(group string, partition int32, instance string) func() bool {
	return func() bool {
		owner, known := p.Owner(group, partition)
		return owner.Instance == instance && known == (instance != "")
	}
}

func TestPodsTellEachOtherWhatTheyOwn(t *testing.T) {
	cluster := startCluster(t)
	registry := prometheus.NewRegistry()
	a := startPod(t, cluster, "a", func(o *Options) { o.Metrics = NewMetrics(registry) })
	b := startPod(t, cluster, "b")

	a.Hold("accounts", 1, []int32{1, 0})
	b.Hold("orders", 1, []int32{0})
	eventually(t, "b sees a", b.sees("accounts", 0, "a"))
	eventually(t, "a sees b", a.sees("orders", 0, "b"))

	owner, _ := b.Owner("accounts", 1)
	if owner.Address != "a:80" || owner.Generation != 1 || owner.Here || owner.Since.IsZero() {
		t.Errorf("b has %+v", owner)
	}
	if owner, _ := a.Owner("accounts", 1); owner.Address != "a:80" || !owner.Here || !a.Holds("accounts", 1) {
		t.Errorf("a has %+v of itself", owner)
	}
	var listed []string
	for _, p := range b.Pods() {
		listed = append(listed, p.Group+" "+p.Instance)
	}
	if !slices.Equal(listed, []string{"accounts a", "orders b"}) {
		t.Errorf("b lists %v", listed)
	}
	if b.Holds("accounts", 1) || a.Holds("accounts", 2) || !b.Holds("orders", 0) {
		t.Error("a pod holds what Hold gave it, and nothing else")
	}

	// Partition 1 moves to b.
	a.Hold("accounts", 2, []int32{0})
	b.Hold("accounts", 2, []int32{1})
	eventually(t, "a sees b", a.sees("accounts", 1, "b"))

	// b stops, and takes its announcements back.
	b.stop()
	eventually(t, "a sees nobody", a.sees("accounts", 1, ""))
	if n, err := testutil.GatherAndCount(registry, "refold_owners_announced"); err != nil || n != 1 {
		t.Errorf("%d gauges, %v", n, err)
	}
}

// A pod that comes late finds those who were there; what a dead pod has left does not count for long.
func TestLateAndDeadPods(t *testing.T) {
	cluster := startCluster(t)
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.Brokers()...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := kafka.Ensure(t.Context(), client, []kafka.TopicSpec{Topic("shop.", 1)}); err != nil {
		t.Fatal(err)
	}
	leave := func(instance string, generation int32, at time.Time) {
		value, err := (&announcement{instance + ":80", generation, []int32{0}, at, at}).encode()
		if err != nil {
			t.Fatal(err)
		}
		if err := client.ProduceSync(t.Context(), &kgo.Record{
			Topic: "shop.owners", Key: []byte("accounts/" + instance), Value: value,
		}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	leave("dead", 9, time.Now().Add(-time.Hour))
	leave("killed", 5, time.Now())
	a := startPod(t, cluster, "a")
	eventually(t, "a has read the topic", func() bool { return a.Ready() == nil })
	if !a.sees("accounts", 0, "killed")() {
		t.Error("a pod that has just announced itself is not found")
	}
	eventually(t, "a sees nobody", a.sees("accounts", 0, ""))
	// An earlier life of a has left something; a holds nothing, and takes it back.
	leave("a", 3, time.Now())
	eventually(t, "the topic ends in a tombstone of a", func() bool {
		return lastOf(t, cluster, "accounts/a") == ""
	})
}

// lastOf returns the last value of a key in the topic.
func lastOf(t *testing.T, cluster *local.Cluster, key string) string {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.Brokers()...), kgo.ConsumeTopics("shop.owners"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(t.Context(), "shop.owners")
	end, err := kafka.OffsetOf("shop.owners", 0)(ends, err)
	if err != nil {
		t.Fatal(err)
	}
	last := ""
	for next := int64(0); next < end; {
		for _, r := range client.PollFetches(t.Context()).Records() {
			if next = r.Offset + 1; string(r.Key) == key {
				last = string(r.Value)
			}
		}
	}
	return last
}

// The higher generation counts, also if it is another pod's; between equals this pod believes itself.
func TestTwoPodsThatBelieveToOwn(t *testing.T) {
	cluster := startCluster(t)
	a, b := startPod(t, cluster, "a"), startPod(t, cluster, "b")
	a.Hold("accounts", 7, []int32{0})
	b.Hold("accounts", 7, []int32{0})
	eventually(t, "both know of each other", func() bool { return len(a.Pods()) == 2 && len(b.Pods()) == 2 })
	if !a.sees("accounts", 0, "a")() || !b.sees("accounts", 0, "b")() {
		t.Error("of one generation, each believes itself")
	}
	b.Hold("accounts", 8, []int32{0})
	eventually(t, "a sees b", a.sees("accounts", 0, "b"))
	if !a.Holds("accounts", 0) {
		t.Error("a still holds what nobody has taken from it")
	}
	refused, _ := a.Owner("accounts", 0)
	a.Misled("accounts", 0, refused)
	if !a.sees("accounts", 0, "a")() {
		t.Error("b has refused, and a holds the partition, but does not say so")
	}
	eventually(t, "a hears of b again", a.sees("accounts", 0, "b"))
}

// Hold returns at once while no broker answers. What it said is announced when one does.
func TestHoldDoesNotWaitForBrokers(t *testing.T) {
	cluster := startCluster(t)
	refused := cluster.Kafka().Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.Metadata}, Err: kerr.ClusterAuthorizationFailed, Count: -1,
	})
	a, b := startPod(t, cluster, "a"), startPod(t, cluster, "b")
	a.Hold("accounts", 1, []int32{0})
	if a.Ready() == nil {
		t.Error("a is ready, and can't have read the topic")
	}
	refused.Remove()
	eventually(t, "b sees a", b.sees("accounts", 0, "a"))
	eventually(t, "a follows", func() bool { return a.Ready() == nil })
}

// Faults of the brokers end; the directory goes on by itself.
func TestDirectorySurvivesFaults(t *testing.T) {
	for name, fault := range map[string]struct {
		request kmsg.Key
		answer  *kerr.Error
	}{
		"reading is refused":  {kmsg.Fetch, kerr.TopicAuthorizationFailed},
		"a batch is damaged":  {kmsg.Fetch, kerr.CorruptMessage},
		"writing is refused":  {kmsg.Produce, kerr.TopicAuthorizationFailed},
		"offsets are refused": {kmsg.ListOffsets, kerr.TopicAuthorizationFailed},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := startCluster(t)
			a, b := startPod(t, cluster, "a"), startPod(t, cluster, "b")
			a.Hold("accounts", 1, []int32{0})
			eventually(t, "b sees a", b.sees("accounts", 0, "a"))
			broken := cluster.Kafka().Fault(kfake.Fault{
				Keys: []kmsg.Key{fault.request}, Topic: "shop.owners", Err: fault.answer, Count: -1,
			})
			a.Hold("accounts", 2, []int32{1})
			if name != "offsets are refused" { // which nobody asks for while all is well
				eventually(t, "a notices it", func() bool { return a.Ready() != nil })
			}
			broken.Remove()
			eventually(t, "b sees a", b.sees("accounts", 1, "a"))
			eventually(t, "a follows", func() bool { return a.Ready() == nil })
		})
	}
}

// The topic is deleted, and made again by the first pod that misses it. Under its name is another topic then,
// which an old client may not notice.
func TestTopicThatIsMadeAgain(t *testing.T) {
	cluster := startCluster(t)
	a, b := startPod(t, cluster, "a"), startPod(t, cluster, "b")
	a.Hold("accounts", 1, []int32{0})
	b.Hold("orders", 1, []int32{0})
	eventually(t, "b sees a", b.sees("accounts", 0, "a"))
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.Brokers()...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := kadm.NewClient(client).DeleteTopic(t.Context(), "shop.owners"); err != nil {
		t.Fatal(err)
	}
	a.Hold("accounts", 2, []int32{1})
	b.Hold("orders", 2, []int32{1})
	eventually(t, "b sees a", b.sees("accounts", 1, "a"))
	eventually(t, "a sees b", a.sees("orders", 1, "b"))
}

func TestOptionsAreChecked(t *testing.T) {
	good := Options{
		Topic: Topic("", 1), Instance: "a", Address: "a:80", Logger: slog.New(slog.DiscardHandler),
	}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Options){
		"no topic":                 func(o *Options) { o.Topic.Name = "" },
		"no logger":                func(o *Options) { o.Logger = nil },
		"no instance":              func(o *Options) { o.Instance = "" },
		"an instance with a slash": func(o *Options) { o.Instance = "a/b" },
		"an address without port":  func(o *Options) { o.Address = "a" },
		"fresh for no time":        func(o *Options) { o.Limits.Fresh = time.Second },
		"a negative limit":         func(o *Options) { o.Limits.Skew = -1 },
	} {
		o := good
		change(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

var errTest = errors.New("test")

func TestMetricsMayBeMissing(*testing.T) {
	var none *Metrics
	none.announced(errTest)
	none.received()
	none.misled("accounts")
	none.attach(nil)
}
