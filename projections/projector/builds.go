package projector

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"refold/kafka"
	"refold/processors"
	"refold/projections"
)

// runner is a projection of the program, with the builds that this process takes part in.
type runner struct {
	*shared
	of     *Projected
	folds  string
	topics []string // by source
	health *health
	log    *slog.Logger

	mu      sync.Mutex
	started map[int]*started
	// seen are the builds of the last look; nil before the first one that succeeded. waiting is the number of
	// the build that an operator has to make live, 0 if there is none.
	seen    []projections.Build
	waiting int
	group   sync.WaitGroup
}

// started is a build that runs, by one or several members.
type started struct {
	build   projections.Build
	open    projections.OpenBuild
	log     *slog.Logger
	members []*member
	stop    context.CancelFunc
	ended   chan struct{}
}

func newRunner(s *shared, of *Projected) *runner {
	log := s.logger.With("projection", of.Projection.Name)
	r := &runner{
		shared: s, of: of, folds: projections.Folds(of.Sources), log: log,
		health: newHealth(of.Projection.Name, log), started: make(map[int]*started),
	}
	for _, source := range of.Sources {
		r.topics = append(r.topics, processors.NewTopics(s.options.Prefix, source.Name, source.Plural).Events)
	}
	return r
}

// members returns those that run.
func (r *runner) members() []*member {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]*member, 0, len(r.started))
	for _, one := range r.started {
		all = append(all, one.members...)
	}
	return all
}

// looking names the fault of a store that can't say which builds there are.
const looking = "look after the builds of the projection"

// run runs all builds of the projection's version and folds until ctx ends.
func (r *runner) run(ctx context.Context) error {
	defer r.group.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	begun := false
	for {
		err := r.look(ctx, &begun)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, projections.ErrCantMerge):
			return fmt.Errorf("projection %s: %w", r.of.Projection.Name, err)
		case err != nil:
			r.health.failed(looking, err)
		default:
			r.health.ended(looking)
		}
		kafka.Sleep(ctx, r.options.LookEvery)
	}
}

// look begins the build of the projection's version and folds if there is none, runs those that have come,
// and stops those that have gone.
func (r *runner) look(ctx context.Context, begun *bool) error {
	if !*begun {
		if err := r.begin(ctx); err != nil {
			return err
		}
		*begun = true
	}
	builds, err := r.builds(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, b := range builds {
		if r.mine(b) {
			errs = append(errs, r.start(ctx, b))
		}
	}
	r.stopOthers(builds)
	*begun = slices.ContainsFunc(builds, r.mine) // the store was emptied, or restored from before it began
	errs = append(errs, r.takeOver(ctx, builds))
	return errors.Join(append(errs, r.dropKept(ctx, builds))...)
}

// begin begins the build of the projection's version and folds, unless it is there.
func (r *runner) begin(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, r.options.StoreTimeout)
	defer cancel()
	_, err := r.of.Store.Begin(limited, &r.of.Projection, projections.Build{
		Projection: r.of.Projection.Name, Version: r.of.Projection.Version, Folds: r.folds,
		FromTables: r.of.FromTables,
	}, false)
	if err != nil {
		return fmt.Errorf("begin a build: %w", err)
	}
	return nil
}

// mine reports whether a build has the projection's version and folds.
func (r *runner) mine(b projections.Build) bool {
	return b.Version == r.of.Projection.Version && b.Folds == r.folds
}

