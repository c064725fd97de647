package projections_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"refold/projections"
	"refold/projections/memory"
)

// newPurses returns a projection of purses, and a build of it in memory that has claimed a partition.
func newPurses(t *testing.T, store *memory.Store) (*projections.Projection, projections.OpenBuild) {
	t.Helper()
	p := &projections.Projection{
		Name: "purses", Version: 1, Sources: []projections.Source{projections.FromStates(
			purse(), func(projections.State[Purse]) []projections.Change { return nil },
		)},
	}
	made, err := store.Begin(t.Context(), p, projections.Build{Version: 1}, true)
	must(t, err)
	open, err := store.Open(t.Context(), p, made.Number)
	must(t, err)
	_, err = open.Claim(t.Context(), []projections.Partition{purseEvents})
	must(t, err)
	return p, open
}

var purseEvents = projections.Partition{Topic: "shop-purse-events", Partition: 3}

// pursesTo returns a batch that leads to an offset, and purse p to a sequence.
func pursesTo(from, next, sequence int64) *projections.Batch {
	return &projections.Batch{
		Advances: []projections.Advance{{Partition: purseEvents, Epoch: 1, From: from, To: next}},
		States:   []projections.StoredState{{Aggregate: "purse", Subject: "p", Sequence: sequence}},
	}
}

func TestShows(t *testing.T) {
	var store memory.Store
	p, build := newPurses(t, &store)
	shows := func(text string) (bool, error) {
		t.Helper()
		at, err := projections.ParsePoint(text)
		must(t, err)
		return projections.Shows(t.Context(), &store, p, at)
	}
	if _, err := shows("purse/p@1"); !errors.Is(err, projections.ErrNoBuild) {
		t.Errorf("no build is live, and the error is %v", err)
	}
	must(t, build.TakeOver(t.Context(), time.Second))
	must(t, build.Write(t.Context(), pursesTo(-1, 8, 7)))
	for text, want := range map[string]bool{
		"purse/p@0": true, "purse/p@7": true, "purse/p@8": false, "purse/other@1": false,
		"shop-purse-events:3@0": true, "shop-purse-events:3@7": true, "shop-purse-events:3@8": false,
		"shop-purse-events:2@0": false, "purse-events:3@0": false,
	} {
		if is, err := shows(text); err != nil || is != want {
			t.Errorf("that it shows %s is said to be %v (%v); it must be %v", text, is, err, want)
		}
	}
	for text, want := range map[string]string{
		"account/p@1":        `the aggregate "account", and purses takes those of purse`,
		"account-events:3@7": "the topic account-events, and purses takes those of purse-events",
	} {
		_, err := shows(text)
		mustSay(t, err, want)
		if !errors.Is(err, projections.ErrNotTaken) {
			t.Errorf("the error about %s is %v; it must be ErrNotTaken", text, err)
		}
	}
}

// A wait lasts over the first take-over, and until the write.
func TestWait(t *testing.T) {
	var store memory.Store
	p, build := newPurses(t, &store)
	waited := make(chan error)
	for _, at := range []projections.Point{
		projections.Position{Aggregate: "purse", Subject: "p", Sequence: 7},
		projections.Offset{Partition: purseEvents, Offset: 7},
	} {
		go func() { waited <- projections.Wait(t.Context(), &store, p, at) }()
	}
	must(t, build.TakeOver(t.Context(), time.Second))
	must(t, build.Write(t.Context(), pursesTo(-1, 8, 7)))
	must(t, errors.Join(<-waited, <-waited))
}

// impatient ends the wait in its second look.
type impatient struct {
	projections.LiveReader

	looks int
	end   context.CancelFunc
}

func (i *impatient) LookLive(
	ctx context.Context, p *projections.Projection, look func(projections.View) error,
) error {
	i.looks++
	if i.looks == 2 {
		i.end()
		return ctx.Err()
	}
	return i.LiveReader.LookLive(ctx, p, look)
}

func TestWait_ends(t *testing.T) {
	var store memory.Store
	p, build := newPurses(t, &store)
	ended, cancel := context.WithCancel(t.Context())
	at := projections.Position{Aggregate: "purse", Subject: "p", Sequence: 7}
	err := projections.Wait(ended, &impatient{LiveReader: &store, end: cancel}, p, at)
	if !errors.Is(err, context.Canceled) || !errors.Is(err, projections.ErrNoBuild) {
		t.Errorf("the error is %v; it must say that ctx has ended, and that no build is live", err)
	}
	must(t, build.TakeOver(t.Context(), time.Second))
	err = projections.Wait(ended, &store, p, at)
	mustSay(t, err, "waiting for purse/p@7 in purses")
	if errors.Is(err, projections.ErrNoBuild) {
		t.Errorf("the error is %v; a build is live", err)
	}
	at.Aggregate = "account"
	if err := projections.Wait(t.Context(), &store, p, at); !errors.Is(err, projections.ErrNotTaken) {
		t.Errorf("the error is %v; no wait helps", err)
	}
}
