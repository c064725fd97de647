package storetest

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"refold/projections"
)

var ofFencing = []promise{
	{name: "a claim raises the epoch", test: claimRaisesTheEpoch},
	{name: "claims at the same time have epochs of their own", test: claimsHaveEpochsOfTheirOwn},
	{name: "a member that was fenced writes nothing", test: fencedWritesNothing},
	{name: "a partition that was not claimed is not written to", test: unclaimedIsNotWritten},
	{name: "a batch that begins elsewhere writes nothing", test: movedWritesNothing},
	{name: "a batch is taken once", test: batchIsTakenOnce},
	{name: "a batch of several partitions is written whole or not at all", test: partitionsAreOneStep},
	{name: "partitions and topics go on by themselves", test: partitionsAreSeparate},
	{name: "builds go on by themselves", test: buildsAreSeparate},
}

func claimRaisesTheEpoch(t *testing.T, s *suite) {
	b := s.newBank()
	build := s.begin(t, b)
	first := claim(t, build, 0, 7)
	for i, number := range []int32{0, 7} {
		want := projections.Progress{Partition: partition(number), Epoch: first[i].Epoch, Next: -1}
		if diff := cmp.Diff(want, first[i]); diff != "" || want.Epoch < 1 {
			t.Fatalf("a new partition's progress is %+v; it must be at -1, with an epoch from 1", first[i])
		}
	}
	advance := step(first[0], 5)
	must(t, build.Write(t.Context(), batch(t, 1, advance)))

	again := claim(t, s.open(t, b, 1), 0)[0]
	if again.Epoch <= first[0].Epoch {
		t.Fatalf("the epoch is %d after %d; it must be raised", again.Epoch, first[0].Epoch)
	}
	advance.Epoch = again.Epoch
	s.mustHold(t, b, build, contents{progress: []projections.Progress{stepped(advance), first[1]}})
	if none, err := build.Claim(t.Context(), nil); err != nil || len(none) > 0 {
		t.Fatalf("a claim of no partition returns %v and %v; it must be nothing", none, err)
	}
}

func claimsHaveEpochsOfTheirOwn(t *testing.T, s *suite) {
	b := s.newBank()
	s.begin(t, b)
	const members = 8
	var mu sync.Mutex
	epochs := make(map[int64]int)
	var claims sync.WaitGroup
	for i := range members {
		build := s.open(t, b, 1)
		claims.Go(func() {
			asked := []projections.Partition{partition(0), partition(1)}
			if i%2 == 1 { // in another order
				asked[0], asked[1] = asked[1], asked[0]
			}
			claimed, err := build.Claim(t.Context(), asked)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, p := range claimed {
				epochs[p.Epoch]++
			}
		})
	}
	claims.Wait()
	for epoch, times := range epochs {
		if times != 2 { // once for each partition
			t.Errorf("epoch %d was given %d times; it must be once for each partition", epoch, times)
		}
	}
	if len(epochs) != members {
		t.Errorf("%d members have %d epochs", members, len(epochs))
	}
}

// aliceOpens is what a member has written before others are refused.
func aliceOpens(b *bank) *projections.Batch {
	return &projections.Batch{
		States:  []projections.StoredState{state("alice", 1, "one")},
		Changes: []projections.Change{b.put(account{ID: "alice", Balance: 1, Order: 1})},
	}
}

// attempt is a batch that changes a row and a state, and makes others.
func attempt(tb testing.TB, b *bank, advances ...projections.Advance) *projections.Batch {
	tb.Helper()
	return &projections.Batch{
		Advances: advances,
		States:   []projections.StoredState{state("alice", 2, "two"), state("bob", 1, "one")},
		Changes: sorted(tb, 2, b.put(account{ID: "alice", Balance: 2, Order: 2}),
			b.put(account{ID: "bob", Balance: 2, Order: 1})),
	}
}

// mustWriteNothing writes a batch, and fails the test unless it is refused by that error without a trace.
func mustWriteNothing(
	tb testing.TB, b *bank, build projections.OpenBuild, batch *projections.Batch, want error,
) {
	tb.Helper()
	before := look(tb, b, build, "alice", "bob")
	mustBe(tb, build.Write(tb.Context(), batch), want)
	mustEqual(tb, b, before, look(tb, b, build, "alice", "bob"))
}

func fencedWritesNothing(t *testing.T, s *suite) {
	b := s.newBank()
	zombie := s.begin(t, b)
	old := claim(t, zombie, 0)[0]
	first := aliceOpens(b)
	first.Advances = []projections.Advance{step(old, 1)}
	must(t, zombie.Write(t.Context(), first))
	old = stepped(first.Advances[0])

	heir := s.open(t, b, 1)
	now := claim(t, heir, 0)[0]
	mustWriteNothing(t, b, zombie, attempt(t, b, step(old, 2)), projections.ErrFenced)

	must(t, heir.Write(t.Context(), batch(t, 2, step(now, 2),
		b.put(account{ID: "alice", Balance: 5, Order: 2}))))
	mustWriteNothing(t, b, zombie, attempt(t, b, step(old, 2)), projections.ErrFenced)
	s.mustHold(t, b, heir, nothing().with(b.accounts, b.row(account{ID: "alice", Balance: 5, Order: 2})).
		at(step(now, 2)).knowing(state("alice", 1, "one")))
}

