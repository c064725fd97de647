package reactions_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
	"refold/processors"
	"refold/processors/accounts"
	"refold/processors/deadletters"
	"refold/reactions"
)

// Each event is sent once, and those of an aggregate in order, however often the process ends and begins.
func TestOnceAndInOrder(t *testing.T) {
	w := newWorld(t)
	var want []string
	for _, id := range ids() {
		w.deposits(id, 8)
		want = append(want, keysOf(id, 1, 8)...)
	}
	send := func(_ context.Context, e event) error {
		w.sent.add(e)
		return nil
	}
	for n := 6; n <= len(want); n += 6 {
		r := w.run(hook(send), func(o *reactions.Options) { o.Records = 2 })
		w.until("some more are sent", func() bool { return len(w.sent.keys()) >= n })
		r.stop()
	}
	w.all(want...)
	for _, id := range ids() {
		w.same("order", w.sent.of(id), keysOf(id, 1, 8))
	}
}

// Events that were not sent when a partition moves to another process are sent there, and none twice.
func TestPartitionsMove(t *testing.T) {
	w := newWorld(t)
	var want []string
	send := func(_ context.Context, e event) error {
		w.sent.add(e)
		return nil
	}
	one := w.run(hook(send), nil)
	for i, id := range ids() {
		w.deposits(id, 5)
		want = append(want, keysOf(id, 1, 5)...)
		if i == 0 {
			w.run(hook(send), nil)
		}
	}
	w.all(want...)
	one.stop()
	for _, id := range ids() {
		w.deposits(id, 5)
		want = append(want, keysOf(id, 6, 10)...)
	}
	w.all(want...)
}

// A process that dies after it has sent, and before it has committed, leaves an event that is sent again,
// under the same key.
func TestKilledBetweenSendingAndCommitting(t *testing.T) {
	w := newWorld(t)
	id := ids()[1]
	w.deposits(id, 4)
	wire := &line{}
	dying := w.run(hook(func(_ context.Context, e event) error {
		w.sent.add(e)
		if strings.HasSuffix(e.Key, "/3") {
			wire.end()
		}
		return nil
	}), func(o *reactions.Options) {
		o.Kafka.Dial, o.Grace = wire.dial, 10*time.Millisecond
	})
	w.until("the third is sent", func() bool { return slices.Contains(w.sent.keys(), "hook/"+id+"/3") })
	dying.stop()
	first := w.sent.of(id)
	w.run(hook(func(_ context.Context, e event) error {
		w.sent.add(e)
		return nil
	}), nil)
	w.until("all are sent", func() bool {
		all := w.sent.of(id)
		return all[len(all)-1] == "hook/"+id+"/4" && len(all) > len(first)
	})
	again := w.sent.of(id)[len(first):]
	if !slices.Contains(first, "hook/"+id+"/3") || !slices.Contains(again, "hook/"+id+"/3") {
		t.Errorf("sent were %v, and then %v", first, again)
	}
	all := slices.Concat(first, again)
	w.same("keys", slices.Compact(slices.Sorted(slices.Values(all))), keysOf(id, 1, 4))
}

// By default, a reaction begins with what happens after its first start, even if its process is away
// meanwhile.
func TestStartAtNewest(t *testing.T) {
	w := newWorld(t)
	id := ids()[0]
	w.deposits(id, 3)
	r := hook(func(_ context.Context, e event) error {
		w.sent.add(e)
		return nil
	})
	r.StartAtOldest = false
	first := w.run(r, nil)
	w.until("it has begun", func() bool { return w.committed() == partitions })
	first.stop()
	w.deposits(id, 2)
	w.run(r, nil)
	w.all(keysOf(id, 4, 5)...)
}

// A reaction may begin with the events since some time.
func TestStartAtATime(t *testing.T) {
	w := newWorld(t)
	id := ids()[0]
	w.deposits(id, 2)
	r := hook(func(_ context.Context, e event) error {
		w.sent.add(e)
		return nil
	})
	var last *kgo.Record
	_, err := kafka.ReadPartitionBy(w.ctx, w.client, kafka.Range{Topic: prefix + "account-events"},
		func(records []*kgo.Record, _ kafka.Progress) error {
			for _, r := range records {
				last = &kgo.Record{Timestamp: r.Timestamp}
			}
			return nil
		})
	w.must(err)
	w.until("time has passed", func() bool {
		return time.Now().After(last.Timestamp.Add(2 * time.Millisecond))
	})
	r.StartAtOldest, r.StartAt = false, last.Timestamp.Add(time.Millisecond)
	w.deposits(id, 2)
	w.run(r, nil)
	w.all(keysOf(id, 3, 4)...)
}

