package builds

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"refold/installation"
	"refold/installation/stores"
	"refold/projections"
)

// Stored is a projection with its store.
type Stored struct {
	projections.Projection

	In    string // the store's name; empty: it has none
	Store projections.Store
}

// All returns the projections that have a store, of each the latest version that the program has.
func All(in *installation.Installation, given *stores.Stores) []Stored {
	return slices.DeleteFunc(Known(in, given), func(s Stored) bool { return s.Store == nil })
}

// Known is All with those that have no store.
func Known(in *installation.Installation, given *stores.Stores) (all []Stored) {
	at := make(map[string]int)
	for _, p := range in.Projections() {
		name, store := given.Of(&p)
		i, known := at[p.Name]
		if !known {
			i = len(all)
			at[p.Name] = i
			all = append(all, Stored{p, name, store})
		}
		if p.Version > all[i].Version {
			all[i].Projection = p
		}
	}
	return all
}

// Named returns a projection that has a store, by its name.
func Named(in *installation.Installation, given *stores.Stores, name string) (Stored, error) {
	var names []string
	for _, s := range All(in, given) {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return Stored{}, fmt.Errorf("no projection %q has a store; there is %s", name, strings.Join(names, ", "))
}

// Build returns a build by its number; 0: the live one. The error may be projections.ErrNoBuild.
func (s *Stored) Build(ctx context.Context, number int) (projections.Build, error) {
	all, err := s.Store.Builds(ctx, s.Name)
	if err != nil {
		return projections.Build{}, err //nolint:wrapcheck // it says what was asked
	}
	i := slices.IndexFunc(all, func(b projections.Build) bool {
		return b.Number == number || number == 0 && b.Status == projections.Live
	})
	if i < 0 {
		asked := s.Name
		if number > 0 {
			asked = projections.Build{Projection: s.Name, Number: number}.Name()
		}
		return projections.Build{}, fmt.Errorf("%s: %w; project builds shows those that there are", asked,
			projections.ErrNoBuild)
	}
	return all[i], nil
}

// Shown is a build, and how far it has come.
type Shown struct {
	projections.Build

	// Known reports whether the program has the build's version: one of another version can't be opened, and
	// the rest is not known.
	Known bool
	// Partitions is how many have been claimed. Done is how many offsets of them were taken, and Behind how
	// many they lack together, as far as their members knew when they wrote.
	Partitions   int
	Done, Behind int64
	// Time is that of the latest event that was taken.
	Time time.Time
	// Progress is that of the partitions.
	Progress []projections.Progress
}

// Behind returns how many offsets a partition lacks.
func Behind(p projections.Progress) int64 { return max(0, p.End-max(p.Next, 0)) }

// Shown returns how far a build has come. One that is being made or dropped at this moment has not come far.
func (s *Stored) Shown(ctx context.Context, b projections.Build) (Shown, error) {
	shown := Shown{Build: b, Known: b.Version == s.Version}
	if !shown.Known {
		return shown, nil
	}
	open, err := s.Store.Open(ctx, &s.Projection, b.Number)
	var progress map[projections.Partition]projections.Progress
	if err == nil {
		progress, err = progressOf(ctx, open)
	}
	if errors.Is(err, projections.ErrNoBuild) {
		return shown, nil
	}
	for _, p := range progress {
		shown.Progress = append(shown.Progress, p)
		shown.Partitions++
		shown.Done += max(p.Next, 0)
		shown.Behind += Behind(p)
		if p.Time.After(shown.Time) {
			shown.Time = p.Time
		}
	}
	return shown, err //nolint:wrapcheck // it says which build
}

// Begin begins a build of the folds of the latest one of the program's version, filled from tables or from
// all events.
func (s *Stored) Begin(ctx context.Context, fromTables bool) (b projections.Build, err error) {
	if fromTables {
		if err := s.CanFillFromTables(); err != nil {
			return b, fmt.Errorf("projections.from-tables: %w", err)
		}
	}
	all, err := s.Store.Builds(ctx, s.Name)
	if err != nil {
		return b, err //nolint:wrapcheck // it says what was asked
	}
	for _, other := range all {
		if other.Version == s.Version {
			b = other
		}
	}
	if b.Number == 0 {
		return b, fmt.Errorf("%s has no build of version %d yet; it begins when a worker runs, or processor "+
			"project", s.Name, s.Version)
	}
	return s.Store.Begin(ctx, &s.Projection, projections.Build{ //nolint:wrapcheck // it says which projection
		Version: b.Version, Folds: b.Folds, FromTables: fromTables,
	}, true)
}

// takeOverHold is how long the live build may stand still.
const takeOverHold = 10 * time.Second

// TakeOver makes a build the one that readers see. fewer sets the live one back before, wherever it has taken
// more than this one: that of topics that were restored, and have fewer events.
func (s *Stored) TakeOver(ctx context.Context, number int, fewer bool) error {
	open, err := s.Store.Open(ctx, &s.Projection, number)
	if err == nil && fewer {
		err = s.giveUp(ctx, open)
	}
	if err != nil {
		return err //nolint:wrapcheck // it says which build
	}
	return open.TakeOver(ctx, takeOverHold) //nolint:wrapcheck // it says which build
}

// Drop removes a build with all its rows. The live one is refused.
func (s *Stored) Drop(ctx context.Context, number int) error {
	return s.Store.Drop(ctx, &s.Projection, number) //nolint:wrapcheck // it says which build
}
