package views_test

import (
	"errors"
	"testing"

	"refold/processors"
	"refold/views"
)

// sessionThatNeverRan prepares a session that does not run, and has a standby open its stores. It returns
// what a look for a command by its ID alone then says.
func sessionThatNeverRan(t *testing.T, end bool) error {
	t.Helper()
	f := newFixture(t)
	mine := keyIn(1, 0)
	f.writeResult(t, mine, "c-1", processors.Result{CommandType: "Add", Code: "no"})
	o := f.owner(t, views.Limits{})
	o.begin(1)
	eventually(t, func() bool { // the copies are open
		_, err := o.CommandsOf(t.Context(), "c-1")
		return errors.Is(err, views.ErrNotHere)
	})
	if end {
		o.End("counter")
	}
	for _, c := range o.Copies("counter") {
		standby, err := c.Open(t.Context(), 1)
		must(t, err)
		must(t, standby.Open())
		t.Cleanup(func() { _ = standby.Close() })
	}
	_, err := o.CommandsOf(t.Context(), "another's")
	o.End("counter")
	return err
}

// A session that was prepared and never ran leaves nothing that a reader could meet.
func TestOwned_sessionThatNeverRan(t *testing.T) {
	if err := sessionThatNeverRan(t, true); !errors.Is(err, views.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

// Without End, readers fail: the store of a copy has another user.
func TestOwned_sessionThatNeverRan_reproduction(t *testing.T) {
	if err := sessionThatNeverRan(t, false); err == nil || errors.Is(err, views.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}
