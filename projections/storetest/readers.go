package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"refold/projections"
)

// Two builds of two versions follow the events and take turns in being live, while readers read. No reader
// sees an account go back or vanish.
func readersNeverSeeLess(t *testing.T, s *suite) {
	const turns, readers, members = 6, 3, 2
	first := s.newBank()
	second := first.next()
	old, fresh := s.begin(t, first), s.begin(t, second)
	must(t, old.TakeOver(t.Context(), patience))

	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	var done atomic.Bool
	var seen atomic.Int64
	var all sync.WaitGroup
	begin := func(work func() error) {
		all.Go(func() {
			if err := work(); err != nil {
				t.Error(err)
				stop()
			}
		})
	}
	for number := range int32(members) {
		begin(func() error { return s.follow(ctx, first, old, number, &done) })
		begin(func() error { return s.follow(ctx, second, fresh, number, &done) })
	}
	for reader := range readers {
		begin(func() error { return s.watch(ctx, first, int32(reader%members), &done, &seen) })
	}
	for turn := range turns {
		for before := seen.Load(); seen.Load() == before && pause(ctx); {
		}
		next := []projections.OpenBuild{fresh, old}[turn%2]
		err := next.TakeOver(ctx, patience)
		for errors.Is(err, projections.ErrBehind) && pause(ctx) {
			err = next.TakeOver(ctx, patience)
		}
		if err != nil {
			t.Errorf("turn %d: %v", turn, err)
			break
		}
	}
	done.Store(true)
	all.Wait()
	s.mustBeStatuses(t, first, projections.Live, projections.Kept)
}

// one is the account of a partition that never stops: event n brings its balance to n.
func one(number int32) string { return fmt.Sprintf("account-of-partition-%d", number) }

// follow writes the events of a partition to a build, until all is done.
func (s *suite) follow(
	ctx context.Context, b *bank, build projections.OpenBuild, number int32, done *atomic.Bool,
) error {
	m, err := s.join(ctx, b, build, number)
	if err != nil {
		return err
	}
	for sequence := int64(1); !done.Load(); {
		a := step(m.progress, m.progress.Next+1)
		err := m.build.Write(ctx, &projections.Batch{
			Advances: []projections.Advance{a},
			Changes: []projections.Change{
				ordered(b.put(account{ID: one(number), Balance: sequence, Order: sequence}), sequence),
			},
		})
		switch {
		case err == nil:
			m.progress = stepped(a)
			sequence++
		case !errors.Is(err, projections.ErrHeld):
			return fmt.Errorf("partition %d of build of version %d: %w", number, b.Version, err)
		case !pause(ctx):
			return ctx.Err()
		}
	}
	return nil
}

func ordered(c projections.Change, sequence int64) projections.Change {
	c.Sequence = sequence
	return c
}

// watch reads the account of a partition as readers do, by the columns of a version, until all is done. It
// counts the rows that it has seen.
func (s *suite) watch(
	ctx context.Context, b *bank, number int32, done *atomic.Bool, rows *atomic.Int64,
) error {
	var seen int64
	for !done.Load() {
		row, err := s.LiveRow(ctx, &b.Projection, b.accounts, one(number))
		if err != nil {
			return fmt.Errorf("a reader: %w", err)
		}
		if row == nil {
			if seen > 0 {
				return fmt.Errorf("a reader has seen event %d of %s, and then no row", seen, one(number))
			}
			continue
		}
		balance := row[1].(int64)
		if balance < seen {
			return fmt.Errorf("a reader has seen event %d of %s, and then event %d", seen, one(number),
				balance)
		}
		seen = balance
		rows.Add(1)
	}
	return nil
}
