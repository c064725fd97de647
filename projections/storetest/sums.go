package storetest

import (
	"context"
	"math"
	"sync"
	"testing"

	"refold/projections"
)

var ofSums = []promise{
	{name: "members add to the same rows", unless: []Lack{NoMerge}, test: membersAdd},
	{name: "members fight for a partition", test: membersFight},
	{name: "a sum that is too large takes its batch along", unless: []Lack{NoMerge}, test: sumIsTooLarge},
	{name: "a batch is repeated after a crash", test: batchIsRepeated},
}

// Members write rows of their own and add to common ones at the same time. None waits for another for ever,
// and nothing is lost or doubled.
func membersAdd(t *testing.T, s *suite) {
	const members, events, perBatch = 6, 60, 7
	b := s.newBank()
	s.begin(t, b)
	partitions := make([][]deposit, members)
	var all sync.WaitGroup
	for i := range partitions {
		partitions[i] = deposits(int32(i), 5, events)
		build := s.open(t, b, 1)
		all.Go(func() {
			m, err := s.join(t.Context(), b, build, int32(i))
			if err == nil {
				err = m.takeAll(t.Context(), partitions[i], perBatch)
			}
			if err != nil {
				t.Errorf("member %d: %v", i, err)
			}
		})
	}
	all.Wait()
	s.mustHold(t, b, s.open(t, b, 1), b.after(true, partitions...))
}

// Members claim the same partition again and again, each in the middle of what another one writes.
func membersFight(t *testing.T, s *suite) {
	const members, claims = 4, 20
	b := s.newBank()
	s.begin(t, b)
	events := deposits(0, 3, 400)
	start := make(chan struct{})
	var all sync.WaitGroup
	for range members {
		build := s.open(t, b, 1)
		all.Go(func() {
			<-start
			for range claims {
				if err := s.takeUntilFenced(t.Context(), b, build, events); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	close(start)
	all.Wait()
	m, err := s.join(t.Context(), b, s.open(t, b, 1), 0)
	must(t, err)
	must(t, m.takeAll(t.Context(), events, 50))
	s.mustHold(t, b, m.build, b.after(s.can(NoMerge), events))
}

// takeUntilFenced claims a partition and writes its events, until there are no more or another member has
// claimed it.
func (s *suite) takeUntilFenced(
	ctx context.Context, b *bank, build projections.OpenBuild, events []deposit,
) error {
	m, err := s.join(ctx, b, build, 0)
	if err != nil {
		return err
	}
	err = m.takeAll(ctx, events, 3)
	if notTaken(err) {
		return nil
	}
	return err
}

func sumIsTooLarge(t *testing.T, s *suite) {
	for _, c := range []struct {
		name    string
		has, by int64
	}{
		{"by one", math.MaxInt64, 1},
		{"below", math.MinInt64, -1},
		{"by far", math.MaxInt64 - 5, math.MaxInt64},
		{"below by far", math.MinInt64 + 5, math.MinInt64},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := s.newBank()
			w := s.newWriter(t, b)
			full := total{Currency: "EUR", Amount: c.has}
			w.write(t, b.totals.Merge(full, "amount"), b.put(account{ID: "alice", Balance: 1}))

			over := attempt(t, b, step(w.progress, 5))
			over.Changes = append(over.Changes, sorted(t, 2,
				b.totals.Merge(total{Currency: "CHF", Amount: 1}, "amount"),
				b.totals.Merge(total{Currency: "EUR", Amount: c.by}, "amount"),
				b.totals.Merge(total{Currency: "USD", Amount: 1}, "amount"))...)
			before := look(t, b, w.build, "alice", "bob")
			mustBePoison(t, w.build.Write(t.Context(), over))
			mustEqual(t, b, before, look(t, b, w.build, "alice", "bob"))

			// Back to the middle there is room.
			w.write(t, b.totals.Merge(total{Currency: "EUR", Amount: -(c.has + 1)}, "amount"))
			full.Amount = -1
			s.mustHold(t, b, w.build, nothing().with(b.totals.Table, full).
				with(b.accounts, account{ID: "alice", Balance: 1}))
		})
	}
}

// A member dies at any point of its write. Another one goes on from the progress that it finds.
func batchIsRepeated(t *testing.T, s *suite) {
	b := s.newBank()
	events := deposits(0, 3, 80)
	s.begin(t, b)
	for most := range 8 {
		m, err := s.join(t.Context(), b, s.open(t, b, 1), 0)
		must(t, err)
		_, err = m.take(t.Context(), events, most+1)
		must(t, err) // The member dies before it hears that.
		zombie := *m
		heir, err := s.join(t.Context(), b, s.open(t, b, 1), 0)
		must(t, err)
		_, err = heir.take(t.Context(), events, 2)
		must(t, err)
		_, err = zombie.take(t.Context(), events, 3)
		mustBe(t, err, projections.ErrFenced)
	}
	m, err := s.join(t.Context(), b, s.open(t, b, 1), 0)
	must(t, err)
	must(t, m.takeAll(t.Context(), events, 10))
	s.mustHold(t, b, m.build, b.after(s.can(NoMerge), events))
}
