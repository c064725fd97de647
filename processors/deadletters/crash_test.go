package deadletters_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"refold/processors/deadletters"
)

// victim is a process that can be killed: from then on the brokers hear nothing of it any more.
type victim struct {
	mu    sync.Mutex
	dead  bool
	conns []net.Conn
}

func (v *victim) dial(ctx context.Context, network, address string) (net.Conn, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.dead {
		return nil, errors.New("dead")
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, address)
	v.conns = append(v.conns, conn)
	return conn, err
}

func (v *victim) kill() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.dead = true
	for _, conn := range v.conns {
		_ = conn.Close()
	}
}

// options are those of a client whose word dies with it at once.
func (v *victim) options(hooks ...kgo.Hook) []kgo.Opt {
	return []kgo.Opt{
		kgo.Dialer(v.dial), kgo.WithHooks(hooks...), kgo.RequestRetries(0),
		kgo.RetryTimeout(time.Millisecond), kgo.RecordRetries(1),
	}
}

// acknowledged calls a function when a topic's record is with the brokers.
type acknowledged struct {
	topic string
	then  func()
}

func (a acknowledged) OnProduceRecordUnbuffered(r *kgo.Record, err error) {
	if r.Topic == a.topic && err == nil {
		a.then()
	}
}

// G3: killed at any moment, and done again: each record went back once.
func TestKilledHalfWay(t *testing.T) {
	t.Cleanup(deadletters.ShortenCommits(3 * time.Second)) // what is in doubt is waited for
	for name, when := range map[string]func(*fixture, *victim) []kgo.Hook{
		"the record is written": func(_ *fixture, v *victim) []kgo.Hook {
			return []kgo.Hook{acknowledged{"order-commands", v.kill}}
		},
		"the marker is written": func(_ *fixture, v *victim) []kgo.Hook {
			return []kgo.Hook{acknowledged{"dead-letters-settled", v.kill}}
		},
		// The brokers have the records, perhaps; nobody will ever hear of it.
		"the records have arrived": func(d *fixture, v *victim) []kgo.Hook {
			d.cluster.Kafka().ControlKey(int16(kmsg.Produce),
				func(kmsg.Request) (kmsg.Response, error, bool) {
					v.kill()
					return nil, nil, false
				})
			return nil
		},
		// The broker does what it was told to; its answer finds nobody.
		"the word to commit has arrived": func(d *fixture, v *victim) []kgo.Hook {
			d.cluster.Kafka().ControlKey(int16(kmsg.EndTxn),
				func(kmsg.Request) (kmsg.Response, error, bool) {
					v.kill()
					return nil, nil, false
				})
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			versions(t, func(d *fixture) {
				d.put(letter(0, 1, "a"), letter(1, 2, "b"))
				v := new(victim)
				said, err := settle(d.ctx, d.open(d.settings(v.options(when(d, v)...)...)), openOnes, replay)
				if err == nil || len(said) > 0 {
					d.Fatalf("it was not killed: %v, %v", said, err)
				}
				d.settled(openOnes, replay)
				d.equal("what was replayed", d.replayed(), []string{"a", "b"})
				d.equal("again", d.settled(openOnes, replay), []string{})
			})
		})
	}
}

// Without a marker in the record's own transaction, who is killed between the two puts the record
// back once more.
func TestKilledHalfWay_reproduction(t *testing.T) {
	d := newFixture(t, 2)
	d.put(letter(0, 1, "a"))
	careless := func(killed bool) {
		said, err := settle(d.ctx, d.open(d.settings()), openOnes,
			deadletters.Action{Disposition: deadletters.Replayed, DryRun: true})
		d.must(err)
		for range said {
			cl := d.client(kgo.TransactionalID("careless"))
			for _, r := range []*kgo.Record{
				{Topic: "order-commands", Key: []byte("a")},
				{Topic: "dead-letters-settled", Key: []byte("0/0"), Value: []byte("done")},
			} {
				d.must(cl.BeginTransaction())
				d.must(cl.ProduceSync(d.ctx, r).FirstErr())
				d.must(cl.EndTransaction(d.ctx, kgo.TryCommit))
				if killed {
					return
				}
			}
		}
	}
	careless(true)
	careless(false)
	d.equal("what was replayed", d.replayed(), []string{"a", "a"})
}

// zombie stops the first of two who settle the same, after it has read the markers and before it
// writes; the second begins and ends meanwhile; then the first goes on. Each uses the transactional
// ID that it is given.
func zombie(d *fixture, first, second string) error {
	d.Helper()
	d.put(letter(0, 1, "a"), letter(1, 2, "b"))
	stands, goesOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	stop := buffered(func() {
		once.Do(func() {
			close(stands)
			<-goesOn
		})
	})
	slow, quick := d.settings(kgo.WithHooks(stop)), d.settings()
	slow.Names.TransactionalID, quick.Names.TransactionalID = first, second
	queue, ended := d.open(slow), make(chan error, 1)
	go func() {
		_, err := settle(d.ctx, queue, openOnes, replay)
		ended <- err
	}()
	<-stands
	said, err := settle(d.ctx, d.open(quick), openOnes, replay)
	d.must(err)
	d.equal("the second", said, []string{"0/0 done", "1/0 done"})
	close(goesOn)
	return <-ended
}

// buffered is called before a producer takes a record.
type buffered func()

func (b buffered) OnProduceRecordBuffered(*kgo.Record) { b() }

// G5: of two who replay the same at the same time, the later one fences the earlier.
func TestTwiceAtTheSameTime(t *testing.T) {
	versions(t, func(d *fixture) {
		id := deadletters.NamesOf("").TransactionalID
		if err := zombie(d, id, id); !errors.Is(err, deadletters.ErrTakenOver) {
			d.Errorf("the first: %v", err)
		}
		d.equal("what was replayed", d.replayed(), []string{"a", "b"})
	})
}

// With a transactional ID each, markers alone don't help: both have read that nothing is settled.
func TestTwiceAtTheSameTime_reproduction(t *testing.T) {
	versions(t, func(d *fixture) {
		d.must(zombie(d, "one", "another"))
		d.equal("what was replayed", d.replayed(), []string{"a", "a", "b", "b"})
	})
}

// The markers are read after the fence is up. Read before, they lack what somebody else settles in
// between.
func TestFenceBeforeMarkers(t *testing.T) {
	versions(t, func(d *fixture) {
		d.put(letter(0, 1, "a"), letter(1, 2, "b"))
		var held atomic.Bool
		d.cluster.Kafka().ControlKey(int16(kmsg.InitProducerID),
			func(kmsg.Request) (kmsg.Response, error, bool) {
				if held.CompareAndSwap(false, true) {
					d.cluster.Kafka().SleepControl(func() {
						d.equal("another", d.settled(openOnes, replay), []string{"0/0 done", "1/0 done"})
					})
				}
				return nil, nil, false
			})
		d.equal("nothing is left", d.settled(openOnes, replay), []string{})
		d.equal("what was replayed", d.replayed(), []string{"a", "b"})
	})
}

// A replay that is asked to stop finishes its transaction, and reports what is done.
func TestStopped(t *testing.T) {
	d := newFixture(t, 2)
	d.flood(600) // more than one transaction
	ctx, cancel := context.WithCancel(d.ctx)
	defer cancel()
	said, err := settle(ctx, d.open(d.settings(kgo.WithHooks(buffered(cancel)))), openOnes, replay)
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	d.equal("what was replayed", len(d.replayed()), len(said))
	if len(said) != 500 {
		t.Errorf("%d are done", len(said))
	}
}
