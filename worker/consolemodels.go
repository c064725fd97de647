package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"refold/console/operations"
	"refold/installation/builds"
	"refold/projections"
)

// consoleModels tells the console of read models.
type consoleModels struct{ worker *Worker }

// ReadModels implements operations.ReadModels. A store that does not answer spoils nothing but its own.
func (c consoleModels) ReadModels(ctx context.Context) (all []operations.ReadModel, err error) {
	w := c.worker
	held := c.held()
	for _, s := range builds.Known(w.in, w.readStores) {
		m := operations.ReadModel{Name: s.Name, Version: s.Version, Store: s.In, Held: held[s.Name]}
		if s.Store != nil {
			limited, cancel := context.WithTimeout(ctx, w.config.Projections.StoreTimeout)
			m.Builds, err = c.builds(limited, &s)
			cancel()
			if err != nil {
				m.Wrong = err.Error()
			}
		}
		all = append(all, m)
	}
	return all, nil
}

func (c consoleModels) builds(ctx context.Context, s *builds.Stored) ([]operations.Build, error) {
	found, err := s.Store.Builds(ctx, s.Name)
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what was asked
	}
	shown := make([]operations.Build, len(found))
	for i, b := range found {
		at, err := s.Shown(ctx, b)
		shown[i] = operations.Build{
			Number: b.Number, Version: b.Version, Folds: b.Folds, Status: string(b.Status), Began: b.Began,
			Known: at.Known, Partitions: at.Partitions,
			Of:   len(s.Reads()) * int(c.worker.partitions.Load()),
			Done: at.Done, Total: at.Done + at.Behind, Latest: at.Time,
		}
		if err != nil {
			shown[i].Wrong = err.Error()
		}
	}
	return shown, nil
}

// held says by the names of projections what keeps this worker from filling them.
func (c consoleModels) held() map[string][]string {
	held := make(map[string][]string)
	p := c.worker.projector
	if p == nil {
		return held
	}
	for _, l := range p.Lag() {
		if l.Held != nil {
			held[l.Projection] = append(held[l.Projection],
				fmt.Sprintf("build %d, %s/%d: %v", l.Build, l.Topic, l.Partition.Partition, l.Held))
		}
	}
	return held
}

// of returns a read model that has a store.
func (c consoleModels) of(name string) (*builds.Stored, error) {
	s, err := builds.Named(c.worker.in, c.worker.readStores, name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", operations.ErrNoBuild, err)
	}
	return &s, nil
}

// Rebuild implements operations.ReadModels.
func (c consoleModels) Rebuild(ctx context.Context, name string) (int, error) {
	s, err := c.of(name)
	if err != nil {
		return 0, err
	}
	b, err := s.Begin(ctx, slices.Contains(c.worker.config.Projections.FromTables, name))
	return b.Number, buildError(err)
}

// TakeOver implements operations.ReadModels.
func (c consoleModels) TakeOver(ctx context.Context, name string, number int) error {
	s, err := c.of(name)
	if err != nil {
		return err
	}
	return buildError(s.TakeOver(ctx, number, false))
}

// Drop implements operations.ReadModels.
func (c consoleModels) Drop(ctx context.Context, name string, number int) error {
	s, err := c.of(name)
	if err != nil {
		return err
	}
	return buildError(s.Drop(ctx, number))
}

func buildError(err error) error {
	if errors.Is(err, projections.ErrNoBuild) {
		return fmt.Errorf("%w: %w", operations.ErrNoBuild, err)
	}
	return err
}
