package storetest

import (
	"errors"
	"slices"
	"testing"

	"refold/projections"
)

var ofViews = []promise{
	{name: "a view reads rows, states and progress", test: viewReads},
	{name: "a view is of one moment", unless: []Lack{NoOneMoment}, test: viewIsOfOneMoment},
	{name: "rows are found by their subjects", test: rowsAreFoundBySubject},
	{name: "readers look at the build that is live, of whatever version", test: readersLookAtLive},
	{name: "a look ends with the looker's error", test: lookEndsWithError},
	{name: "rows are mended", test: rowsAreMended},
	{name: "a build that has gone on is not mended", test: movedIsNotMended},
}

func viewReads(t *testing.T, s *suite) {
	b := s.newBank()
	w := s.newWriter(t, b)
	a := step(w.progress, 3)
	alice := state("alice", 7, "a state")
	must(t, w.build.Write(t.Context(), &projections.Batch{
		Advances: []projections.Advance{a}, States: []projections.StoredState{alice},
		Changes: sorted(t, 7, b.odd.Put(filled("a"))),
	}))
	must(t, w.build.Look(t.Context(), func(v projections.View) error {
		if v.OfOneMoment() != s.can(NoOneMoment) {
			t.Errorf("OfOneMoment is %v; the store was said to be otherwise", v.OfOneMoment())
		}
		var found contents
		if err := found.read(t.Context(), v, b, "alice", "bob"); err != nil {
			return err
		}
		mustEqual(t, b, nothing().with(b.odd.Table, filled("a")).at(a).knowing(alice), found)

		row, err := v.Row(t.Context(), b.odd.Table, "a", int64(1))
		must(t, err)
		for _, diff := range rowsDiffer(b.odd.Table, "a/1", b.odd.Values(filled("a")), row) {
			t.Error(diff)
		}
		none, err := v.Row(t.Context(), b.odd.Table, "a", int64(2))
		if none != nil || err != nil {
			t.Errorf("a row that is not there is %v (%v); it must be nil", none, err)
		}
		unknown, err := v.State(t.Context(), "order", "alice")
		if unknown != nil || err != nil {
			t.Errorf("a state that is not there is %v (%v); it must be nil", unknown, err)
		}
		return nil
	}))
}

func viewIsOfOneMoment(t *testing.T, s *suite) {
	b := s.newBank()
	w := s.newWriter(t, b)
	alice := account{ID: "alice", Balance: 1}
	w.write(t, b.put(alice))
	want := contents{progress: []projections.Progress{w.progress}}
	want.rows = nothing().with(b.accounts, alice).rows
	must(t, w.build.Look(t.Context(), func(v projections.View) error {
		var first, later contents
		must(t, first.read(t.Context(), v, b, "alice"))
		written := make(chan struct{})
		go func() {
			defer close(written)
			a := step(w.progress, 9)
			next := &projections.Batch{
				Advances: []projections.Advance{a}, States: []projections.StoredState{state("alice", 1, "x")},
				Changes: sorted(t, 2, b.put(account{ID: "alice", Balance: 2}), b.put(account{ID: "bob"})),
			}
			if err := w.build.Write(t.Context(), next); err != nil {
				t.Error(err)
			}
		}()
		<-written // A writer does not wait for readers.
		must(t, later.read(t.Context(), v, b, "alice"))
		mustEqual(t, b, want, first)
		mustEqual(t, b, want, later)
		return nil
	}))
	s.mustHold(t, b, w.build, nothing().
		with(b.accounts, account{ID: "alice", Balance: 2}, account{ID: "bob"}).
		at(step(w.progress, 9)).knowing(state("alice", 1, "x")))
}

func rowsAreFoundBySubject(t *testing.T, s *suite) {
	b := s.newBank()
	w := s.newWriter(t, b)
	rows := []odd{
		{Key: "a", About: "alice"},
		{Key: "b", Other: "alice", Text: "bob"},
		{Key: "c", About: "alice", Other: "alice"},
		{Key: "alice", About: "bob", Text: "alice"},
		{Key: "d", About: "Alice", Other: "alice "},
		{Key: "e", About: "o'hara*"},
	}
	for _, row := range rows {
		w.write(t, b.odd.Put(row))
	}
	w.write(t, b.put(account{ID: "alice", Group: "bob"}), b.put(account{ID: "bob", Group: "alice"}))
	about := func(table *projections.Table, subject string, want ...any) {
		t.Helper()
		found := contents{rows: map[*projections.Table]map[string][]any{table: {}}}
		must(t, w.build.Look(t.Context(), func(v projections.View) error {
			return v.About(t.Context(), table, subject, func(values []any) error {
				key := table.Key(values)
				if found.rows[table][key] != nil {
					t.Errorf("row %s is found twice", key)
				}
				found.rows[table][key] = slices.Clone(values)
				return nil
			})
		}))
		mustEqual(t, b, nothing().with(table, want...), found)
	}
	about(b.odd.Table, "alice", rows[0], rows[1], rows[2])
	about(b.odd.Table, "bob", rows[3])
	about(b.odd.Table, "o'hara*", rows[5])
	about(b.odd.Table, "nobody")
	about(b.accounts, "alice", account{ID: "alice", Group: "bob"})

	// A row that is about someone else now, is found no more by the one before; nor is a deleted one.
	rows[0].About = "carol"
	w.write(t, b.odd.Put(rows[0]), b.odd.Delete(rows[2]))
	about(b.odd.Table, "alice", rows[1])
	about(b.odd.Table, "carol", rows[0])
}

