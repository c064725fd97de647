package storetest

import (
	"slices"
	"testing"

	"refold/projections"
)

// Lack is a promise of [projections.Store] that a store does not make.
type Lack string

// Promises that a store may leave out. It says so in its documentation.
const (
	// NoMerge: rows can't be merged. Begin and Write return ErrCantMerge.
	NoMerge Lack = "merge"
	// NoOneStep: a write is several steps, rows first and progress last. A batch that comes at the wrong
	// moment (ErrFenced, ErrMoved, ErrHeld) still writes nothing as long as nobody else writes just then. A
	// batch with a row that is refused may have written others.
	NoOneStep Lack = "one step"
	// NoOneMoment: views are not of one moment.
	NoOneMoment Lack = "one moment"
)

// suite is a store that is tested.
type suite struct {
	projections.Store
	lacks []Lack
}

func (s *suite) can(l Lack) bool { return !slices.Contains(s.lacks, l) }

// promise is a test of the suite.
type promise struct {
	name string
	// unless are the lacks with which a store need not keep it.
	unless []Lack
	// only is the lack that it is about.
	only Lack
	test func(t *testing.T, s *suite)
}

// Run tests a store. It calls open for each of its tests, for a store that may be empty, or has what earlier
// tests have left, and closes that afterwards. The store need not do what the lacks name.
func Run(t *testing.T, open func(t *testing.T) projections.Store, lacks ...Lack) {
	t.Helper()
	for _, p := range slices.Concat(
		ofBuilds, ofFencing, ofWrites, ofValues, ofSums, ofTakeOvers, ofViews, ofModels,
	) {
		lacking := func(l Lack) bool { return slices.Contains(lacks, l) }
		if slices.ContainsFunc(p.unless, lacking) || p.only != "" && !lacking(p.only) {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			store := open(t)
			t.Cleanup(func() {
				if err := store.Close(); err != nil {
					t.Errorf("closing the store: %v", err)
				}
			})
			p.test(t, &suite{Store: store, lacks: lacks})
		})
	}
}