// committed returns how many partitions of the events have offsets.
func (w *world) committed() int {
	w.Helper()
	n := 0
	for at := range w.offsets() {
		if at.Topic == prefix+"account-events" {
			n++
		}
	}
	return n
}

// A slow receiver holds its partition up, and no other one. A fault is tried again until it is none.
func TestFaultsHoldTheirPartitionOnly(t *testing.T) {
	w := newWorld(t)
	all := ids()
	for _, id := range all {
		w.deposits(id, 3)
	}
	var away atomic.Bool
	away.Store(true)
	metrics := prometheus.NewRegistry()
	r := w.run(hook(func(_ context.Context, e event) error {
		if e.Subject == all[0] && away.Load() {
			return reactions.After(time.Millisecond, errors.New("nobody answers"))
		}
		w.sent.add(e)
		return nil
	}), func(o *reactions.Options) { o.Metrics = reactions.NewMetrics(metrics) })
	w.until("the others are sent", func() bool { return len(w.sent.keys()) == 6 })
	w.until("it is not ready", func() bool { return r.Ready() != nil })
	if err := r.Ready(); !strings.Contains(err.Error(), "account-events/0: nobody answers") {
		t.Errorf("the error is %v", err)
	}
	w.same("sent of the first", len(w.sent.of(all[0])), 0)
	away.Store(false)
	w.until("all are sent", func() bool { return len(w.sent.keys()) == 9 })
	w.same("order", w.sent.of(all[0]), keysOf(all[0], 1, 3))
	w.until("it is ready", func() bool { return r.Ready() == nil })
	w.must(testutil.GatherAndCompare(metrics, strings.NewReader(
		"# HELP refold_reaction_sent_total Events that reactions have sent.\n"+
			"# TYPE refold_reaction_sent_total counter\nrefold_reaction_sent_total{reaction=\"hook\"} 9\n"),
		"refold_reaction_sent_total"))
	if n, err := testutil.GatherAndCount(metrics, "refold_reaction_again_total"); n != 1 || err != nil {
		t.Errorf("again: %d, %v", n, err)
	}
}

// An event that can't be sent is set aside, with why, and the next ones are sent. A replay goes to this
// reaction alone, which sends it under the key that it had.
func TestDeadLetters(t *testing.T) {
	w := newWorld(t)
	id := ids()[2]
	w.deposits(id, 5)
	var mended atomic.Bool
	w.run(hook(func(_ context.Context, e event) error {
		if !mended.Load() {
			switch e.Sequence {
			case 2:
				return reactions.Refuse(errors.New("no such customer"))
			case 3:
				panic("no such field")
			case 4:
				return errors.New("nobody answers")
			}
		}
		w.sent.add(e)
		return nil
	}), func(o *reactions.Options) { o.GiveUp = 20 * time.Millisecond })
	w.until("the last is sent", func() bool { return len(w.sent.keys()) == 2 })
	queue := w.queue()
	var reasons []string
	_, err := queue.Each(w.ctx, deadletters.Selection{}, func(l *deadletters.Letter) error {
		reasons = append(reasons, l.Group+" "+l.Reason+" "+l.Message+" "+l.Version)
		return nil
	})
	w.must(err)
	w.same("dead letters", reasons, []string{
		"shop.reaction-hook reaction-refused no such customer 1.2.3",
		"shop.reaction-hook reaction-panic panic: no such field 1.2.3",
		"shop.reaction-hook reaction-gave-up nobody answers 1.2.3",
	})
	mended.Store(true)
	_, err = queue.Settle(w.ctx, deadletters.Selection{Open: true},
		deadletters.Action{Disposition: deadletters.Replayed, By: "test", Time: time.Now()},
		func(r deadletters.Report) error { return r.Err })
	w.must(err)
	w.all(keysOf(id, 1, 5)...)
}

func (w *world) queue() *deadletters.Queue {
	w.Helper()
	options, err := w.settings().Options()
	w.must(err)
	queue, err := deadletters.Open(w.ctx, deadletters.Settings{
		Kafka: options, Names: deadletters.NamesOf(prefix), Facts: []string{prefix + "account-events"},
		RecordBytes: kafka.DefaultRecordBytes,
	})
	w.must(err)
	w.Cleanup(queue.Close)
	return queue
}

