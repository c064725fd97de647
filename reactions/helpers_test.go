package reactions_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/kafka"
	"refold/kafka/local"
	"refold/processors"
	"refold/processors/accounts"
	"refold/reactions"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	partitions = 3
	prefix     = "shop."
	patience   = time.Minute
)

type event = reactions.Event[accounts.Event]

// world is a cluster, and what happens to accounts in it.
type world struct {
	*testing.T
	ctx     context.Context
	cluster *local.Cluster
	client  *kgo.Client
	opened  *processors.Opened
	rows    map[string][]byte // of accounts
	sent    *sent
}

func newWorld(t *testing.T) *world {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	hook := reactions.Reaction{Name: "hook"}
	cluster, err := local.Start(local.Options{
		Topics: []kafka.TopicSpec{
			{Name: prefix + "account-events", Partitions: partitions},
			{Name: prefix + "dead-letters", Partitions: 1},
			{Name: prefix + "dead-letters-settled", Partitions: 1},
			{Name: hook.ReplayTopic(prefix), Partitions: partitions},
		},
		Kafka: []kfake.Opt{kfake.GroupMinSessionTimeout(100 * time.Millisecond)},
	})
	w := &world{T: t, ctx: ctx, cluster: cluster, rows: make(map[string][]byte), sent: newSent()}
	w.must(err)
	t.Cleanup(func() { w.must(cluster.Close()) })
	w.client, err = w.settings().Client()
	w.must(err)
	t.Cleanup(w.client.Close)
	registry, err := codecs.NewRegistry(codecs.RegistrySettings{
		URLs: []string{cluster.RegistryURL()}, Mode: codecs.Register,
	})
	w.must(err)
	t.Cleanup(registry.Close)
	definitions, err := processors.Define(accounts.Definition)
	w.must(err)
	w.opened, err = definitions.Open(registry)
	w.must(err)
	w.must(w.opened.Prepare(ctx))
	return w
}

func (w *world) settings() kafka.Settings {
	return kafka.Settings{
		Brokers: w.cluster.Brokers(), HeartbeatInterval: 100 * time.Millisecond,
		SessionTimeout: time.Second, RebalanceTimeout: 5 * time.Second,
	}
}

// hook is a reaction that begins with the first event there ever was.
func hook(send func(context.Context, event) error) reactions.Reaction {
	return reactions.Reaction{
		Name: "hook", From: reactions.To(accounts.Definition, send), StartAtOldest: true,
	}
}

// running is a reaction that runs.
type running struct {
	*reactions.Runner

	stop func() // and waits for the end
}

// run runs a reaction until stop is called, or the test ends.
func (w *world) run(r reactions.Reaction, change func(*reactions.Options)) running {
	w.Helper()
	o := reactions.Options{
		Aggregates: w.opened.Aggregates, Kafka: w.settings(), TopicPrefix: prefix, Version: "1.2.3",
		LeastBackoff: time.Millisecond, MostBackoff: 10 * time.Millisecond,
		Grace: time.Second, UnreadyAfter: time.Nanosecond, Logger: w.logger(),
	}
	if change != nil {
		change(&o)
	}
	runner, err := reactions.New(r, o)
	w.must(err)
	ctx, cancel := context.WithCancel(w.ctx)
	ended := make(chan error, 1)
	go func() { ended <- runner.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		w.must(<-ended)
	})
	w.Cleanup(stop)
	return running{runner, stop}
}

// deposits opens an account if there is none, and has so many deposits happen to it.
func (w *world) deposits(id string, n int) {
	w.Helper()
	if w.rows[id] == nil {
		w.does(id, accounts.OpenAccount{Owner: "Alice", Currency: "EUR"})
		n--
	}
	for range n {
		w.does(id, accounts.DepositMoney{Amount: 5, Currency: "EUR"})
	}
}

func (w *world) does(id string, command any) {
	w.Helper()
	handled, err := w.opened.Aggregates[0].History.Handle(w.rows[id], command, eventsourcing.Metadata{
		ID: fmt.Sprintf("command-%s-%d", id, len(w.sent.keys())), Subject: id, CorrelationID: "shopping",
		Time:        time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC),
		Traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	}, 0)
	w.must(err)
	w.rows[id] = handled.Row
	for _, e := range handled.Events {
		r := &kgo.Record{Topic: prefix + "account-events", Key: []byte(id), Value: e.Value}
		for name, value := range codecs.Headers(e.Metadata) {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: name, Value: value})
		}
		w.must(w.client.ProduceSync(w.ctx, r).FirstErr())
	}
}

// keysOf returns the keys of an account's events.
func keysOf(id string, from, to int) (all []string) {
	for i := from; i <= to; i++ {
		all = append(all, fmt.Sprintf("hook/%s/%d", id, i))
	}
	return all
}

// ids are accounts of all partitions: the first is of partition 0, and so on.
func ids() (all []string) {
	for p := range int32(partitions) {
		for i := 0; len(all) == int(p); i++ {
			if id := fmt.Sprint("account-", i); kafka.Partition([]byte(id), partitions) == p {
				all = append(all, id)
			}
		}
	}
	return all
}

// until waits for a condition.
func (w *world) until(what string, is func() bool) {
	w.Helper()
	for !is() {
		if !kafka.Sleep(w.ctx, 5*time.Millisecond) {
			w.Fatalf("waited in vain until %s; sent are %v", what, w.sent.keys())
		}
	}
}

// all waits until events with these keys, and no others, were sent, in any order.
func (w *world) all(want ...string) {
	w.Helper()
	want = slices.Sorted(slices.Values(want))
	w.until(fmt.Sprintf("%v are sent", want), func() bool { return len(w.sent.keys()) >= len(want) })
	w.same("keys", slices.Sorted(slices.Values(w.sent.keys())), want)
}

func (w *world) same(what string, got, want any) {
	w.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		w.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func (w *world) logger() *slog.Logger { return slog.New(slog.DiscardHandler) }

// offsets returns what the reaction's group has committed.
func (w *world) offsets() map[kafka.TopicPartition]int64 {
	w.Helper()
	committed, err := kadm.NewClient(w.client).FetchOffsets(w.ctx, "shop.reaction-hook")
	if !errors.Is(err, kerr.GroupIDNotFound) {
		w.must(err)
	}
	all := make(map[kafka.TopicPartition]int64)
	committed.Each(func(o kadm.OffsetResponse) {
		all[kafka.TopicPartition{Topic: o.Topic, Partition: o.Partition}] = o.At
	})
	return all
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// sent are the keys of what a receiver got, in their order.
type sent struct {
	mu  sync.Mutex
	all []string
}

func newSent() *sent { return &sent{} }

func (s *sent) add(e event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, e.Key)
}

func (s *sent) keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all)
}

// of returns the keys of an account.
func (s *sent) of(id string) []string {
	return slices.DeleteFunc(s.keys(), func(key string) bool {
		return !strings.HasPrefix(key, "hook/"+id+"/")
	})
}

// line is a network that can be cut.
type line struct {
	mu    sync.Mutex
	cut   bool
	conns []net.Conn
}

func (l *line) dial(ctx context.Context, network, address string) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		return nil, errors.New("the line is cut")
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, address)
	l.conns = append(l.conns, conn)
	return conn, err
}

func (l *line) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	for _, conn := range l.conns {
		if conn != nil {
			_ = conn.Close()
		}
	}
}