func unclaimedIsNotWritten(t *testing.T, s *suite) {
	b := s.newBank()
	build := s.begin(t, b)
	claim(t, build, 0)
	for _, from := range []int64{-1, 0} {
		other := projections.Progress{Partition: partition(1), Epoch: 1, Next: from}
		mustWriteNothing(t, b, build, attempt(t, b, step(other, 1)), projections.ErrFenced)
	}
}

func movedWritesNothing(t *testing.T, s *suite) {
	b := s.newBank()
	build := s.begin(t, b)
	p := claim(t, build, 0)[0]
	for _, from := range []int64{0, 1} { // it is at -1
		elsewhere := p
		elsewhere.Next = from
		mustWriteNothing(t, b, build, attempt(t, b, step(elsewhere, 10)), projections.ErrMoved)
	}
	first := aliceOpens(b)
	first.Advances = []projections.Advance{step(p, 5)}
	must(t, build.Write(t.Context(), first))
	for _, from := range []int64{-1, 4, 6} {
		elsewhere := p
		elsewhere.Next = from
		mustWriteNothing(t, b, build, attempt(t, b, step(elsewhere, 10)), projections.ErrMoved)
	}
}

// A member that does not know whether its batch was written, writes it again.
func batchIsTakenOnce(t *testing.T, s *suite) {
	b := s.newBank()
	build := s.begin(t, b)
	p := claim(t, build, 0)[0]
	once := aliceOpens(b)
	once.Advances = []projections.Advance{step(p, 5)}
	must(t, build.Write(t.Context(), once))
	mustWriteNothing(t, b, build, once, projections.ErrMoved)
	s.mustHold(t, b, build, nothing().with(b.accounts, b.row(account{ID: "alice", Balance: 1, Order: 1})).
		at(once.Advances[0]).knowing(once.States...))
}

func partitionsAreOneStep(t *testing.T, s *suite) {
	b := s.newBank()
	build := s.begin(t, b)
	ps := claim(t, build, 0, 1, 2)
	first := aliceOpens(b)
	first.Advances = []projections.Advance{step(ps[0], 1), step(ps[1], 10), step(ps[2], 100)}
	must(t, build.Write(t.Context(), first))
	s.mustHold(t, b, build, nothing().at(first.Advances...).knowing(first.States...).
		with(b.accounts, b.row(account{ID: "alice", Balance: 1, Order: 1})))
	for i, a := range first.Advances {
		ps[i] = stepped(a)
	}

	for late := range ps {
		// Each partition in turn is claimed by another member, and then known to the first one again.
		claimed := claim(t, s.open(t, b, 1), int32(late))[0]
		all := []projections.Advance{step(ps[0], 200), step(ps[1], 200), step(ps[2], 200)}
		mustWriteNothing(t, b, build, attempt(t, b, all...), projections.ErrFenced)
		ps[late] = claimed

		all[late] = step(claimed, 200)
		all[late].From--
		mustWriteNothing(t, b, build, attempt(t, b, all...), projections.ErrMoved)
	}
	must(t, build.Write(t.Context(), attempt(t, b, step(ps[0], 200), step(ps[1], 200), step(ps[2], 200))))
}

func partitionsAreSeparate(t *testing.T, s *suite) {
	b := s.newBank()
	build := s.begin(t, b)
	ps := claim(t, build, 0, 1)
	other, err := build.Claim(t.Context(), []projections.Partition{{Topic: "orders-events", Partition: 1}})
	must(t, err)
	a, o := step(ps[0], 3), step(other[0], 4)
	a.Time = moment(0)
	must(t, build.Write(t.Context(), batch(t, 1, a)))
	must(t, build.Write(t.Context(), batch(t, 1, o)))

	// A batch without a time, such as one of records that are no events, leaves the time that is there.
	later := step(stepped(a), 9)
	later.Time = time.Time{}
	must(t, build.Write(t.Context(), batch(t, 1, later)))
	want := stepped(later)
	want.Time = a.Time
	s.mustHold(t, b, build, contents{progress: []projections.Progress{want, ps[1], stepped(o)}})
}

func buildsAreSeparate(t *testing.T, s *suite) {
	b := s.newBank()
	first, second := s.begin(t, b), s.begin(t, b)
	p := claim(t, first, 0)[0]
	claim(t, second, 0)
	one := aliceOpens(b)
	one.Advances = []projections.Advance{step(p, 5)}
	must(t, first.Write(t.Context(), one))
	s.mustHold(t, b, second, nothing())
	if known, err := second.States(t.Context(), "account", []string{"alice"}); err != nil || len(known) > 0 {
		t.Fatalf("the other build has the states %v (%v); it must have none", known, err)
	}
	now := claim(t, second, 0)[0]
	must(t, second.Write(t.Context(), batch(t, 3, step(now, 9),
		b.put(account{ID: "alice", Balance: 3, Order: 3}))))
	s.mustHold(t, b, first, nothing().with(b.accounts, b.row(account{ID: "alice", Balance: 1, Order: 1})).
		at(one.Advances[0]).knowing(one.States...))
}
