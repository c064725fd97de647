package redis_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"refold/projections"
	"refold/projections/redis"
	"refold/projections/storetest"
)

// start returns a store in a Redis of its own, in this process.
func start(t *testing.T) (*redis.Store, *miniredis.Miniredis) {
	t.Helper()
	server := miniredis.RunT(t)
	store, err := redis.New(redis.Options{Addresses: []string{server.Addr()}})
	must(t, err)
	t.Cleanup(func() { must(t, store.Close()) })
	return store, server
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func mustBe(tb testing.TB, err, want error) {
	tb.Helper()
	if !errors.Is(err, want) {
		tb.Fatalf("the error is %v; it must be %v", err, want)
	}
}

func TestStore(t *testing.T) {
	server := miniredis.RunT(t)
	storetest.Run(t, func(t *testing.T) projections.Store {
		t.Helper()
		store, err := redis.New(redis.Options{Addresses: []string{server.Addr()}})
		must(t, err)
		return store
	}, storetest.NoOneMoment)
}

// card is a row that a front end asks for.
type card struct {
	ID      string  `column:"id,key"`
	Owner   string  `column:"owner,subject"`
	Balance int64   `column:"balance,sum"`
	Note    *string `column:"note"`
}

var cards = projections.NewTable[card]("cards")

func projection(tables ...*projections.Table) *projections.Projection {
	return &projections.Projection{Name: "account_card", Version: 1, Tables: tables}
}

// member is one that fills a build.
type member struct {
	projections.OpenBuild
	at projections.Progress
}

var partition = projections.Partition{Topic: "account-events", Partition: 0}

func begin(tb testing.TB, store *redis.Store, p *projections.Projection) *member {
	tb.Helper()
	made, err := store.Begin(tb.Context(), p, projections.Build{Version: 1, Folds: "account=1"}, true)
	must(tb, err)
	build, err := store.Open(tb.Context(), p, made.Number)
	must(tb, err)
	m := &member{OpenBuild: build}
	must(tb, m.claim(tb.Context()))
	return m
}

func (m *member) claim(ctx context.Context) error {
	claimed, err := m.Claim(ctx, []projections.Partition{partition})
	if err == nil {
		m.at = claimed[0]
	}
	return err
}

// take writes the changes of one event.
func (m *member) take(ctx context.Context, changes ...projections.Change) error {
	next := projections.Advance{
		Partition: partition, Epoch: m.at.Epoch, From: m.at.Next, To: m.at.Next + 1, End: 100,
	}
	var all projections.Changes
	for _, c := range changes {
		if err := all.Add(c); err != nil {
			return err
		}
	}
	err := m.Write(ctx, &projections.Batch{
		Advances: []projections.Advance{next}, Changes: all.Sorted(),
		States: []projections.StoredState{{Aggregate: "account", Subject: "alice", Sequence: next.To}},
	})
	if err == nil {
		m.at.Next = next.To
	}
	return err
}

func put(id string, balance int64) projections.Change {
	return cards.Merge(card{ID: id, Owner: "alice", Balance: balance}, "owner", "balance")
}

func TestLiveRows(t *testing.T) {
	store, _ := start(t)
	p := projection(cards.Table)
	m := begin(t, store, p)
	must(t, m.take(t.Context(), put("a", 1), put("b", 2)))

	_, err := store.LiveRows(t.Context(), p, cards.Table, []any{"a"})
	mustBe(t, err, projections.ErrNoBuild)
	must(t, m.TakeOver(t.Context(), time.Minute))

	rows, err := store.LiveRows(t.Context(), p, cards.Table, []any{"b"}, []any{"nobody"}, []any{"a"})
	must(t, err)
	want := [][]any{{"b", "alice", int64(2), nil}, nil, {"a", "alice", int64(1), nil}}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("the rows differ (- wanted, + found):\n%s", diff)
	}
	if rows, err := store.LiveRows(t.Context(), p, cards.Table); len(rows) != 0 || err != nil {
		t.Errorf("no rows are %v (%v)", rows, err)
	}
	many := make([][]any, redis.MaxLiveRows+1)
	if _, err := store.LiveRows(t.Context(), p, cards.Table, many...); err == nil {
		t.Error("too many rows can be asked for")
	}
}

