package exactlyonce_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"refold/exactlyonce"
)

// A batch of rows that the brokers do not take is an error of Between's, nothing is written, and the
// worker goes on without anybody having seen it.
func TestBetween_aborted(t *testing.T) {
	versions(t, func(t *testing.T, version int16) {
		t.Helper()
		c := startCluster(t, version, topic("in", 4), topic("out", 3))
		c.send("in", 0, 20, 20)
		w := c.tenant(c.config("worker"), counter("count", "in"))
		c.waitForOutputs(20)
		s := w.session()
		fault := c.Kafka().Fault(kfake.Fault{
			Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.UnknownServerError, Count: 1,
		})
		expectError(t, setCount(t, s, "key-000", 1000), "UNKNOWN_SERVER_ERROR")
		fault.Remove()
		expectError(t, s.Between(t.Context(), home("key-000"),
			func(_ context.Context, rows exactlyonce.RowWriter) error {
				c.send("in", 20, 20, 20) // which nobody may handle with a row that is no number
				return rows.Set("key-000", []byte(strings.Repeat("9", 2_000_000)))
			}), exactlyonce.ErrRefused.Error(), "MESSAGE_TOO_LARGE", "count-table", `"key-000"`)
		c.waitForOutputs(40)
		table, err := s.Table(home("key-000"))
		if err != nil {
			t.Fatal(err)
		}
		expectRow(t, table, "key-000", "2")
		w.isReady().end()
		c.checkCounter("count", "in")
	})
}

// When the end of the transaction gets lost, Between says that nobody knows; the next session reads what
// became of it.
func TestBetween_unknown(t *testing.T) {
	for what, answer := range map[string]bool{"request lost": false, "answer lost": true} {
		t.Run(what, func(t *testing.T) {
			c := startCluster(t, 0, topic("in", 4), topic("out", 3))
			cfg := c.config("worker")
			cfg.Kafka.TransactionTimeout = c.settings("").TransactionTimeout / 5
			c.send("in", 0, 20, 20)
			w := c.tenant(cfg, counter("count", "in"))
			c.waitForOutputs(20)
			s := w.session()
			l := c.wire.lose("worker", kmsg.EndTxn.Int16(), answer, 1_000_000)
			if err := setCount(t, s, "key-000", 1000); !errors.Is(err, exactlyonce.ErrOutcomeUnknown) {
				t.Errorf("the error is %v", err)
			}
			c.wire.stopLosing(l)
			s = w.session()
			want := map[bool]string{false: "1", true: "1000"}[answer]
			table, err := s.Table(home("key-000"))
			if err != nil {
				t.Fatal(err)
			}
			expectRow(t, table, "key-000", want)
			if got := c.rowsOf("count-table")["key-000"]; got != want {
				t.Errorf("the topic has %q; want %q", got, want)
			}
			w.isReady().end()
		})
	}
}

// A zombie has its turn when the group goes on without it, and its heir handles records of the same
// partition. What it writes then is refused by its generation (G5).
func TestBetween_zombie(t *testing.T) {
	versions(t, func(t *testing.T, version int16) {
		t.Helper()
		c, err := writeAsZombie(t, version)
		if !errors.Is(err, kerr.IllegalGeneration) && !errors.Is(err, kerr.UnknownMemberID) {
			t.Errorf("the zombie is told %v", err)
		}
		if got := c.counts("key-000"); got != "1 2 3" {
			t.Errorf("the row was %s; want 1 2 3", got)
		}
		c.checkCounter("count", "in")
	})
}

// counts is all that was committed of a row, one after the other.
func (c *cluster) counts(key string) string {
	c.t.Helper()
	var got []string
	for _, r := range c.read("count-table")[home(key)] {
		if string(r.Key) == key {
			got = append(got, string(r.Value))
		}
	}
	return strings.Join(got, " ")
}

// writeAsZombie returns what a zombie is told that writes a row as it was.
func writeAsZombie(t *testing.T, version int16) (*cluster, error) {
	t.Helper()
	c := startCluster(t, version, topic("in", 4), topic("out", 3))
	c.send("in", 0, 20, 20)
	cfg := c.config("zombie")
	cfg.Kafka.SessionTimeout, cfg.BetweenTimeout = time.Second, patience
	zombie := c.tenant(cfg, counter("count", "in"))
	c.waitForOutputs(20)
	var heir *worker
	err := zombie.session().Between(t.Context(), home("key-000"),
		func(_ context.Context, rows exactlyonce.RowWriter) error {
			before, err := rows.Get("key-000")
			c.wire.hold("zombie", kmsg.Heartbeat.Int16())
			heir = c.work(c.config("heir"), counter("count", "in"))
			c.send("in", 20, 20, 20)
			c.waitForOutputs(40)
			return errors.Join(err, rows.Set("key-000", before)) // its heir counted on meanwhile
		})
	c.wire.letPass("zombie", kmsg.Heartbeat.Int16())
	c.send("in", 40, 20, 20)
	c.waitForOutputs(60)
	zombie.isReady().end()
	heir.end()
	return c, err
}

