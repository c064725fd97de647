//go:build system

package redis_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"refold/projections"
	"refold/projections/redis"
	"refold/projections/storetest"
	"refold/system/realkafka"
	"refold/system/realstores"
)

func startReal(tb testing.TB, o realstores.RedisOptions) *realstores.Redis {
	tb.Helper()
	o.Dir = tb.TempDir()
	server, err := realstores.StartRedis(tb.Context(), o)
	if errors.Is(err, realkafka.ErrMissing) {
		tb.Fatalf("the system tests can't run here: %v", err)
	}
	must(tb, err)
	tb.Cleanup(server.Kill)
	return server
}

func openReal(tb testing.TB, server *realstores.Redis, cluster bool) *redis.Store {
	tb.Helper()
	store, err := redis.New(redis.Options{Addresses: []string{server.Address()}, Cluster: cluster})
	must(tb, err)
	return store
}

// BenchmarkRealWrite writes batches of 1,000 rows, whose script blocks the server most of the time.
func BenchmarkRealWrite(b *testing.B) {
	store := openReal(b, startReal(b, realstores.RedisOptions{}), false)
	b.Cleanup(func() { must(b, store.Close()) })
	m := begin(b, store, projection(cards.Table))
	changes := make([]projections.Change, 1_000)
	for i := range changes {
		changes[i] = put(fmt.Sprint("account-", i), 1)
	}
	for b.Loop() {
		must(b, m.take(b.Context(), changes...))
	}
}

func TestRealStore(t *testing.T) {
	for name, cluster := range map[string]bool{"server": false, "cluster": true} {
		t.Run(name, func(t *testing.T) {
			server := startReal(t, realstores.RedisOptions{Cluster: cluster})
			storetest.Run(t, func(t *testing.T) projections.Store {
				t.Helper()
				return openReal(t, server, cluster)
			}, storetest.NoOneMoment)
		})
	}
}

// Given a Redis that has each write on its disk, when it is killed, then all that it has acknowledged is
// there. Given one without a disk, then the projection begins anew.
func TestRealRedisIsKilled(t *testing.T) {
	for name, persistent := range map[string]bool{"with a disk": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			server := startReal(t, realstores.RedisOptions{Persistent: persistent})
			store := openReal(t, server, false)
			t.Cleanup(func() { must(t, store.Close()) })
			p := projection(cards.Table)
			m := begin(t, store, p)
			for range 20 {
				must(t, m.take(t.Context(), put("a", 1)))
			}
			must(t, m.TakeOver(t.Context(), time.Minute))
			server.Kill()
			if err := m.take(t.Context(), put("a", 1)); err == nil {
				t.Fatal("a Redis that was killed has written")
			}
			must(t, server.Start(t.Context()))
			err := m.take(t.Context(), put("a", 1))
			if persistent {
				must(t, err)
				row, err := store.LiveRow(t.Context(), p, cards.Table, "a")
				must(t, err)
				if row[2] != int64(21) {
					t.Errorf("the sum is %v; it must be 21", row[2])
				}
				return
			}
			mustBe(t, err, projections.ErrMoved)
			must(t, m.claim(t.Context()))
			if m.at.Next != -1 {
				t.Errorf("the build goes on at %d; it must begin", m.at.Next)
			}
			_, err = store.LiveRow(t.Context(), p, cards.Table, "a")
			mustBe(t, err, projections.ErrNoBuild)
		})
	}
}

func TestRealRedisThatEvictsIsRefused(t *testing.T) {
	server := startReal(t, realstores.RedisOptions{Args: []string{"--maxmemory-policy", "allkeys-lru"}})
	store := openReal(t, server, false)
	t.Cleanup(func() { must(t, store.Close()) })
	_, err := store.Begin(t.Context(), projection(cards.Table), projections.Build{Version: 1}, false)
	if err == nil || !strings.Contains(err.Error(), "noeviction") {
		t.Errorf("the error is %v; it must say that noeviction is needed", err)
	}
}

// A Redis that is full refuses whole batches.
func TestRealRedisIsFull(t *testing.T) {
	server := startReal(t, realstores.RedisOptions{Args: []string{"--maxmemory", "8mb"}})
	store := openReal(t, server, false)
	t.Cleanup(func() { must(t, store.Close()) })
	p := projection(cards.Table)
	m := begin(t, store, p)
	note := strings.Repeat("long ", 100_000)
	var err error
	written := 0
	for ; written < 100 && err == nil; written++ {
		id := string(rune('a' + written))
		err = m.take(t.Context(), cards.Merge(card{ID: id, Note: &note, Balance: 1}, "note", "balance"))
	}
	if err == nil || !strings.Contains(err.Error(), "OOM") {
		t.Fatalf("a Redis of 8 MB answers %v after %d rows of 500 KB", err, written)
	}
	rows := 0
	must(t, m.Look(t.Context(), func(v projections.View) error {
		progress, err := v.Progress(t.Context())
		if err != nil || progress[0].Next != m.at.Next {
			t.Errorf("the progress is %+v (%v); it must be at %d", progress, err, m.at.Next)
		}
		return v.Rows(t.Context(), cards.Table, func([]any) error { rows++; return nil })
	}))
	if rows != written-1 {
		t.Errorf("%d rows are there; %d were written", rows, written-1)
	}
}
