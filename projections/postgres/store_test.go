//go:build system

package postgres_test

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"refold/projections"
	"refold/projections/postgres"
)

type row struct {
	ID   string `column:"id,key"`
	Text string `column:"text"`
	N    int64  `column:"n"`
	JSON any    `column:"json"`
}

// newRows returns a projection that no database has yet.
func newRows() (*projections.Projection, projections.TableOf[row]) {
	name := "rows_" + strings.ToLower(rand.Text()[:12])
	table := projections.NewTable[row](name)
	return &projections.Projection{
		Name: name + "_projection", Version: 1, Tables: projections.Tables{table.Table},
	}, table
}

// An event whose row the database refuses is poison. Were it a fault, the projection would stand still.
func TestRefusedRowsArePoison(t *testing.T) {
	store := opened(t, postgres.Options{})
	p, table := newRows()
	p.Migrations = fstest.MapFS{"1.sql": {Data: []byte(
		"CREATE UNIQUE INDEX {" + table.Name + "}_text ON {" + table.Name + "} (text);" +
			"ALTER TABLE {" + table.Name + "} ADD CHECK (n <> 13);" +
			"ALTER TABLE {" + table.Name + "} ADD COLUMN tenth smallint " +
			"GENERATED ALWAYS AS (n / 10) STORED;" +
			"ALTER TABLE {" + table.Name + "} ADD COLUMN seven boolean GENERATED ALWAYS AS " +
			"(CASE WHEN n = 7 THEN true END) STORED, ADD UNIQUE (seven) DEFERRABLE INITIALLY DEFERRED;",
	)}}
	build, at := begin(t, store, p)
	must(t, build.Write(t.Context(), batch(at, table.Put(row{ID: "a", Text: "taken", N: 7}))))
	at.Next++
	for name, refused := range map[string]row{
		"at the commit (23505)":      {ID: "b", N: 7},
		"a NUL (22021)":              {ID: "b", Text: "a\x00b"},
		"a NUL in JSON (22P05)":      {ID: "b", JSON: "a\x00b"},
		"out of range (22003)":       {ID: "b", N: 1 << 40},
		"not unique (23505)":         {ID: "b", Text: "taken"},
		"against a CHECK (23514)":    {ID: "b", N: 13},
		"too long for a key (54000)": {ID: rand.Text() + longText()},
	} {
		t.Run(name, func(t *testing.T) {
			err := build.Write(t.Context(), batch(at, table.Put(row{ID: "z", Text: "z"}), table.Put(refused)))
			poison, is := errors.AsType[*projections.Poison](err)
			if !is || poison.Reason != projections.PoisonRefused {
				t.Fatalf("the error is %v; it must be poison with the reason %s",
					err, projections.PoisonRefused)
			}
		})
	}
	must(t, build.Write(t.Context(), batch(at, table.Put(row{ID: "c", Text: "c"}))))
	found := query[string](t, store, "SELECT string_agg(id, '' ORDER BY id) FROM "+table.Name+"__1")
	if found != "ac" {
		t.Errorf("the rows are %q; they must be %q", found, "ac")
	}
}

// longText can't be compressed to what an index takes.
func longText() string {
	var b strings.Builder
	for b.Len() < 20_000 {
		b.WriteString(rand.Text())
	}
	return b.String()
}

// Given a batch that is being written, when its connection is ended, then nothing of it is there, the error
// is a fault, and the same batch can be written again.
func TestConnectionEndsInTheMiddle(t *testing.T) {
	store := opened(t, postgres.Options{})
	p, table := newRows()
	build, at := begin(t, store, p)
	must(t, build.Write(t.Context(), batch(at, table.Put(row{ID: "a"}))))
	at.Next++

	// The writer comes to the second row, which another transaction has locked.
	tx, err := store.DB().BeginTx(t.Context(), nil)
	must(t, err)
	defer tx.Rollback() //nolint:errcheck // it has only locked
	_, err = tx.ExecContext(t.Context(), "SELECT 1 FROM "+table.Name+"__1 FOR UPDATE")
	must(t, err)
	again := batch(at, table.Put(row{ID: "0", N: 1}), table.Put(row{ID: "a", N: 1}))
	again.States = []projections.StoredState{
		{Aggregate: "account", Subject: "a", Sequence: 1, State: []byte("x")},
	}
	written := make(chan error, 1)
	go func() { written <- build.Write(t.Context(), again) }()
	const blocked = `SELECT count(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE wait_event_type = 'Lock' AND datname = current_database()) ended`
	eventually(t, "the writer to be blocked", func() bool { return query[int](t, store, blocked) > 0 })
	err = <-written
	if _, poison := errors.AsType[*projections.Poison](err); err == nil || poison {
		t.Fatalf("the error is %v; it must be a fault", err)
	}
	must(t, tx.Rollback())
	if n := query[int](t, store, "SELECT sum(n)::int + count(*)::int FROM "+table.Name+"__1"); n != 1 {
		t.Errorf("rows of the batch are there")
	}
	if n := query[int](t, store, "SELECT count(*) FROM "+p.Name+"_states__1"); n != 0 {
		t.Errorf("states of the batch are there")
	}
	must(t, build.Write(t.Context(), again))
}

