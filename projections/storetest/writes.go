package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"refold/projections"
)

var ofWrites = []promise{
	{name: "rows are put, and put again", test: rowsArePut},
	{name: "rows are deleted", test: rowsAreDeleted},
	{name: "some columns are merged, others stay", unless: []Lack{NoMerge}, test: columnsAreMerged},
	{name: "changes of one row follow each other", unless: []Lack{NoMerge}, test: changesFollow},
	{name: "a batch may change nothing", test: batchMayChangeNothing},
	{name: "states are kept", test: statesAreKept},
	{name: "many states are read at once", test: manyStatesAreRead},
	{name: "many rows are written at once", test: manyRowsAreWritten},
}

// writer writes batches one after the other.
type writer struct {
	build    projections.OpenBuild
	progress projections.Progress
	sequence int64
}

func (s *suite) newWriter(tb testing.TB, b *bank) *writer {
	tb.Helper()
	build := s.begin(tb, b)
	return &writer{build: build, progress: claim(tb, build, 0)[0]}
}

// write writes changes as one batch, by one event.
func (w *writer) write(tb testing.TB, changes ...projections.Change) {
	tb.Helper()
	w.sequence++
	next := batch(tb, w.sequence, step(w.progress, w.progress.Next+2), changes...)
	must(tb, w.build.Write(tb.Context(), next))
	w.progress = stepped(next.Advances[0])
}

func rowsArePut(t *testing.T, s *suite) {
	b := s.newBank()
	w := s.newWriter(t, b)
	alice, bob := account{ID: "alice", Balance: 1, Order: 1}, account{ID: "bob", Group: "VIP"}
	w.write(t, b.put(alice), b.put(bob), b.odd.Put(odd{Key: "alice"}))
	s.mustHold(t, b, w.build, nothing().with(b.accounts, alice, bob).with(b.odd.Table, odd{Key: "alice"}))
	alice.Balance, alice.Order = -9, 2
	w.write(t, b.put(alice))
	s.mustHold(t, b, w.build, nothing().with(b.accounts, alice, bob).with(b.odd.Table, odd{Key: "alice"}))
}

func rowsAreDeleted(t *testing.T, s *suite) {
	b := s.newBank()
	w := s.newWriter(t, b)
	one, two := odd{Key: "a", At: 1, Text: "one"}, odd{Key: "a", At: 2, Text: "two"}
	w.write(t, b.odd.Put(one), b.odd.Put(two))
	w.write(t, b.odd.Delete(odd{Key: "a", At: 1}), b.odd.Delete(odd{Key: "a", At: 3}))
	s.mustHold(t, b, w.build, nothing().with(b.odd.Table, two))
	w.write(t, b.odd.Put(one), b.odd.Delete(two))
	s.mustHold(t, b, w.build, nothing().with(b.odd.Table, one))
	w.write(t, b.odd.Delete(one))
	s.mustHold(t, b, w.build, nothing())
}

func columnsAreMerged(t *testing.T, s *suite) {
	b := s.newBank()
	w := s.newWriter(t, b)
	note := "noted"
	w.write(t,
		b.totals.Merge(total{Currency: "EUR", Count: 1, Amount: 5, Last: "not merged"}, "count", "amount"),
		b.totals.Merge(total{Currency: "CHF", Note: &note}, "note"),
		b.totals.Merge(total{Currency: "USD", Count: 9, Last: "not merged"}), // is there, with zeros
		b.odd.Merge(odd{Key: "a", Text: "text", Integer: 7, Bytes: []byte("x")}, "text", "bytes"))
	s.mustHold(t, b, w.build, nothing().
		with(b.totals.Table, total{Currency: "EUR", Count: 1, Amount: 5}, total{Currency: "CHF", Note: &note},
			total{Currency: "USD"}).
		with(b.odd.Table, odd{Key: "a", Text: "text", Bytes: []byte("x")}))

	w.write(t,
		b.totals.Merge(total{Currency: "EUR", Amount: -7, Last: "alice"}, "amount", "last"),
		b.totals.Merge(total{Currency: "EUR", Number: 1, Amount: -7}, "amount"), // another key
		b.totals.Merge(total{Currency: "CHF", Count: 2}, "note", "count"),
		b.totals.Merge(total{Currency: "USD", Count: 3}),
		b.odd.Merge(odd{Key: "a", Integer: 8}, "integer", "no_integer"))
	s.mustHold(t, b, w.build, nothing().
		with(b.totals.Table, total{Currency: "EUR", Count: 1, Amount: -2, Last: "alice"},
			total{Currency: "EUR", Number: 1, Amount: -7}, total{Currency: "CHF", Count: 2},
			total{Currency: "USD"}).
		with(b.odd.Table, odd{Key: "a", Text: "text", Integer: 8, Bytes: []byte("x")}))
}