func readersLookAtLive(t *testing.T, s *suite) {
	b := s.newBank()
	second := b.next()
	w := s.newWriter(t, b)
	w.write(t, b.put(account{ID: "alice"}))
	at := step(w.progress, 2)
	must(t, w.build.Write(t.Context(), &projections.Batch{
		Advances: []projections.Advance{at}, States: []projections.StoredState{state("alice", 7, "x")},
	}))
	must(t, w.build.TakeOver(t.Context(), patience))
	fresh := s.newWriter(t, second)
	look := func(p *projections.Projection, sequence, next int64) {
		t.Helper()
		must(t, s.LookLive(t.Context(), p, func(v projections.View) error {
			found, err := v.State(t.Context(), "account", "alice")
			must(t, err)
			progress, err := v.Progress(t.Context())
			must(t, err)
			if found == nil || found.Sequence != sequence || len(progress) != 1 || progress[0].Next != next {
				t.Errorf("the live build has %+v and %+v; they must be at %d and %d", found, progress,
					sequence, next)
			}
			return nil
		}))
	}
	look(&b.Projection, 7, at.To)
	look(&second.Projection, 7, at.To)

	later := projections.Advance{
		Partition: at.Partition, Epoch: fresh.progress.Epoch, From: fresh.progress.Next, To: at.To + 5,
	}
	must(t, fresh.build.Write(t.Context(), &projections.Batch{
		Advances: []projections.Advance{later}, States: []projections.StoredState{state("alice", 9, "x")},
	}))
	look(&second.Projection, 7, at.To)
	must(t, fresh.build.TakeOver(t.Context(), patience))
	look(&b.Projection, 9, later.To)
	enough := errors.New("enough")
	mustBe(t, s.LookLive(t.Context(), &b.Projection, func(projections.View) error { return enough }), enough)
}

func lookEndsWithError(t *testing.T, s *suite) {
	b := s.newBank()
	w := s.newWriter(t, b)
	w.write(t, b.odd.Put(odd{Key: "a", About: "alice"}), b.odd.Put(odd{Key: "b", About: "alice"}))
	enough := errors.New("enough")
	mustBe(t, w.build.Look(t.Context(), func(projections.View) error { return enough }), enough)
	calls := 0
	each := func([]any) error { calls++; return enough }
	mustBe(t, w.build.Look(t.Context(), func(v projections.View) error {
		return v.Rows(t.Context(), b.odd.Table, each)
	}), enough)
	mustBe(t, w.build.Look(t.Context(), func(v projections.View) error {
		return v.About(t.Context(), b.odd.Table, "alice", each)
	}), enough)
	if calls != 2 {
		t.Errorf("%d rows were read; it must be one each time", calls)
	}
	w.write(t, b.odd.Put(odd{Key: "c"})) // nothing is left locked
}

// mended returns a row as it should be.
func mended(t *projections.Table, row any, is bool) projections.Mended {
	values := t.Values(row)
	m := projections.Mended{Table: t}
	for _, at := range t.Keys() {
		m.Key = append(m.Key, values[at])
	}
	if is {
		m.Values = values
	}
	return m
}

func rowsAreMended(t *testing.T, s *suite) {
	b := s.newBank()
	w := s.newWriter(t, b)
	claim(t, w.build, 1)
	right, wrong, excess := filled("right"), odd{Key: "wrong"}, odd{Key: "excess", At: 3}
	w.write(t, b.odd.Put(right), b.odd.Put(wrong), b.odd.Put(excess), b.put(account{ID: "alice"}))
	at := look(t, b, w.build).progress
	wrong.Text, wrong.Integer = "mended", 7
	missing := filled("missing")
	rows := []projections.Mended{
		mended(b.odd.Table, wrong, true), mended(b.odd.Table, missing, true),
		mended(b.odd.Table, excess, false), mended(b.odd.Table, odd{Key: "nothing"}, false),
		mended(b.accounts, account{ID: "alice", Balance: 1}, true),
	}
	want := nothing().with(b.odd.Table, right, wrong, missing).
		with(b.accounts, account{ID: "alice", Balance: 1})
	if s.can(NoMerge) {
		sum := total{Currency: "EUR", Count: 2, Amount: 9}
		rows, want = append(rows, mended(b.totals.Table, sum, true)), want.with(b.totals.Table, sum)
	}
	must(t, w.build.Mend(t.Context(), at, rows))
	s.mustHold(t, b, w.build, want)

	// Sums are set, not added to, and events go on from what was mended.
	must(t, w.build.Mend(t.Context(), look(t, b, w.build).progress, rows))
	s.mustHold(t, b, w.build, want)
	wrong.Text = "later"
	w.write(t, b.odd.Put(wrong), b.odd.Delete(missing))
	want = want.with(b.odd.Table, wrong)
	delete(want.rows[b.odd.Table], b.odd.KeyOf("missing", int64(1)))
	s.mustHold(t, b, w.build, want)
}

func movedIsNotMended(t *testing.T, s *suite) {
	b := s.newBank()
	w := s.newWriter(t, b)
	w.write(t, b.put(account{ID: "alice"}))
	row := []projections.Mended{
		mended(b.accounts, account{ID: "alice", Balance: 1}, true),
		mended(b.accounts, account{ID: "bob"}, true),
	}
	seen := look(t, b, w.build).progress
	w.write(t, b.put(account{ID: "alice", Balance: 2}))
	mustBe(t, w.build.Mend(t.Context(), seen, row), projections.ErrMoved)
	mustBe(t, w.build.Mend(t.Context(), nil, row), projections.ErrMoved)

	seen = look(t, b, w.build).progress
	claim(t, w.build, 1) // of which the one who looked does not know
	mustBe(t, w.build.Mend(t.Context(), seen, row), projections.ErrMoved)
	s.mustHold(t, b, w.build, nothing().with(b.accounts, account{ID: "alice", Balance: 2}))
}
