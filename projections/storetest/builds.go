package storetest

import (
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"refold/projections"
)

var ofBuilds = []promise{
	{name: "a build is begun once", test: buildIsBegunOnce},
	{name: "callers at the same time begin one build", test: callersBeginOneBuild},
	{name: "builds are numbered", test: buildsAreNumbered},
	{name: "a build is dropped", test: buildIsDropped},
	{name: "the number of a dropped build is not used again", test: numberIsNotUsedAgain},
	{name: "there is no other build", test: thereIsNoOtherBuild},
	{name: "a store that can't merge says so", only: NoMerge, test: mergesAreRefused},
}

// ignoreBegan leaves the store's clock out, but not that there was one.
var ignoreBegan = cmpopts.IgnoreFields(projections.Build{}, "Began")

func (s *suite) mustHave(t *testing.T, b *bank, want ...projections.Build) {
	t.Helper()
	builds, err := s.Builds(t.Context(), b.Name)
	must(t, err)
	if diff := cmp.Diff(want, builds, ignoreBegan, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("the builds differ (- wanted, + found):\n%s", diff)
	}
	for _, build := range builds {
		if build.Began.IsZero() {
			t.Errorf("build %d began at no time", build.Number)
		}
	}
}

func buildIsBegunOnce(t *testing.T, s *suite) {
	b := s.newBank()
	s.mustHave(t, b)
	asked := projections.Build{Version: 1, Folds: "account=1,order=2", FromTables: true}
	want := asked
	want.Projection, want.Number, want.Status = b.Name, 1, projections.Filling
	for range 2 {
		made, err := s.Begin(t.Context(), &b.Projection, asked, false)
		must(t, err)
		if diff := cmp.Diff(want, made, ignoreBegan); diff != "" {
			t.Fatalf("the build differs (- wanted, + found):\n%s", diff)
		}
		s.mustHave(t, b, want)
	}
}

func callersBeginOneBuild(t *testing.T, s *suite) {
	b := s.newBank()
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			asked := projections.Build{Version: 1, Folds: "account=1"}
			made, err := s.Begin(t.Context(), &b.Projection, asked, false)
			switch {
			case err != nil:
				t.Error(err)
			case made.Number != 1:
				t.Errorf("a caller has begun build %d; it must be 1", made.Number)
			}
		})
	}
	callers.Wait()
	s.mustHave(t, b, projections.Build{
		Projection: b.Name, Number: 1, Version: 1, Folds: "account=1", Status: projections.Filling,
	})
}

func buildsAreNumbered(t *testing.T, s *suite) {
	b := s.newBank()
	var all []projections.Build
	for i, c := range []struct {
		version int
		folds   string
		anew    bool
		number  int
	}{
		{1, "account=1", false, 1},
		{1, "account=2", false, 2},
		{2, "account=2", false, 3},
		{1, "account=1", false, 1},
		{1, "account=1", true, 4},
		{1, "account=1", false, 4}, // the newest of two
		{2, "account=2", false, 3},
	} {
		p := b
		if c.version == 2 {
			p = b.next()
		}
		made, err := s.Begin(t.Context(), &p.Projection,
			projections.Build{Version: c.version, Folds: c.folds}, c.anew)
		must(t, err)
		if made.Number != c.number || made.Version != c.version || made.Folds != c.folds {
			t.Fatalf("call %d begins build %d with version %d and folds %s; wanted are %+v", i, made.Number,
				made.Version, made.Folds, c)
		}
		if made.Number > len(all) {
			all = append(all, projections.Build{
				Projection: b.Name, Number: c.number, Version: c.version, Folds: c.folds,
				Status: projections.Filling,
			})
		}
		s.mustHave(t, b, all...)
	}
}

func buildIsDropped(t *testing.T, s *suite) {
	b := s.newBank()
	first, second := s.begin(t, b), s.begin(t, b)
	must(t, first.TakeOver(t.Context(), patience))
	old := claim(t, second, 0)[0]
	must(t, s.Drop(t.Context(), &b.Projection, 2))

	_, err := s.Open(t.Context(), &b.Projection, 2)
	mustBe(t, err, projections.ErrNoBuild)
	mustBe(t, s.Drop(t.Context(), &b.Projection, 2), projections.ErrNoBuild)
	_, err = second.Claim(t.Context(), []projections.Partition{partition(0)})
	mustBe(t, err, projections.ErrNoBuild)
	_, err = second.States(t.Context(), "account", []string{"alice"})
	mustBe(t, err, projections.ErrNoBuild)
	mustBe(t, second.TakeOver(t.Context(), patience), projections.ErrNoBuild)
	mustBe(t, second.Mend(t.Context(), nil, nil), projections.ErrNoBuild)
	mustBe(t, second.Look(t.Context(), func(v projections.View) error {
		_, err := v.Row(t.Context(), b.accounts, "alice")
		return err
	}), projections.ErrNoBuild)
	late := batch(t, 1, step(old, 1), b.put(account{ID: "alice", Balance: 1}))
	mustBe(t, second.Write(t.Context(), late), projections.ErrNoBuild)

	if err := s.Drop(t.Context(), &b.Projection, 1); err == nil {
		t.Fatal("the live build was dropped")
	}
	s.mustHave(t, b, projections.Build{
		Projection: b.Name, Number: 1, Version: 1, Folds: "account=1", Status: projections.Live,
	})
}

func numberIsNotUsedAgain(t *testing.T, s *suite) {
	b := s.newBank()
	dropped := s.begin(t, b)
	old := claim(t, dropped, 0)[0]
	must(t, s.Drop(t.Context(), &b.Projection, 1))
	s.mustHave(t, b)
	fresh := s.begin(t, b)
	s.mustHave(t, b, projections.Build{
		Projection: b.Name, Number: 2, Version: 1, Folds: "account=1", Status: projections.Filling,
	})

	claim(t, fresh, 0)
	late := batch(t, 1, step(old, 1), b.put(account{ID: "alice", Balance: 1}))
	mustBe(t, dropped.Write(t.Context(), late), projections.ErrNoBuild)
	s.mustHold(t, b, fresh, nothing())
}

func thereIsNoOtherBuild(t *testing.T, s *suite) {
	b := s.newBank()
	_, err := s.Open(t.Context(), &b.Projection, 1)
	mustBe(t, err, projections.ErrNoBuild)
	mustBe(t, s.Drop(t.Context(), &b.Projection, 1), projections.ErrNoBuild)
	s.mustHaveNoneLive(t, b)
	s.begin(t, b)
	s.mustHaveNoneLive(t, b)
}

func (s *suite) mustHaveNoneLive(t *testing.T, b *bank) {
	t.Helper()
	_, err := s.LiveRow(t.Context(), &b.Projection, b.accounts, "alice")
	mustBe(t, err, projections.ErrNoBuild)
	mustBe(t, s.LookLive(t.Context(), &b.Projection, func(projections.View) error {
		t.Error("a build was shown that is not live")
		return nil
	}), projections.ErrNoBuild)
}

func mergesAreRefused(t *testing.T, s *suite) {
	b := s.newBank()
	build := s.begin(t, b)
	p := claim(t, build, 0)[0]
	merge := b.odd.Merge(odd{Key: "a", Text: "b"}, "text")
	mustBe(t, build.Write(t.Context(), batch(t, 1, step(p, 1), merge)), projections.ErrCantMerge)

	b = s.newBank()
	b.Tables = append(b.Tables, b.totals.Table)
	_, err := s.Begin(t.Context(), &b.Projection, projections.Build{Version: 1}, false)
	mustBe(t, err, projections.ErrCantMerge)
}