// A reaction that stops at poison holds the partition, says so, and tries again when it is started again.
func TestStop(t *testing.T) {
	w := newWorld(t)
	all := ids()
	w.deposits(all[0], 3)
	w.deposits(all[1], 3)
	var mended atomic.Bool
	send := func(_ context.Context, e event) error {
		if e.Subject == all[0] && e.Sequence == 2 && !mended.Load() {
			return reactions.Refuse(errors.New("no such customer"))
		}
		w.sent.add(e)
		return nil
	}
	stop := func(o *reactions.Options) { o.Poison = reactions.Stop }
	r := w.run(hook(send), stop)
	w.until("the others are sent, and it is not ready", func() bool {
		return len(w.sent.keys()) == 4 && r.Ready() != nil
	})
	if err := r.Ready(); !strings.Contains(err.Error(), "no such customer") {
		t.Errorf("the error is %v", err)
	}
	r.stop()
	mended.Store(true)
	w.run(hook(send), stop)
	w.all(append(keysOf(all[0], 1, 3), keysOf(all[1], 1, 3)...)...)
}

// A record that is no event is a dead letter.
func TestUndecodable(t *testing.T) {
	w := newWorld(t)
	id := ids()[0]
	w.must(w.client.ProduceSync(w.ctx, &kgo.Record{
		Topic: prefix + "account-events", Key: []byte(id), Value: []byte("?"),
	}).FirstErr())
	w.deposits(id, 1)
	w.run(hook(func(_ context.Context, e event) error {
		w.sent.add(e)
		return nil
	}), nil)
	w.all(keysOf(id, 1, 1)...)
	var reasons []string
	_, err := w.queue().Each(w.ctx, deadletters.Selection{}, func(l *deadletters.Letter) error {
		reasons = append(reasons, l.Reason)
		return nil
	})
	w.must(err)
	w.same("reasons", reasons, []string{"bad-header"})
}

// Every mistake in a definition is named.
func TestDefinitionsThatCannotBe(t *testing.T) {
	send := func(context.Context, event) error { return nil }
	good := hook(send)
	if d, err := processors.Define(accounts.Definition, good); err != nil || len(d.Reactions) != 1 {
		t.Errorf("a good definition: %+v, %v", d.Reactions, err)
	}
	bad := map[string][]processors.Definition{
		`takes events of the aggregate "account", which is not among`: {good},
		`two reactions are called "hook"`:                             {accounts.Definition, good, good},
	}
	for want, change := range map[string]func(*reactions.Reaction){
		"its name must be of lower-case letters": func(r *reactions.Reaction) { r.Name = "Send it" },
		"have 100 characters at most": func(r *reactions.Reaction) {
			r.Name = strings.Repeat("a", 101)
		},
		"From is empty":                     func(r *reactions.Reaction) { r.From = reactions.Source{} },
		"StartAtOldest and StartAt are set": func(r *reactions.Reaction) { r.StartAt = time.Now() },
	} {
		r := good
		change(&r)
		bad[want] = []processors.Definition{accounts.Definition, r}
	}
	for want, all := range bad {
		if _, err := processors.Define(all...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// So is every mistake in the options.
func TestOptionsThatCannotBe(t *testing.T) {
	w := newWorld(t)
	for want, change := range map[string]func(*reactions.Options){
		"Logger is missing":                   func(o *reactions.Options) { o.Logger = nil },
		`Poison is "drop"`:                    func(o *reactions.Options) { o.Poison = "drop" },
		"Timeout is -1ns":                     func(o *reactions.Options) { o.Timeout = -1 },
		"LeastBackoff is -1ns":                func(o *reactions.Options) { o.LeastBackoff = -1 },
		"MostBackoff is 1ns":                  func(o *reactions.Options) { o.MostBackoff = 1 },
		"GiveUp is -1ns":                      func(o *reactions.Options) { o.GiveUp = -1 },
		"AtOnce is -1":                        func(o *reactions.Options) { o.AtOnce = -1 },
		"Records is -1":                       func(o *reactions.Options) { o.Records = -1 },
		"Grace is 1m0s":                       func(o *reactions.Options) { o.Grace = time.Minute },
		"UnreadyAfter is -1ns":                func(o *reactions.Options) { o.UnreadyAfter = -1 },
		`"account", which is not among Aggre`: func(o *reactions.Options) { o.Aggregates = nil },
	} {
		o := reactions.Options{
			Aggregates: w.opened.Aggregates, Logger: w.logger(),
			Kafka: kafka.Settings{Brokers: w.cluster.Brokers()},
		}
		change(&o)
		_, err := reactions.New(hook(func(context.Context, event) error { return nil }), o)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}
