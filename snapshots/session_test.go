package snapshots_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
	"github.com/lovoo/goka/storage"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/exactlyonce"
	"refold/kafka"
	"refold/snapshots"
)

// G5: a session that was overtaken, and closes late, neither writes to the store of the session
// after it nor closes it; nor do its old rows get into the cache in front of the store.
func TestOvertakenSession(t *testing.T) {
	for name, dir := range map[string]string{"memory": "", "disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			stores := w.stores(dir)
			old := w.opened(stores)
			w.set(old, "a", "old")
			w.write("a", "new")
			current := w.opened(stores)
			for what, err := range map[string]error{
				"Commit":    old.Commit(99),
				"GetOffset": second(old.GetOffset(0)),
				"Iterator":  second(old.Iterator()),
				"Get":       second(old.Get("b")),
			} {
				if !errors.Is(err, snapshots.ErrTakenOver) {
					t.Errorf("%s of the old session says %v", what, err)
				}
			}
			if err := old.Close(); err != nil {
				t.Error(err)
			}
			w.expect(current, "a=new")
			w.set(current, "b", "1")
			if err := current.Commit(w.write("b", "1")); err != nil {
				t.Error(err)
			}
			if err := current.Close(); err != nil {
				t.Error(err)
			}
			if err := current.Commit(1); err == nil {
				t.Error("committed to a closed store")
			}
			if _, err := current.Get("a"); !errors.Is(err, snapshots.ErrClosed) {
				t.Errorf("Get of a closed store says %v", err)
			}
		})
	}
}

func second[T any](_ T, err error) error { return err }

// The engine commits and discards while Goka reads and writes: what a reader sees of a row never
// goes back to before what is committed (G4).
func TestConcurrentUse(t *testing.T) {
	for name, dir := range map[string]string{"memory": "", "disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			st := w.opened(w.stores(dir))
			const commits = 300
			stop := make(chan struct{})
			var readers sync.WaitGroup
			for range 3 {
				readers.Go(func() { w.readForwards(st, stop) })
			}
			readers.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						it, err := st.Iterator()
						if err != nil {
							t.Error(err)
							return
						}
						for n := 0; it.Next(); n++ {
							if n == 2 {
								t.Error("there are two rows")
							}
						}
						it.Release()
					}
				}
			})
			for i := range commits {
				w.set(st, "a", fmt.Sprintf("%06d", i), "b", strings.Repeat("x", i))
				if err := st.Commit(int64(i + 1)); err != nil {
					t.Fatal(err)
				}
				if i%10 == 0 {
					if err := st.Set("b", []byte("discarded")); err != nil {
						t.Fatal(err)
					}
					st.Discard()
				}
			}
			close(stop)
			readers.Wait()
		})
	}
}

func (w *world) readForwards(st *snapshots.Staged, stop chan struct{}) {
	var last []byte
	for {
		select {
		case <-stop:
			return
		default:
			value, err := st.Get("a")
			if err != nil || bytes.Compare(value, last) < 0 {
				w.Errorf("%q after %q, %v", value, last, err)
				return
			}
			last = value
		}
	}
}

// Commit and Discard at once, as when Goka closes a table in the middle: no order of the two harms.
func TestDiscardDuringCommit(t *testing.T) {
	w := newWorld(t)
	st := w.opened(w.stores(""))
	for i := range 500 {
		w.set(st, "a", "1")
		var discard sync.WaitGroup
		discard.Go(st.Discard)
		_ = st.Commit(int64(i + 1)) // an error if Discard came first
		discard.Wait()
		if st.Commit(1) == nil {
			t.Fatal("a layer is left")
		}
	}
}

// An iterator that is still open when its store is closed, or rebuilt, ends with ErrClosed.
func TestIteratorOutlivesItsStore(t *testing.T) {
	w := newWorld(t)
	w.write("a", "1", "b", "1")
	stores := w.stores(t.TempDir())
	st := w.opened(stores)
	it, err := st.Iterator()
	if err != nil {
		t.Fatal(err)
	}
	defer it.Release()
	if !it.Next() {
		t.Fatal("no row")
	}
	w.shut(stores)
	if it.Next() || it.Seek([]byte("a")) || !errors.Is(it.Err(), snapshots.ErrClosed) {
		t.Errorf("it goes on, %v", it.Err())
	}
}