// Given a build that is live, when Redis is emptied, then nobody sees a part of it: it fills from the
// beginning under its number, and is live again when somebody says so.
func TestRedisIsEmptied(t *testing.T) {
	store, server := start(t)
	p := projection(cards.Table)
	m := begin(t, store, p)
	must(t, m.take(t.Context(), put("a", 1)))
	must(t, m.TakeOver(t.Context(), time.Minute))

	server.FlushAll()
	_, err := store.LiveRow(t.Context(), p, cards.Table, "a")
	mustBe(t, err, projections.ErrNoBuild)
	// To a member that does not know yet, no state is missing, and no event is out of order: it must claim.
	_, err = m.States(t.Context(), "account", []string{"alice"})
	mustBe(t, err, projections.ErrMoved)
	mustBe(t, m.take(t.Context(), put("a", 1)), projections.ErrMoved)

	must(t, m.claim(t.Context()))
	if m.at.Next != -1 || m.at.Epoch != 1 {
		t.Fatalf("the claim returns %+v; it must be at the beginning", m.at)
	}
	must(t, m.take(t.Context(), put("a", 1)))
	_, err = store.LiveRow(t.Context(), p, cards.Table, "a")
	mustBe(t, err, projections.ErrNoBuild)
	builds, err := store.Builds(t.Context(), p.Name)
	must(t, err)
	if len(builds) != 1 || builds[0].Number != 1 || builds[0].Status != projections.Filling ||
		builds[0].Folds != "account=1" {
		t.Fatalf("the builds are %+v; it must be the one before, filling", builds)
	}
	must(t, m.TakeOver(t.Context(), time.Minute))
	row, err := store.LiveRow(t.Context(), p, cards.Table, "a")
	must(t, err)
	if len(row) < 3 || row[2] != int64(1) {
		t.Errorf("the row is %v; its sum must be that of the event, taken once", row)
	}
}

// After Redis was emptied, one build fills: one that comes late does not make its own again.
func TestOneBuildFillsWhenRedisWasEmptied(t *testing.T) {
	store, server := start(t)
	p := projection(cards.Table)
	begin(t, store, p)
	late := begin(t, store, p)
	server.FlushAll()
	begin(t, store, p)
	mustBe(t, late.claim(t.Context()), projections.ErrNoBuild)
}

// A claim makes a build again that Redis has lost, and none that was dropped.
func TestDroppedBuildDoesNotComeBack(t *testing.T) {
	store, server := start(t)
	p := projection(cards.Table)
	m := begin(t, store, p)
	var changes []projections.Change
	for i := range 2_500 { // more than one call removes
		changes = append(changes, put(fmt.Sprint(i), 1))
	}
	must(t, m.take(t.Context(), changes...))
	must(t, store.Drop(t.Context(), p, 1))
	mustBe(t, m.claim(t.Context()), projections.ErrNoBuild)
	mustBe(t, m.take(t.Context()), projections.ErrNoBuild)
	if keys := server.Keys(); !slices.Equal(keys, []string{"{refold:account_card}:.builds"}) {
		t.Errorf("what is left of a dropped build is %v; it must be its number alone", keys)
	}
}

// In a cluster, a script may touch the keys of one slot only: those with the same hash tag.
func TestKeysHaveOneHashTag(t *testing.T) {
	store, server := start(t)
	p := projection(cards.Table)
	m := begin(t, store, p)
	must(t, m.take(t.Context(), put("{a}", 1), put("}", 2)))
	must(t, m.TakeOver(t.Context(), time.Minute))
	keys := server.Keys()
	for _, key := range keys {
		if !strings.HasPrefix(key, "{refold:account_card}:") {
			t.Errorf("the key %q has another hash tag", key)
		}
	}
	if !slices.Contains(keys, "{refold:account_card}:1:cards:%7Ba%7D") {
		t.Errorf("the row is not where other programs look for it: %q", keys)
	}
}

