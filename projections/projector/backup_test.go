package projector

import (
	"testing"

	"refold/projections/memory"
)

// G12: after a backup is restored, members go on from what it has, and the rows end right.
func TestRestoredBackup(t *testing.T) {
	w, p := newWorld(t), ledger(1, 1)
	w.start(w.options(p))
	w.start(w.options(p))
	w.add(1, ids...)
	w.eventually(p, 1, 1)
	backup, err := w.store.backup(p, ids)
	must(t, err)
	for range 5 {
		w.add(2, ids...)
	}
	w.eventually(p, 1, 1)
	w.store.set(func(s *flaky) { s.inner = backup })
	w.add(3, ids...)
	w.eventually(p, 1, 1)
}

// After a backup was restored, the states in the store are older than the next events. That is no gap in the
// events: nothing is set aside.
func TestRestoredBackupIsNoPoison(t *testing.T) {
	w, p := newWorld(t), ledger(1, 1)
	o := w.options(p)
	o.States = 1 // nearly all states are read from the store
	w.start(o)
	w.add(1, ids...)
	w.eventually(p, 1, 1)
	backup, err := w.store.backup(p, ids)
	must(t, err)
	w.add(2, ids...)
	w.eventually(p, 1, 1)
	w.store.set(func(s *flaky) { s.states = func() { s.inner = backup } })
	w.add(3, ids...)
	w.eventually(p, 1, 1)
	if letters := w.letters(); len(letters) > 0 {
		t.Errorf("%d events were set aside; the first because %s", len(letters), letters[0].Message)
	}
}

// G12: a backup of before the first build is restored: a build begins, and takes all events again.
func TestRestoredBackupWithoutABuild(t *testing.T) {
	w, p := newWorld(t), ledger(1, 1)
	w.start(w.options(p))
	w.add(1, ids...)
	w.eventually(p, 1, 1)
	w.store.set(func(s *flaky) { s.inner = &memory.Store{} })
	w.add(2, ids...)
	w.untilLive(p, 1)
	w.eventually(p, 1, 1)
}
