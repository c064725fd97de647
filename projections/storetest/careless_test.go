package storetest

import (
	"context"
	"errors"
	"testing"

	"refold/projections"
	"refold/projections/memory"
)

var errCrash = errors.New("the process dies")

// A member dies between the two steps of a careless store, and another one takes its batch again.
func TestTwoStepsDoubleSums(t *testing.T) {
	events := deposits(0, 3, 20)
	for _, c := range []struct {
		name    string
		store   func(projections.Store, func() error) projections.Store
		doubled bool
	}{
		{"two steps (twin)", Careless, true},
		{"one step, a crash before it", diesBefore, false},
		{"one step, a crash after it", diesAfter, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			crashes := 1
			s := &suite{Store: c.store(&memory.Store{}, func() error {
				crashes--
				if crashes == 0 {
					return errCrash
				}
				return nil
			})}
			b := s.newBank()
			s.begin(t, b)
			m, err := s.join(t.Context(), b, s.open(t, b, 1), 0)
			must(t, err)
			mustBe(t, m.takeAll(t.Context(), events, 5), errCrash)
			heir, err := s.join(t.Context(), b, s.open(t, b, 1), 0)
			must(t, err)
			must(t, heir.takeAll(t.Context(), events, 5))
			want := b.after(true, events)
			found := look(t, b, s.open(t, b, 1))
			found.progress = nil
			switch diff := differences(b.Tables, want, found); {
			case c.doubled && len(diff) == 0:
				t.Fatal("nothing is doubled: the twin is none")
			case !c.doubled && len(diff) > 0:
				t.Fatal(diff)
			case c.doubled:
				mustBeDoubled(t, b, events, found)
			}
		})
	}
}

// mortal is a store whose process dies before or after a batch is written.
type mortal struct {
	projections.Store
	before, after func() error
}

func diesBefore(s projections.Store, crash func() error) projections.Store {
	return &mortal{s, crash, func() error { return nil }}
}

func diesAfter(s projections.Store, crash func() error) projections.Store {
	return &mortal{s, func() error { return nil }, crash}
}

func (m *mortal) Open(
	ctx context.Context, p *projections.Projection, number int,
) (projections.OpenBuild, error) {
	build, err := m.Store.Open(ctx, p, number)
	return &mortalBuild{build, m}, err
}

type mortalBuild struct {
	projections.OpenBuild
	store *mortal
}

func (m *mortalBuild) Write(ctx context.Context, batch *projections.Batch) error {
	if err := m.store.before(); err != nil {
		return err
	}
	if err := m.OpenBuild.Write(ctx, batch); err != nil {
		return err
	}
	return m.store.after()
}

// mustBeDoubled expects the first batch in the sums twice, and all other rows as they should be.
func mustBeDoubled(t *testing.T, b *bank, events []deposit, found contents) {
	t.Helper()
	want := b.after(true, events)
	twice := b.after(true, events, events[:5])
	want.rows[b.totals.Table] = twice.rows[b.totals.Table]
	mustEqual(t, b, want, found)
}

// A store that keeps offsets elsewhere does not pass for one that writes in one step.
func TestTwoStepsAreTheSameWithoutACrash(t *testing.T) {
	s := &suite{Store: Careless(&memory.Store{}, nil)}
	b := s.newBank()
	events := deposits(0, 3, 20)
	s.begin(t, b)
	m, err := s.join(t.Context(), b, s.open(t, b, 1), 0)
	must(t, err)
	must(t, m.takeAll(t.Context(), events, 5))
	s.mustHold(t, b, m.build, b.after(true, events))
}