// A sum in a script is as exact as in Go, or refused. Lua has floating-point numbers only.
func TestSumsAreExact(t *testing.T) {
	store, _ := start(t)
	p := projection(cards.Table)
	m := begin(t, store, p)
	must(t, m.TakeOver(t.Context(), time.Minute))
	near := rapid.Custom(func(t *rapid.T) int64 {
		around := rapid.SampledFrom([]int64{0, math.MaxInt64, math.MinInt64, 1 << 53, -1e9, 9223372036e9})
		return around.Draw(t, "around") + rapid.Int64Range(-3, 3).Draw(t, "off")
	})
	number := rapid.OneOf(rapid.Int64(), near, rapid.Int64Range(-2e9, 2e9))
	row := 0
	rapid.Check(t, func(rt *rapid.T) {
		a, b := number.Draw(rt, "a"), number.Draw(rt, "b")
		row++
		id := fmt.Sprint(row)
		must(t, m.take(t.Context(), put(id, a)))
		err := m.take(t.Context(), put(id, b))
		sum, want := a+b, a
		fits := (sum > a) == (b > 0)
		if fits {
			want = sum
		}
		poison, refused := errors.AsType[*projections.Poison](err)
		switch {
		case fits == refused, !refused && err != nil:
			rt.Fatalf("%d + %d ends in %v", a, b, err)
		case refused && poison.Reason != projections.PoisonSum:
			rt.Fatalf("the poison is %v", poison)
		}
		found, err := store.LiveRow(t.Context(), p, cards.Table, id)
		must(t, err)
		if found[2] != want {
			rt.Fatalf("%d + %d is %v; it must be %d", a, b, found[2], want)
		}
	})
}

func TestServerIsAway(t *testing.T) {
	store, server := start(t)
	p := projection(cards.Table)
	m := begin(t, store, p)
	must(t, m.take(t.Context(), put("a", 1)))
	server.Close()
	err := m.take(t.Context(), put("a", 1))
	for _, decision := range []error{projections.ErrFenced, projections.ErrMoved, projections.ErrNoBuild} {
		if err == nil || errors.Is(err, decision) {
			t.Fatalf("the error is %v; it must be a fault", err)
		}
	}
	must(t, server.Restart())
	must(t, m.take(t.Context(), put("a", 1)))
}

func TestLibraryLogsToTheLogger(t *testing.T) {
	var log strings.Builder
	redis.LogTo(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	t.Cleanup(func() { redis.LogTo(nil) })
	store, server := start(t)
	server.Close()
	if _, err := store.Builds(t.Context(), "account_card"); err == nil {
		t.Fatal("a server that is away has answered")
	}
	if !strings.Contains(log.String(), "refused") {
		t.Errorf("the log is %q; it must say that the connection was refused", log.String())
	}
}

func TestOptions(t *testing.T) {
	one, two := []string{"localhost:6379"}, []string{"a:1", "b:1"}
	for _, c := range []struct {
		name    string
		options redis.Options
		says    string // empty: it is right
	}{
		{"the least", redis.Options{Addresses: one}, ""},
		{"a cluster", redis.Options{Addresses: two, Cluster: true, TLS: &tls.Config{}}, ""},
		{"sentinels", redis.Options{Addresses: two, Sentinel: "main", Database: 3}, ""},
		{"no address", redis.Options{}, "no addresses"},
		{"no port", redis.Options{Addresses: []string{"localhost"}}, "host:port"},
		{"two servers", redis.Options{Addresses: two}, "no cluster"},
		{"both", redis.Options{Addresses: one, Cluster: true, Sentinel: "main"}, "one of the two"},
		{"a cluster's database", redis.Options{Addresses: one, Cluster: true, Database: 1}, "0 in a cluster"},
		{"a user alone", redis.Options{Addresses: one, User: "refold"}, "no password"},
		{"a brace", redis.Options{Addresses: one, Prefix: "a}"}, "prefix"},
		{"a negative time", redis.Options{Addresses: one, Timeout: -1}, "positive"},
		{"huge batches", redis.Options{Addresses: one, BatchRows: 1e9}, "at most"},
	} {
		t.Run(c.name, func(t *testing.T) {
			store, err := redis.New(c.options)
			if err == nil {
				must(t, store.Close())
			}
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("the error is %v; it must say %q", err, c.says)
			}
		})
	}
}
