package storetest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"refold/projections"
)

var ofTakeOvers = []promise{
	{name: "the first build takes over at once", test: firstTakesOver},
	{name: "a build that is behind does not take over", test: behindDoesNotTakeOver},
	{name: "a live build that is set back can be taken over from", test: setBack},
	{name: "a build that is level takes over, and the old one may come back", test: levelTakesOver},
	{name: "the live build is held until the next one is level", test: liveIsHeld},
	{name: "a hold lapses when its caller dies", test: holdLapses},
	{name: "of builds that take over at the same time one is live", test: oneIsLive},
	{name: "readers never see less", test: readersNeverSeeLess},
}

// brief is a hold that lapses within a test. No test depends on how long it is.
const brief = 200 * time.Millisecond

func (s *suite) statuses(tb testing.TB, b *bank) []projections.Status {
	tb.Helper()
	builds, err := s.Builds(tb.Context(), b.Name)
	must(tb, err)
	all := make([]projections.Status, len(builds))
	for i, build := range builds {
		all[i] = build.Status
	}
	return all
}

func (s *suite) mustBeStatuses(t *testing.T, b *bank, want ...projections.Status) {
	t.Helper()
	found := s.statuses(t, b)
	for i := range want {
		if len(found) != len(want) || found[i] != want[i] {
			t.Fatalf("the builds are %v; they must be %v", found, want)
		}
	}
}

// mustSee fails the test unless readers see a row of accounts, by the columns that the bank has.
func (s *suite) mustSee(t *testing.T, b *bank, want account) {
	t.Helper()
	found, err := s.LiveRow(t.Context(), &b.Projection, b.accounts, want.ID)
	must(t, err)
	for _, diff := range rowsDiffer(b.accounts, want.ID, b.accounts.Values(b.row(want)), found) {
		t.Errorf("readers see: %s", diff)
	}
}

func firstTakesOver(t *testing.T, s *suite) {
	b := s.newBank()
	w := s.newWriter(t, b)
	alice := account{ID: "alice", Balance: 1}
	w.write(t, b.put(alice))
	must(t, w.build.TakeOver(t.Context(), patience))
	s.mustBeStatuses(t, b, projections.Live)
	s.mustSee(t, b, alice)
	none, err := s.LiveRow(t.Context(), &b.Projection, b.accounts, "bob")
	if none != nil || err != nil {
		t.Fatalf("a row that is not there is %v (%v); it must be nil", none, err)
	}
	must(t, w.build.TakeOver(t.Context(), patience)) // again
	s.mustBeStatuses(t, b, projections.Live)
	alice.Balance = 2
	w.write(t, b.put(alice))
	s.mustSee(t, b, alice)
}

func behindDoesNotTakeOver(t *testing.T, s *suite) {
	b := s.newBank()
	live := s.newWriter(t, b)
	live.write(t, b.put(account{ID: "alice", Balance: 1}))
	must(t, live.build.TakeOver(t.Context(), patience))

	next := s.newWriter(t, b)
	mustBe(t, next.build.TakeOver(t.Context(), brief), projections.ErrBehind)
	s.mustBeStatuses(t, b, projections.Live, projections.Filling)
	s.mustSee(t, b, account{ID: "alice", Balance: 1})

	// A build that is level in one partition and has not claimed the other is behind, too.
	other := claim(t, live.build, 1)[0]
	onceNotHeld(t, live.build, batch(t, 2, step(other, 9)))
	next.write(t, b.put(account{ID: "alice", Balance: 1}))
	mustBe(t, next.build.TakeOver(t.Context(), brief), projections.ErrBehind)
	s.mustBeStatuses(t, b, projections.Live, projections.Filling)
}

// setBack is what an operator does after topics were restored from a backup.
func setBack(t *testing.T, s *suite) {
	b := s.newBank()
	live, next := s.newWriter(t, b), s.newWriter(t, b)
	live.write(t, b.put(account{ID: "alice", Balance: 1}))
	live.write(t, b.put(account{ID: "alice", Balance: 2}))
	must(t, live.build.TakeOver(t.Context(), patience))
	next.write(t, b.put(account{ID: "alice", Balance: 1}))
	mustBe(t, next.build.TakeOver(t.Context(), brief), projections.ErrBehind)

	at := claim(t, live.build, 0)[0]
	onceNotHeld(t, live.build, &projections.Batch{
		Advances: []projections.Advance{step(at, claim(t, next.build, 0)[0].Next)},
	})
	must(t, next.build.TakeOver(t.Context(), patience))
	s.mustBeStatuses(t, b, projections.Kept, projections.Live)
	s.mustSee(t, b, account{ID: "alice", Balance: 1})
}