// builds asks the store which builds there are, and keeps that for those who want to know.
func (r *runner) builds(ctx context.Context) ([]projections.Build, error) {
	limited, cancel := context.WithTimeout(ctx, r.options.StoreTimeout)
	defer cancel()
	builds, err := r.of.Store.Builds(limited, r.of.Projection.Name)
	if err != nil {
		return nil, fmt.Errorf("ask which builds there are: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append([]projections.Build{}, builds...) // not nil
	return builds, nil
}

// start runs a build unless it runs.
func (r *runner) start(ctx context.Context, b projections.Build) error {
	r.mu.Lock()
	one := r.started[b.Number]
	r.mu.Unlock()
	if one != nil {
		select {
		case <-one.ended: // it was dropped for a moment, or the store was restored
			r.remove(b)
		default:
			return nil
		}
	}
	limited, cancel := context.WithTimeout(ctx, r.options.StoreTimeout)
	defer cancel()
	open, err := r.of.Store.Open(limited, &r.of.Projection, b.Number)
	if err != nil {
		return fmt.Errorf("open build %d: %w", b.Number, err)
	}
	log := r.log.With("build", b.Number)
	ctx, stop := context.WithCancel(ctx)
	one = &started{build: b, open: open, log: log, stop: stop, ended: make(chan struct{})}
	lost := &reached{next: make(map[projections.Partition]int64)}
	for range r.options.Members {
		one.members = append(one.members, &member{
			shared: r.shared, of: r.of, build: b, open: open, topics: r.topics, log: log,
			health: newHealth(b.Name(), log), metrics: r.metrics.of(b), reached: lost,
		})
	}
	r.mu.Lock()
	r.started[b.Number] = one
	r.mu.Unlock()
	log.Info("the build runs", "version", b.Version, "folds", b.Folds, "status", b.Status)
	r.group.Go(func() { one.run(ctx) })
	return nil
}

// run runs the members until ctx ends, or one of them finds the build gone.
func (s *started) run(ctx context.Context) {
	defer close(s.ended)
	defer s.stop()
	members, ctx := errgroup.WithContext(ctx)
	for _, m := range s.members {
		members.Go(func() error { return m.run(ctx) })
	}
	if err := members.Wait(); err != nil {
		s.log.Info("the build ends", "reason", err)
	}
}

// stopOthers stops the builds that are not there any more.
func (r *runner) stopOthers(builds []projections.Build) {
	r.mu.Lock()
	var gone []*started
	for number, one := range r.started {
		if !slices.ContainsFunc(builds, func(b projections.Build) bool { return b.Number == number }) {
			gone = append(gone, one)
		}
	}
	r.mu.Unlock()
	for _, one := range gone {
		one.stop()
		<-one.ended
		r.remove(one.build)
		one.log.Warn("the build is gone: it was dropped, or the store was emptied or restored")
	}
}

// remove forgets a build that has ended.
func (r *runner) remove(b projections.Build) {
	r.mu.Lock()
	delete(r.started, b.Number)
	r.mu.Unlock()
	r.metrics.forget(b)
}

// due returns the builds that may take over when they are level, the latest first: those that were never
// live. None takes the place of one of a later version, nor of a later one of its own.
func (r *runner) due(builds []projections.Build) (all []*started) {
	var live projections.Build
	for _, b := range builds {
		if b.Status == projections.Live {
			live = b
		}
	}
	for _, b := range slices.Backward(builds) {
		r.mu.Lock()
		one := r.started[b.Number]
		r.mu.Unlock()
		later := cmp.Or(cmp.Compare(b.Version, live.Version), cmp.Compare(b.Number, live.Number)) > 0
		if one != nil && b.Status == projections.Filling && later {
			all = append(all, one)
		}
	}
	return all
}

// takeOver makes a build of this projection live if it is level, or has it wait for an operator.
func (r *runner) takeOver(ctx context.Context, builds []projections.Build) error {
	one, err := r.leveled(ctx, builds)
	switch {
	case err != nil:
		return err
	case r.of.ByHand:
		r.wait(one)
		return nil
	case one == nil:
		return nil
	default:
		return r.takeOverWith(ctx, one)
	}
}

// leveled returns the latest of the builds that are due and level, nil if there is none.
func (r *runner) leveled(ctx context.Context, builds []projections.Build) (*started, error) {
	for _, one := range r.due(builds) {
		level, err := r.level(ctx, one.open)
		if err != nil {
			return nil, fmt.Errorf("ask whether build %d is level: %w", one.build.Number, err)
		}
		if level {
			return one, nil
		}
	}
	return nil, nil
}

// wait notes which build waits for an operator, nil if none does, and says so once.
func (r *runner) wait(one *started) {
	number := 0
	if one != nil {
		number = one.build.Number
	}
	r.mu.Lock()
	news := number != 0 && number != r.waiting
	r.waiting = number
	r.mu.Unlock()
	if news {
		one.log.Info(fmt.Sprintf("the build is level, and waits for processor project take-over %s %d",
			one.build.Projection, number))
	}
}

// takingOverBy names the fault of a build that is level and can't take over.
const takingOverBy = "take the place of the live build"

func (r *runner) takeOverWith(ctx context.Context, one *started) error {
	if build, is := one.open.(Finisher); is {
		if err := build.Finish(ctx); err != nil {
			return fmt.Errorf("finish build %d: %w", one.build.Number, err)
		}
	}
	r.takingOver.Lock()
	defer r.takingOver.Unlock()
	builds, err := r.builds(ctx)
	if err != nil || !slices.Contains(r.due(builds), one) {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, r.options.StoreTimeout+r.options.TakeOverHold)
	defer cancel()
	switch err := one.open.TakeOver(limited, r.options.TakeOverHold); {
	case errors.Is(err, projections.ErrBehind):
		one.members[0].health.failed(takingOverBy, err)
	case err != nil:
		return fmt.Errorf("take over with build %d: %w", one.build.Number, err)
	default:
		one.members[0].health.ended(takingOverBy)
		one.log.Info("the build is live")
		_, err = r.builds(ctx)
		return err
	}
	return nil
}

// level reports whether a build has begun all partitions of its topics, and lacks few records.
func (r *runner) level(ctx context.Context, open projections.OpenBuild) (bool, error) {
	limited, cancel := context.WithTimeout(ctx, r.options.StoreTimeout)
	defer cancel()
	ends, err := r.ends(limited, r.topics)
	if err != nil {
		return false, err
	}
	next := make(map[projections.Partition]int64)
	err = open.Look(limited, func(v projections.View) error {
		all, err := v.Progress(limited)
		for _, p := range all {
			next[p.Partition] = p.Next
		}
		return err
	})
	if err != nil {
		return false, err //nolint:wrapcheck // the caller says what was asked
	}
	lag := int64(0)
	for p, end := range ends {
		at, begun := next[p]
		if !begun || at < 0 {
			return false, nil
		}
		lag += max(0, end-at)
	}
	return lag <= r.options.TakeOverLag, nil
}

// dropKept drops builds that were live beyond Options.Keep, the oldest first.
func (r *runner) dropKept(ctx context.Context, builds []projections.Build) error {
	var kept []projections.Build
	for _, b := range builds {
		if b.Status == projections.Kept {
			kept = append(kept, b)
		}
	}
	for len(kept) > max(r.options.Keep, 0) {
		limited, cancel := context.WithTimeout(ctx, r.options.StoreTimeout)
		err := r.of.Store.Drop(limited, &r.of.Projection, kept[0].Number)
		cancel()
		if err != nil && !errors.Is(err, projections.ErrNoBuild) {
			return fmt.Errorf("drop build %d: %w", kept[0].Number, err)
		}
		r.log.Info("a build that was live is dropped", "build", kept[0].Number)
		kept = kept[1:]
	}
	return nil
}