func eventually(tb testing.TB, what string, try func() bool) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	for !try() {
		select {
		case <-ctx.Done():
			tb.Fatalf("waited %v in vain for %s", patience, what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Given a process that was stopped in the middle of a transaction, when another one claims its partition,
// then the claim waits for IdleTimeout, and the transaction is undone.
func TestStandstillEnds(t *testing.T) {
	stopped := opened(t, postgres.Options{IdleTimeout: 50 * time.Millisecond})
	store := opened(t, postgres.Options{})
	p, _ := newRows()
	build, at := begin(t, store, p)
	tx, err := stopped.DB().BeginTx(t.Context(), nil)
	must(t, err)
	defer tx.Rollback() //nolint:errcheck // the server has done so
	_, err = tx.ExecContext(t.Context(), "UPDATE refold_progress SET next = 99 WHERE projection = $1", p.Name)
	must(t, err)
	claimed, err := build.Claim(t.Context(), []projections.Partition{at.Partition})
	must(t, err)
	if claimed[0].Next != at.Next || claimed[0].Epoch != at.Epoch+1 {
		t.Errorf("the progress is %+v; it must be that of before with the next epoch, %+v", claimed[0], at)
	}
}

// The server is stopped and started; a store goes on with new connections.
func TestServerIsAway(t *testing.T) {
	store := opened(t, postgres.Options{})
	p, table := newRows()
	build, at := begin(t, store, p)
	must(t, build.Write(t.Context(), batch(at, table.Put(row{ID: "a"}))))
	at.Next++
	server.Kill()
	next := batch(at, table.Put(row{ID: "b"}))
	err := build.Write(t.Context(), next)
	if _, poison := errors.AsType[*projections.Poison](err); err == nil || poison {
		t.Errorf("the error is %v; it must be a fault", err)
	}
	must(t, server.Resume(t.Context()))
	eventually(t, "the store to reach the server", func() bool {
		_, err := store.Builds(t.Context(), p.Name)
		return err == nil
	})
	err = build.Write(t.Context(), next)
	for range 8 { // the pool may have more connections that are gone
		if err != nil {
			err = build.Write(t.Context(), next)
		}
	}
	must(t, err)
}

func TestGrantsSurviveATakeOver(t *testing.T) {
	store := opened(t, postgres.Options{})
	p, table := newRows()
	first, _ := begin(t, store, p)
	must(t, first.TakeOver(t.Context(), patience))
	for _, statement := range []string{
		"CREATE ROLE reader_of_" + table.Name,
		"GRANT SELECT ON " + table.Name + " TO reader_of_" + table.Name,
		"CREATE VIEW of_others_" + table.Name + " AS SELECT id FROM " + table.Name,
	} {
		_, err := store.DB().ExecContext(t.Context(), statement)
		must(t, err)
	}
	second, at := begin(t, store, p)
	must(t, second.Write(t.Context(), batch(at, table.Put(row{ID: "a"}))))
	must(t, second.TakeOver(t.Context(), patience))
	const may = "SELECT has_table_privilege($1::text, $2::text, 'SELECT')"
	if !query[bool](t, store, may, "reader_of_"+table.Name, table.Name) {
		t.Error("the role can't read the view any more")
	}
	if id := query[string](t, store, "SELECT id FROM of_others_"+table.Name); id != "a" {
		t.Errorf("the view of others shows %q; it must show %q", id, "a")
	}
}

// A reader that takes long keeps a build from taking over, and not the other readers from reading.
func TestTakeOverDoesNotWaitLong(t *testing.T) {
	store := opened(t, postgres.Options{LockTimeout: 20 * time.Millisecond})
	p, table := newRows()
	first, _ := begin(t, store, p)
	must(t, first.TakeOver(t.Context(), patience))
	tx, err := store.DB().BeginTx(t.Context(), nil)
	must(t, err)
	defer tx.Rollback() //nolint:errcheck // it has only read
	_, err = tx.ExecContext(t.Context(), "SELECT count(*) FROM "+table.Name)
	must(t, err)

	second, _ := begin(t, store, p)
	if err := second.TakeOver(t.Context(), 100*time.Millisecond); err == nil {
		t.Fatal("a build took over from one that is being read")
	}
	if n := query[int](t, store, "SELECT count(*) FROM "+table.Name); n != 0 {
		t.Errorf("there are %d rows; there must be none", n)
	}
	took := make(chan error, 1)
	go func() { took <- second.TakeOver(t.Context(), patience) }()
	must(t, tx.Rollback())
	must(t, <-took)
}

func TestWaitForAState(t *testing.T) {
	store := opened(t, postgres.Options{})
	p, _ := newRows()
	build, at := begin(t, store, p)
	const wait = "SELECT refold_wait($1, $2, $3::text::interval)"
	const odd = "größe/with @ and 'quotes'\n"
	escaped := projections.Position{Aggregate: "account", Subject: odd, Sequence: 1}.String()
	if query[bool](t, store, wait, p.Name, "account/alice@1", "0 s") {
		t.Error("no build is live, and the state was found")
	}
	must(t, build.TakeOver(t.Context(), patience))
	var all sync.WaitGroup
	next := batch(at)
	next.Advances[0].To = 10
	upTo := projections.Offset{Partition: at.Partition, Offset: next.Advances[0].To - 1}
	for _, position := range []string{
		"account/alice@7", "account/alice@3", "account/" + odd + "@1", escaped, upTo.String(),
	} {
		all.Go(func() {
			if !query[bool](t, store, wait, p.Name, position, "30 s") {
				t.Errorf("%q was waited for in vain", position)
			}
		})
	}
	next.States = []projections.StoredState{
		{Aggregate: "account", Subject: "alice", Sequence: 7, State: []byte("a")},
		{Aggregate: "account", Subject: odd, Sequence: 1, State: []byte("b")},
	}
	must(t, build.Write(t.Context(), next))
	all.Wait()
	upTo.Offset = next.Advances[0].To
	for _, position := range []string{
		"account/alice@8", "account/bob@1", "order/alice@7", upTo.String(), "other" + upTo.String(),
	} {
		if query[bool](t, store, wait, p.Name, position, "0.01 s") {
			t.Errorf("%q was found", position)
		}
	}
	for _, position := range []string{
		"", "account", "account/alice", "account/@7", "/alice@7", "account/alice@x", "account-events:x@7",
	} {
		err := store.DB().QueryRowContext(t.Context(), wait, p.Name, position, "0 s").Scan(new(bool))
		if err == nil || !strings.Contains(err.Error(), "account/alice@7") {
			t.Errorf("for %q the error is %v; it must say what would be right", position, err)
		}
	}
}

func TestAnAwayServerIsSaid(t *testing.T) {
	const away = "postgres://refold@127.0.0.1:1/postgres?sslmode=disable"
	store, err := postgres.Open(away, postgres.Options{})
	must(t, err)
	defer store.Close() //nolint:errcheck // nothing is open
	_, err = store.Builds(t.Context(), "p")
	if err == nil || !strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("the error is %v; it must say which server", err)
	}
	_, err = postgres.Open("postgres://refold:secret@[::1/x", postgres.Options{})
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("the error is %v; it must be one, without the password", err)
	}
}

// A server that is held still answers nobody, not even those that are connected, and goes on with all of
// them.
func TestServerIsHeldStill(t *testing.T) {
	store := opened(t, postgres.Options{Connections: 1})
	query[int](t, store, "SELECT 1")
	server.Pause()
	defer server.Continue()
	answered := make(chan error, 1)
	go func() {
		var one int
		answered <- store.DB().QueryRowContext(t.Context(), "SELECT 1").Scan(&one)
	}()
	select {
	case err := <-answered:
		t.Fatalf("it has answered: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	server.Continue()
	must(t, <-answered)
}