func levelTakesOver(t *testing.T, s *suite) {
	first := s.newBank()
	second := first.next()
	live, next := s.newWriter(t, first), s.newWriter(t, second)
	alice := account{ID: "alice", Balance: 1, Group: "VIP"}
	live.write(t, first.put(alice))
	must(t, live.build.TakeOver(t.Context(), patience))
	next.write(t, second.put(alice))
	must(t, next.build.TakeOver(t.Context(), patience))
	s.mustBeStatuses(t, first, projections.Kept, projections.Live)
	s.mustSee(t, second, alice)
	s.mustSee(t, first, alice) // by the columns that it has known

	// Both go on, and readers see the live one.
	ahead := alice
	ahead.Balance = 3
	next.write(t, second.put(ahead))
	s.mustSee(t, second, ahead)
	mustBe(t, live.build.TakeOver(t.Context(), brief), projections.ErrBehind)
	live.write(t, first.put(ahead))
	must(t, live.build.TakeOver(t.Context(), patience))
	s.mustBeStatuses(t, first, projections.Live, projections.Kept)
	s.mustSee(t, first, ahead)

	onceNotHeld(t, next.build, batch(t, 9, step(next.progress, 9)))
	must(t, next.build.TakeOver(t.Context(), patience)) // it is ahead
	s.mustBeStatuses(t, first, projections.Kept, projections.Live)
	must(t, s.Drop(t.Context(), &first.Projection, 1))
	s.mustSee(t, second, ahead)
}

func liveIsHeld(t *testing.T, s *suite) {
	b := s.newBank()
	live, next := s.newWriter(t, b), s.newWriter(t, b)
	live.write(t, b.put(account{ID: "alice", Balance: 1}))
	must(t, live.build.TakeOver(t.Context(), patience))

	took := make(chan error, 1)
	go func() { took <- next.build.TakeOver(t.Context(), patience) }()
	waitUntilHeld(t, b, live)
	mustWriteNothing(t, b, live.build, attempt(t, b, step(live.progress, 9)), projections.ErrHeld)
	s.mustSee(t, b, account{ID: "alice", Balance: 1}) // readers are not held

	next.progress = catchUp(t, b, next, live)
	must(t, <-took)
	s.mustBeStatuses(t, b, projections.Kept, projections.Live)
	s.mustSee(t, b, account{ID: "alice", Balance: 2})
	live.write(t, b.put(account{ID: "alice", Balance: 3})) // it is not held any more
}

// onceNotHeld writes a batch as soon as the build is not held.
func onceNotHeld(t *testing.T, build projections.OpenBuild, batch *projections.Batch) {
	t.Helper()
	eventually(t, "the hold to end", func() bool {
		err := build.Write(t.Context(), batch)
		if err != nil {
			mustBe(t, err, projections.ErrHeld)
		}
		return err == nil
	})
}

// waitUntilHeld writes to the live build until it is held.
func waitUntilHeld(t *testing.T, b *bank, live *writer) {
	t.Helper()
	eventually(t, "the live build to be held", func() bool {
		live.sequence++
		next := batch(t, live.sequence, step(live.progress, live.progress.Next+1),
			b.put(account{ID: "alice", Balance: 1}))
		err := live.build.Write(t.Context(), next)
		if errors.Is(err, projections.ErrHeld) {
			return true
		}
		must(t, err)
		live.progress = stepped(next.Advances[0])
		return false
	})
}

// catchUp brings a build to where the live one is, in one batch that the live one lacks.
func catchUp(t *testing.T, b *bank, next, live *writer) projections.Progress {
	t.Helper()
	a := step(next.progress, live.progress.Next)
	must(t, next.build.Write(t.Context(), batch(t, 1, a, b.put(account{ID: "alice", Balance: 2}))))
	return stepped(a)
}

func holdLapses(t *testing.T, s *suite) {
	b := s.newBank()
	live, next := s.newWriter(t, b), s.newWriter(t, b)
	live.write(t, b.put(account{ID: "alice", Balance: 1}))
	must(t, live.build.TakeOver(t.Context(), patience))

	// The caller dies as soon as it holds the build.
	ctx, die := context.WithCancel(t.Context())
	dead := make(chan struct{})
	go func() {
		defer close(dead)
		for ctx.Err() == nil {
			err := next.build.TakeOver(ctx, brief)
			if !errors.Is(err, projections.ErrBehind) && ctx.Err() == nil {
				t.Errorf("a build that is behind takes over: %v", err)
				return
			}
		}
	}()
	waitUntilHeld(t, b, live)
	die()
	<-dead
	live.sequence++
	onceNotHeld(t, live.build, batch(t, live.sequence, step(live.progress, live.progress.Next+1),
		b.put(account{ID: "alice", Balance: 5})))
	s.mustBeStatuses(t, b, projections.Live, projections.Filling)
	s.mustSee(t, b, account{ID: "alice", Balance: 5})
}

func oneIsLive(t *testing.T, s *suite) {
	b := s.newBank()
	const builds = 4
	var all sync.WaitGroup
	for range builds {
		w := s.newWriter(t, b)
		w.write(t, b.put(account{ID: "alice", Balance: 1}))
		all.Go(func() {
			if err := w.build.TakeOver(t.Context(), patience); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	live := 0
	for _, status := range s.statuses(t, b) {
		if status == projections.Live {
			live++
		}
	}
	if live != 1 {
		t.Errorf("the builds are %v; one must be live", s.statuses(t, b))
	}
	s.mustSee(t, b, account{ID: "alice", Balance: 1})
}
