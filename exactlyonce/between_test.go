package exactlyonce_test

import (
	"context"
	"errors"
	"testing"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"

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
			func(_ context.Context, rows exactlyonce.Rows) error {
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
			func(_ context.Context, rows exactlyonce.Rows) error { return rows.Delete("key-000") })
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
