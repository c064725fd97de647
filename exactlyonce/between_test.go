package exactlyonce_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"
	"github.com/twmb/franz-go/pkg/kmsg"

	"refold/exactlyonce"
	"refold/kafka"
)

// tenant is a worker whose sessions can be had.
type tenant struct {
	*worker
	sessions chan exactlyonce.Session
}

// tenant starts a worker. Only one that is asked for its sessions may have more than a few.
func (c *cluster) tenant(
	cfg exactlyonce.Config, gg *goka.GroupGraph,
) *tenant {
	c.t.Helper()
	sessions := make(chan exactlyonce.Session, 100)
	cfg.Background = func(ctx context.Context, s exactlyonce.Session) {
		sessions <- s
		<-ctx.Done()
	}
	return &tenant{c.work(cfg, gg), sessions}
}

// session waits for the worker's next session that has partitions.
func (w *tenant) session() exactlyonce.Session {
	w.t.Helper()
	for {
		var s exactlyonce.Session
		eventually(w.t, "a session begins", func() bool {
			select {
			case s = <-w.sessions:
				return true
			default:
				return false
			}
		})
		if len(s.Partitions()) > 0 {
			return s
		}
	}
}

// home is the partition of a key of the counter's, of which there are four.
func home(key string) int32 { return kafka.Partition([]byte(key), 4) }

// setCount writes a row of a counter between two transactions.
func setCount(t *testing.T, s exactlyonce.Session, key string, count int) error {
	t.Helper()
	return s.Between(t.Context(), home(key),
		func(_ context.Context, rows exactlyonce.RowWriter) error {
			return rows.Set(key, []byte(strconv.Itoa(count)))
		})
}

// rowsOf are the rows of a topic's table, as a reader of what is committed sees them.
func (c *cluster) rowsOf(table string) map[string]string {
	c.t.Helper()
	rows := make(map[string]string)
	for _, records := range c.read(table) {
		for _, r := range records {
			if r.Value == nil {
				delete(rows, string(r.Key))
			} else {
				rows[string(r.Key)] = string(r.Value)
			}
		}
	}
	return rows
}

// expectRow checks a row of a store.
func expectRow(t *testing.T, table storage.Storage, key, want string) {
	t.Helper()
	got, err := table.Get(key)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("the row of %s is %q; want %q", key, got, want)
	}
}

// What is written between two transactions is in the topic and in the store when Between returns, and
// records go on from there (G3, G4).
func TestBetween(t *testing.T) {
	versions(t, func(t *testing.T, version int16) {
		t.Helper()
		c := startCluster(t, version, topic("in", 4), topic("out", 3))
		c.send("in", 0, 300, 20)
		w := c.tenant(c.config("worker"), counter("count", "in"))
		c.waitForOutputs(300)
		s := w.session()
		err := s.Between(t.Context(), home("key-000"),
			func(_ context.Context, rows exactlyonce.RowWriter) error {
				before, err := rows.Get("key-000")
				if string(before) != "15" || err != nil {
					t.Errorf("the row is %q, %v", before, err)
				}
				return errors.Join(rows.Set("key-000", []byte("1000")), rows.Delete("gone"))
			})
		if err != nil {
			t.Fatal(err)
		}
		table, err := s.Table(home("key-000"))
		if err != nil {
			t.Fatal(err)
		}
		expectRow(t, table, "key-000", "1000")
		if got := c.rowsOf("count-table")["key-000"]; got != "1000" {
			t.Errorf("the topic has %q", got)
		}
		c.send("in", 300, 20, 20)
		c.waitForOutputs(320)
		expectRow(t, table, "key-000", "1001")
		err = s.Between(t.Context(), home("key-000"),
			func(_ context.Context, rows exactlyonce.RowWriter) error { return rows.Delete("key-000") })
		if err != nil {
			t.Fatal(err)
		}
		expectRow(t, table, "key-000", "")
		if got, is := c.rowsOf("count-table")["key-000"]; is {
			t.Errorf("the topic has %q", got)
		}
		w.isReady().end()
		c.checkOffsets("count", "in")
	})
}