// When a rebalance begins, or a stop, a caller that waits for its turn or has it is sent away, and nothing is
// written.
func TestBetween_sessionEnds(t *testing.T) {
	for what, end := range map[string]func(c *cluster, w *tenant){
		"rebalance": func(c *cluster, _ *tenant) {
			c.work(c.config("other"), counter("count", "in"))
		},
		"stop": func(_ *cluster, w *tenant) { w.stop() },
	} {
		t.Run(what, func(t *testing.T) {
			c := startCluster(t, 0, topic("in", 4), topic("out", 3))
			c.send("in", 0, 20, 20)
			cfg := c.config("worker")
			cfg.BetweenTimeout = patience
			w := c.tenant(cfg, counter("count", "in"))
			c.waitForOutputs(20)
			s := w.session()
			waits := make(chan error, 1)
			err := s.Between(t.Context(), home("key-000"),
				func(ctx context.Context, rows exactlyonce.RowWriter) error {
					err := rows.Set("key-000", []byte("1000"))
					go func() { waits <- setCount(t, s, "key-000", 2000) }()
					end(c, w)
					<-ctx.Done()
					return err
				})
			for _, err := range []error{err, <-waits, setCount(t, s, "key-000", 3000)} {
				if !errors.Is(err, exactlyonce.ErrSessionEnded) {
					t.Errorf("the error is %v", err)
				}
			}
			if _, err := s.Table(home("key-000")); !errors.Is(err, exactlyonce.ErrSessionEnded) {
				eventually(t, "the table is gone", func() bool {
					_, err := s.Table(home("key-000"))
					return errors.Is(err, exactlyonce.ErrSessionEnded)
				})
			}
			if what == "rebalance" {
				w.isReady()
			}
			w.end()
			c.checkCounter("count", "in")
		})
	}
}

// A rebalance that begins while rows are being committed waits for them.
func TestBetween_rebalanceWaits(t *testing.T) {
	c := startCluster(t, 0, topic("in", 4), topic("out", 3))
	w := c.tenant(c.config("worker"), counter("count", "in"))
	s := w.session()
	c.wire.hold("worker", kmsg.EndTxn.Int16())
	told := make(chan error, 1)
	go func() { told <- setCount(t, s, "key-000", 7) }()
	eventually(t, "the transaction ends", func() bool {
		return c.wire.count("worker", kmsg.EndTxn.Int16()) > 0
	})
	other := c.work(c.config("other"), counter("count", "in"))
	eventually(t, "the worker hears of the rebalance", func() bool { return w.Ready() != nil })
	c.wire.letPass("worker", kmsg.EndTxn.Int16())
	if err := <-told; err != nil {
		t.Error(err)
	}
	if got := c.rowsOf("count-table")["key-000"]; got != "7" {
		t.Errorf("the topic has %q", got)
	}
	w.isReady().end()
	other.end()
}

// A function that never looks at its context holds up its caller, and nobody else.
func TestBetween_deaf(t *testing.T) {
	c := startCluster(t, 0, topic("in", 4), topic("out", 3))
	cfg := c.config("worker")
	cfg.BetweenTimeout = 50 * time.Millisecond
	w := c.tenant(cfg, counter("count", "in"))
	var over atomic.Bool
	err := w.session().Between(t.Context(), home("key-000"),
		func(_ context.Context, rows exactlyonce.RowWriter) error {
			err := rows.Set("key-000", []byte("1000"))
			c.send("in", 0, 20, 20)
			c.waitForOutputs(20)
			over.Store(true)
			return err
		})
	expectError(t, err, "BetweenTimeout")
	if !over.Load() {
		t.Error("Between has returned before its function")
	}
	w.isReady().end()
	c.checkCounter("count", "in")
}

// Without a table there is nothing to write, and a background all the same.
func TestBetween_noTable(t *testing.T) {
	c := startCluster(t, 0, topic("in", 4))
	began := make(chan exactlyonce.Session, 1)
	cfg := c.config("worker")
	cfg.Background = func(_ context.Context, s exactlyonce.Session) { began <- s }
	w := c.work(cfg, silent("silent", "in"))
	s := <-began
	if len(s.Partitions()) > 0 {
		t.Errorf("partitions %v of no table", s.Partitions())
	}
	expectError(t, s.Between(t.Context(), 0, nil), "no group table")
	_, err := s.Table(0)
	expectError(t, err, "no group table")
	w.isReady().end()
}

// What a session is prepared with is done before its first record is handled, and tried again when it
// fails. The table can be read, and not be written to.
func TestPrepare(t *testing.T) {
	c := startCluster(t, 0, topic("in", 4), topic("out", 3))
	c.send("in", 0, 20, 20)
	var prepared, tries atomic.Int32
	cfg := c.config("worker")
	cfg.Prepare = func(_ context.Context, partitions []int32) error {
		if len(partitions) == 0 {
			return nil
		}
		if tries.Add(1) < 3 {
			return errors.New("not yet")
		}
		prepared.Store(int32(len(partitions)))
		return nil
	}
	w := c.tenant(cfg, counterWith("count", func(goka.Context) {
		if prepared.Load() != 4 {
			t.Error("a record is handled before the session is prepared")
		}
	}, "in"))
	s := w.session()
	c.waitForOutputs(20)
	table, err := s.Table(2)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		table.Set("a", nil), table.Delete("a"), table.SetOffset(1), table.Open(), table.Close(),
		table.MarkRecovered(),
	} {
		expectError(t, err, "Session.Between")
	}
	w.isReady().end()
	c.checkCounter("count", "in")
}