// G6: group table, join, lookup and view on disk, in Goka's hands; then the same again, restarted.
func TestUnderGoka(t *testing.T) {
	w, dir, views := newWorld(t), t.TempDir(), t.TempDir()
	for _, topic := range []string{"in", "names-table", "rates-table", "group-table"} {
		if err := w.Kafka().CreateTopic(topic, 2, nil); err != nil {
			t.Fatal(err)
		}
	}
	put := func(topic, key, value string) {
		t.Helper()
		r := &kgo.Record{
			Topic: topic, Key: []byte(key), Value: []byte(value),
			Partition: kafka.Partition([]byte(key), 2),
		}
		cl := w.client(kgo.RecordPartitioner(kgo.ManualPartitioner()))
		if err := cl.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	put("names-table", "ann", "Ann")
	put("rates-table", "EUR", "2")
	for round, want := range []string{"Ann2x", "Ann2xx"} {
		tables, copies := w.stores(dir), w.stores(views)
		stop := w.run(tables, copies)
		put("in", "ann", strings.Repeat("x", round+1))
		w.eventually("the view has "+want, func() bool {
			for p := range int32(2) {
				if value, err := stop.follower(p).Get("ann"); err == nil && string(value) == want {
					return true
				}
			}
			return false
		})
		put("names-table", "bob", fmt.Sprint("Bob", round))
		w.eventually("the join follows its live tail", func() bool {
			put("in", "bob", "y")
			value, err := stop.processor.Get("bob")
			return err == nil && value == fmt.Sprint("Bob", round, "2y")
		})
		stop.all()
		w.shut(tables)
		w.shut(copies)
	}
	if w.rebuilt() != 0 {
		t.Error("a store was thrown away")
	}
}

// running is a processor and a view that run.
type running struct {
	processor *exactlyonce.Processor
	all       func()

	mu        sync.Mutex
	followers [2]*snapshots.Follower
}

func (r *running) follower(p int32) *snapshots.Follower {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.followers[p]
}

// run starts a processor over some stores and a view of its table over others.
func (w *world) run(tabs, copies *snapshots.Stores) *running {
	w.Helper()
	graph := goka.DefineGroup("group",
		goka.Input("in", new(codec.String), func(ctx goka.Context, msg any) {
			name, _ := ctx.Join("names-table").(string)
			rate, _ := ctx.Lookup("rates-table", "EUR").(string)
			ctx.SetValue(name + rate + msg.(string))
		}),
		goka.Join("names-table", new(codec.String)),
		goka.Lookup("rates-table", new(codec.String)),
		goka.Persist(new(codec.String)))
	r := new(running)
	var err error
	r.processor, err = exactlyonce.New(exactlyonce.Config{
		Kafka: w.settings(), TransactionalID: "worker", Tables: tables(tabs),
	}, graph)
	if err != nil {
		w.Fatal(err)
	}
	var open []io.Closer
	view, err := goka.NewView(w.Brokers(), "group-table", new(codec.String),
		goka.WithViewHasher(kafka.NewHasher),
		goka.WithViewStorageBuilder(func(topic string, p int32) (storage.Storage, error) {
			f, err := copies.Follower(w.Context(), topic, p, snapshots.Projection{})
			r.mu.Lock()
			defer r.mu.Unlock()
			r.followers[p] = f
			return f, err
		}),
		// Goka closes neither of these two.
		goka.WithViewConsumerSaramaBuilder(func(brokers []string, id string) (sarama.Consumer, error) {
			c, err := goka.DefaultSaramaConsumerBuilder(brokers, id)
			open = append(open, c)
			return c, err
		}),
		goka.WithViewTopicManagerBuilder(func(brokers []string) (goka.TopicManager, error) {
			m, err := goka.DefaultTopicManagerBuilder(brokers)
			open = append(open, m)
			return m, err
		}))
	if err != nil {
		w.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.Context())
	var running sync.WaitGroup
	for what, run := range map[string]func(context.Context) error{
		"processor": r.processor.Run, "view": view.Run,
	} {
		running.Go(func() {
			if err := run(ctx); err != nil {
				w.Errorf("the %s ended with %v", what, err)
			}
		})
	}
	r.all = func() {
		cancel()
		running.Wait()
		for _, c := range open {
			_ = c.Close()
		}
		open = nil
	}
	w.Cleanup(r.all)
	w.eventually("all is restored", func() bool { return r.processor.Recovered() && view.Recovered() })
	return r
}