// Callers have their turns one after the other, and records theirs in between, however many callers
// there are: no update of either is lost.
func TestBetween_queue(t *testing.T) {
	c := startCluster(t, 0, topic("in", 4), topic("out", 3))
	c.send("in", 0, 20, 20)
	w := c.tenant(c.config("worker"), counter("count", "in"))
	c.waitForOutputs(20)
	s := w.session()
	var callers sync.WaitGroup
	var turns, inTurn atomic.Int32
	stop := make(chan struct{})
	add := func(_ context.Context, rows exactlyonce.RowWriter) error {
		if inTurn.Add(1) > 1 {
			t.Error("two callers have their turns at once")
		}
		defer inTurn.Add(-1)
		before, err := rows.Get("key-000")
		if err != nil {
			return err
		}
		count, err := strconv.Atoi(string(before))
		turns.Add(1)
		return errors.Join(err, rows.Set("key-000", []byte(strconv.Itoa(count+1000))))
	}
	for range 3 {
		callers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := s.Between(t.Context(), home("key-000"), add); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	c.send("in", 20, 80, 20)
	c.waitForOutputs(100)
	close(stop)
	callers.Wait()
	want := strconv.Itoa(int(5 + 1000*turns.Load()))
	if got := c.rowsOf("count-table")["key-000"]; got != want {
		t.Errorf("the row is %q; five records and %d turns make it %q", got, turns.Load(), want)
	}
	w.isReady().end()
	c.checkOffsets("count", "in")
}

// Who has handled nothing yet may write, too: the group's offsets come with the rows, of all inputs of
// the partition and of no other. Without them the worker would not start again (see checkInputs), and
// nothing would fence it (G5).
func TestBetween_firstOffsets(t *testing.T) {
	versions(t, func(t *testing.T, version int16) {
		t.Helper()
		c := startCluster(t, version, topic("in", 4), topic("more", 4), topic("out", 3))
		w := c.tenant(c.config("worker"), counter("count", "in", "more"))
		if err := setCount(t, w.session(), "key-000", 7); err != nil {
			t.Fatal(err)
		}
		w.isReady().end()
		offsets := c.committed("count")
		for _, input := range []string{"in", "more"} {
			for p := range int32(4) {
				at, is := offsets.Lookup(input, p)
				if want := p == home("key-000"); is != want || at.At != 0 {
					t.Errorf("%s/%d is committed: %v, to %d", input, p, is, at.At)
				}
			}
		}
		c.send("in", 0, 20, 20)
		again := c.work(c.config("worker"), counter("count", "in", "more"))
		c.waitForOutputs(20)
		again.end()
		if got := c.rowsOf("count-table")["key-000"]; got != "8" {
			t.Errorf("the row is %q", got)
		}
	})
}

// What fn makes of it: its error, its panic, the end of its time or of its caller's patience come back,
// nothing is written, and no transaction is made. Records go on.
func TestBetween_nothingWritten(t *testing.T) {
	c := startCluster(t, 0, topic("in", 4), topic("out", 3))
	cfg := c.config("worker")
	cfg.BetweenTimeout = 200 * time.Millisecond
	cfg.BatchBytes = 1 << 20
	c.send("in", 0, 20, 20)
	w := c.tenant(cfg, counter("count", "in"))
	c.waitForOutputs(20)
	s := w.session()
	bored, leave := context.WithCancel(t.Context())
	enough := errors.New("enough")
	for name, test := range map[string]struct {
		ctx  context.Context //nolint:containedctx // the caller's
		fn   func(context.Context, exactlyonce.RowWriter) error
		says string
	}{
		"error": {t.Context(), func(_ context.Context, rows exactlyonce.RowWriter) error {
			return errors.Join(rows.Set("key-000", []byte("1")), enough)
		}, "enough"},
		"panic": {t.Context(), func(_ context.Context, rows exactlyonce.RowWriter) error {
			_ = rows.Set("key-000", []byte("1"))
			panic("oh")
		}, "panic: oh"},
		"too long": {t.Context(), func(ctx context.Context, rows exactlyonce.RowWriter) error {
			_ = rows.Set("key-000", []byte("1"))
			<-ctx.Done()
			if _, err := rows.Get("key-000"); err == nil {
				t.Error("rows can be read when the time is over")
			}
			return nil
		}, "BetweenTimeout"},
		"cancelled": {bored, func(ctx context.Context, rows exactlyonce.RowWriter) error {
			leave()
			<-ctx.Done()
			return rows.Set("key-000", []byte("1"))
		}, "canceled"},
		"too much": {t.Context(), func(_ context.Context, rows exactlyonce.RowWriter) error {
			return rows.Set("key-000", make([]byte, 1<<20))
		}, exactlyonce.ErrRefused.Error()},
		"nil": {t.Context(), func(_ context.Context, rows exactlyonce.RowWriter) error {
			return rows.Set("key-000", nil)
		}, "delete the row instead"},
		"nothing": {t.Context(), func(context.Context, exactlyonce.RowWriter) error { return nil }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			ended := c.wire.count("worker", kmsg.EndTxn.Int16())
			err := s.Between(test.ctx, home("key-000"), test.fn)
			if test.says != "" {
				expectError(t, err, test.says)
			} else if err != nil {
				t.Error(err)
			}
			if c.wire.count("worker", kmsg.EndTxn.Int16()) != ended {
				t.Error("a transaction was made")
			}
		})
	}
	if err := s.Between(bored, 0, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who has gone is told %v", err)
	}
	expectError(t, s.Between(t.Context(), 9, nil), "partition 9", "not this worker's")
	c.send("in", 20, 20, 20)
	c.waitForOutputs(40)
	w.isReady().end()
	c.checkCounter("count", "in")
}
