package compare_test

import (
	"errors"
	"testing"

	"refold/processors/accounts"
	"refold/projections"
	"refold/projections/compare"
)

// Mending goes on while the projector does: it folds what has come, and tries again.
func TestMendWhileItGoesOn(t *testing.T) {
	w := newWorld(t)
	w.fill(6)
	w.spoil(put(w.totals, total{"EUR", 1, 1}), put(w.balances, balance{ID: "account-0", Balance: -7}))
	_, found := w.run(nil)
	w.same("differences", names(found), []string{"differs balances account-0", "differs totals EUR"})
	tries := 0
	o := w.options(nil)
	o.Open = &build{OpenBuild: w.open, mend: func() error {
		tries++
		if tries < 4 {
			w.does("account-2", accounts.DepositMoney{Amount: 3, Currency: "EUR"})
			w.project()
		}
		return nil
	}}
	n, err := compare.Mend(w.ctx, o, found, func(compare.Difference) error { return nil })
	w.must(err)
	w.same("rows written", n, 2)
	w.same("tries", tries, 4)
	_, found = w.run(nil)
	w.same("differences", names(found), []string(nil))
}

// Mending has its limits.
func TestMendThatCannotBe(t *testing.T) {
	w := newWorld(t)
	w.fill(6)
	w.spoil(put(w.totals, total{"EUR", 1, 1}))
	_, found := w.run(nil)
	for want, change := range map[error]func(*compare.Options){
		compare.ErrTooMany: func(o *compare.Options) { o.States = 2 },
		compare.ErrTooBusy: func(o *compare.Options) {
			o.Open = &build{OpenBuild: w.open, mend: func() error { return projections.ErrMoved }}
		},
		projections.ErrNoBuild: func(o *compare.Options) {
			o.Open = &build{OpenBuild: w.open, mend: func() error { return projections.ErrNoBuild }}
		},
	} {
		o := w.options(nil)
		change(&o)
		n, err := compare.Mend(w.ctx, o, found, func(compare.Difference) error { return nil })
		if n != 0 || !errors.Is(err, want) {
			t.Errorf("%d rows were written, and the error is %v; want %v", n, err, want)
		}
	}
}