// changesFollow writes the same changes as one batch, and each as its own.
func changesFollow(t *testing.T, s *suite) {
	a := func(text string, integer int64) odd { return odd{Key: "a", Text: text, Integer: integer} }
	for _, c := range []struct {
		name    string
		changes func(b *bank) []projections.Change
		want    []any
	}{
		{"put, merge", func(b *bank) []projections.Change {
			return []projections.Change{b.odd.Put(a("put", 1)), b.odd.Merge(a("merged", 2), "integer")}
		}, []any{a("put", 2)}},
		{"put, delete", func(b *bank) []projections.Change {
			return []projections.Change{b.odd.Put(a("put", 1)), b.odd.Delete(a("", 0))}
		}, nil},
		{"put, delete, merge", func(b *bank) []projections.Change {
			return []projections.Change{
				b.odd.Put(a("put", 1)), b.odd.Delete(a("", 0)), b.odd.Merge(a("merged", 2), "integer"),
			}
		}, []any{a("", 2)}},
		{"merge, merge, delete, put", func(b *bank) []projections.Change {
			return []projections.Change{
				b.odd.Merge(a("merged", 2), "integer"), b.odd.Merge(a("again", 3), "text"),
				b.odd.Delete(a("", 0)), b.odd.Put(a("put", 0)),
			}
		}, []any{a("put", 0)}},
		{"merge, merge", func(b *bank) []projections.Change {
			return []projections.Change{
				b.odd.Merge(a("merged", 2), "integer"), b.odd.Merge(a("again", 3), "text"),
			}
		}, []any{a("again", 2)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, together := range []bool{true, false} {
				b := s.newBank()
				w := s.newWriter(t, b)
				if together {
					w.write(t, c.changes(b)...)
				} else {
					for _, change := range c.changes(b) {
						w.write(t, change)
					}
				}
				s.mustHold(t, b, w.build, nothing().with(b.odd.Table, c.want...))
			}
		})
	}
}

func batchMayChangeNothing(t *testing.T, s *suite) {
	b := s.newBank()
	w := s.newWriter(t, b)
	w.write(t)
	s.mustHold(t, b, w.build, contents{progress: []projections.Progress{w.progress}})
	// A build that is filled from tables stands still meanwhile.
	still := step(w.progress, w.progress.Next)
	must(t, w.build.Write(t.Context(), batch(t, 1, still, b.put(account{ID: "alice"}))))
	s.mustHold(t, b, w.build, nothing().with(b.accounts, account{ID: "alice"}).at(still))
}

func statesAreKept(t *testing.T, s *suite) {
	b := s.newBank()
	w := s.newWriter(t, b)
	odds := []projections.StoredState{
		state("alice", 1, "\x00\xff binary"), state("größe/mit/schräg 'strich' \"and\" %", 7, "x"),
		state("empty", 1<<62, ""),
	}
	a := step(w.progress, 1)
	must(t, w.build.Write(t.Context(), &projections.Batch{Advances: []projections.Advance{a}, States: odds}))
	s.mustHold(t, b, w.build, nothing().knowing(odds...))

	odds[0] = state("alice", 2, "later")
	a = step(stepped(a), 2)
	order := projections.StoredState{Aggregate: "order", Subject: "alice", Sequence: 5, State: []byte("o")}
	must(t, w.build.Write(t.Context(), &projections.Batch{
		Advances: []projections.Advance{a}, States: append(slices.Clone(odds[:1]), order),
	}))
	s.mustHold(t, b, w.build, nothing().knowing(odds...).at(a))
	orders, err := w.build.States(t.Context(), "order", []string{"bob", "alice"})
	must(t, err)
	mustEqual(t, b, contents{states: []projections.StoredState{order}}, contents{states: orders})
	if none, err := w.build.States(t.Context(), "order", nil); err != nil || len(none) > 0 {
		t.Fatalf("the states of no aggregates are %v and %v; they must be none", none, err)
	}
}

func manyStatesAreRead(t *testing.T, s *suite) {
	const many, perBatch = 10_000, 1_000
	b := s.newBank()
	w := s.newWriter(t, b)
	all := make([]projections.StoredState, many)
	subjects := make([]string, 0, many+2)
	for i := range all {
		all[i] = state(fmt.Sprintf("account-%05d", i), int64(i+1), strings.Repeat("s", i%300))
		subjects = append(subjects, all[i].Subject)
	}
	for some := range slices.Chunk(all, perBatch) {
		a := step(w.progress, w.progress.Next+1)
		next := &projections.Batch{Advances: []projections.Advance{a}, States: some}
		must(t, w.build.Write(t.Context(), next))
		w.progress = stepped(a)
	}
	found, err := w.build.States(t.Context(), "account", append(subjects, "nobody", "no-one"))
	must(t, err)
	mustEqual(t, b, contents{states: all}, contents{states: found})
}

func manyRowsAreWritten(t *testing.T, s *suite) {
	const many = 2_000
	b := s.newBank()
	w := s.newWriter(t, b)
	want := nothing()
	puts, later := make([]projections.Change, many), make([]projections.Change, 0, many)
	for i := range puts {
		row := odd{Key: fmt.Sprint(i % 7), At: int64(i), Text: fmt.Sprint("text ", i), JSON: []int{i}}
		puts[i] = b.odd.Put(row)
		switch i % 3 {
		case 0:
			later = append(later, b.odd.Delete(row))
			continue
		case 1:
			row.Text = "changed"
			later = append(later, b.odd.Put(row))
		}
		want = want.with(b.odd.Table, row)
	}
	w.write(t, puts...)
	w.write(t, later...)
	s.mustHold(t, b, w.build, want)
}
