package views

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"refold/snapshots"
)

// Errors of rebuilds, for errors.Is.
var (
	// ErrNoView says that there is no view of that name here.
	ErrNoView = errors.New("there is no such view")
	// ErrNoPartition says that a view has no such partition.
	ErrNoPartition = errors.New("the view has no such partition")
	// ErrRebuilding says that another rebuild is running: only one at a time, because each needs the disk
	// space of one store more.
	ErrRebuilding = errors.New("a rebuild is going on")
	// ErrNoRebuild says that there is no rebuild to cancel.
	ErrNoRebuild = errors.New("no rebuild is going on")

	errCancelled = errors.New("cancelled")
)

// RebuildStage is the stage of a rebuild of a view.
type RebuildStage string

// The stages of a rebuild; the last three are final.
const (
	RebuildRunning   RebuildStage = "running"
	RebuildDone      RebuildStage = "done"
	RebuildFailed    RebuildStage = "failed"
	RebuildCancelled RebuildStage = "cancelled"
)

// Rebuild is the rebuild of a view from offset zero of its topic: one partition after the other, each beside
// the copy that is read until then. Partitions that are done stay so, however the rebuild ends.
type Rebuild struct {
	Stage       RebuildStage
	By          string
	Partitions  []int32 // those that are rebuilt, in their order
	Done        int     // how many of these are done
	Began, End  time.Time
	Reason      string // of a failure
	Rebuilding  int32  // the partition that is being rebuilt; -1: none
	Next, Until int64  // offsets of that partition: how far it is, and its end as far as is known
}

// State is the state of a view on this pod.
type State struct {
	Name, Topic string
	// Version is the version of the projection; a program with another version rebuilds the stores.
	Version string
	// Missing says what the view lacks to be ready; empty: it is ready.
	Missing    string
	Partitions []PartitionState
	Rebuild    *Rebuild // the running one, or the last one; nil: none since the start
}

// PartitionState is the state of a partition of a view.
type PartitionState struct {
	Position

	Lag        int64 // offsets to the end, as refold_view_lag_records counts them; -1: not known
	Restoring  bool  // it is not read before that is done
	Rebuilding bool  // by a rebuild, beside the one that is read
}

// Position says how much of its topic a view shows: all up to the offset.
type Position struct {
	Partition int32
	Offset    int64 // -1: nothing yet
}

// String returns the position as <partition>/<offset>.
func (p Position) String() string { return fmt.Sprintf("%d/%d", p.Partition, p.Offset) }

// position returns the position of a follower. A reader asks before it reads rows: they are then at least as
// new.
func position(partition int32, f follower) (Position, error) {
	offset, err := f.GetOffset(-1)
	if err != nil {
		return Position{}, fmt.Errorf("offset of partition %d: %w", partition, err)
	}
	return Position{partition, offset}, nil
}

// rebuilds are the views' rebuilds. One runs at a time.
type rebuilds struct {
	asked chan task

	mu     sync.Mutex
	cancel context.CancelCauseFunc // of the running one
	of     *live                   // its view; nil: none is running
	last   map[*live]*Rebuild
}

// task is a rebuild to do.
type task struct {
	ctx  context.Context //nolint:containedctx // ends when the rebuild is cancelled
	end  context.CancelCauseFunc
	live *live
	of   *Rebuild
}

func newRebuilds() *rebuilds {
	return &rebuilds{asked: make(chan task, 1), last: make(map[*live]*Rebuild)}
}

// States returns the states of all views.
func (v *Views) States() []State {
	states := make([]State, 0, len(v.lives))
	restoring := v.options.Stores.Progress()
	for _, l := range v.lives {
		s := l.state(restoring)
		if s.Rebuild = v.rebuilds.state(l); s.Rebuild != nil && s.Rebuild.Rebuilding >= 0 {
			for i := range s.Partitions {
				p := &s.Partitions[i]
				p.Rebuilding = p.Partition == s.Rebuild.Rebuilding
			}
		}
		states = append(states, s)
	}
	return states
}

// Rebuild asks for a view's partitions to be rebuilt, all of them if none is named, and returns where the
// view stands. The error is ErrNoView, ErrNoPartition, ErrRebuilding, ErrNotReady or ErrOff.
func (v *Views) Rebuild(name, by string, partitions ...int32) (State, error) {
	l, err := v.named(name)
	if err != nil {
		return State{}, err
	}
	if err := l.ready(); err != nil {
		return State{}, err
	}
	if l.holding != nil && l == l.holding.table {
		return State{}, errOwnRows
	}
	here := l.kept()
	if len(partitions) == 0 {
		partitions = here
	}
	partitions = slices.Compact(slices.Sorted(slices.Values(partitions)))
	for _, p := range partitions {
		if !slices.Contains(here, p) {
			return State{}, fmt.Errorf("%w: %d of %s; here are %v", ErrNoPartition, p, l.name, here)
		}
	}
	if err := v.rebuilds.ask(l, by, partitions); err != nil {
		return State{}, err
	}
	return v.stateOf(l), nil
}

// CancelRebuild ends the rebuild of a view. The partition that is being rebuilt stays as it was.
func (v *Views) CancelRebuild(name string) (State, error) {
	l, err := v.named(name)
	if err != nil {
		return State{}, err
	}
	r := v.rebuilds
	r.mu.Lock()
	going := r.of == l
	if going {
		r.cancel(errCancelled)
	}
	r.mu.Unlock()
	if !going {
		return State{}, fmt.Errorf("%w of %s", ErrNoRebuild, l.name)
	}
	return v.stateOf(l), nil
}

func (v *Views) stateOf(l *live) State {
	states := v.States()
	return states[slices.IndexFunc(states, func(s State) bool { return s.Topic == l.topic })]
}

func (v *Views) named(name string) (*live, error) {
	if v.options.Off {
		return nil, ErrOff
	}
	names := make([]string, 0, len(v.lives))
	for _, l := range v.lives {
		if l.name == name || l.topic == name {
			return l, nil
		}
		names = append(names, l.name)
	}
	return nil, fmt.Errorf("%w: %q; there are %s", ErrNoView, name, strings.Join(names, ", "))
}

func (r *rebuilds) ask(l *live, by string, partitions []int32) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of != nil {
		return fmt.Errorf("%w, of %s", ErrRebuilding, r.of.name)
	}
	rebuild := &Rebuild{
		Stage: RebuildRunning, By: by, Partitions: partitions, Began: time.Now(), Rebuilding: -1,
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	r.of, r.cancel, r.last[l] = l, cancel, rebuild
	r.asked <- task{ctx, cancel, l, rebuild} // there is room: no other rebuild is running
	return nil
}

// state returns the latest rebuild of a view.
func (r *rebuilds) state(l *live) *Rebuild {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := r.last[l]
	if last == nil {
		return nil
	}
	now := *last
	if now.Rebuilding >= 0 {
		if p, going := l.rebuilding(now.Rebuilding); going {
			now.Next, now.Until = max(p.Next, 0), max(p.End, 0)
		}
	}
	return &now
}

// runRebuilds runs the rebuilds that are requested until ctx ends.
func (v *Views) runRebuilds(ctx context.Context) {
	for {
		select {
		case t := <-v.rebuilds.asked:
			v.rebuilds.run(ctx, t, v.options.Metrics)
		case <-ctx.Done():
			return
		}
	}
}

func (r *rebuilds) run(ctx context.Context, t task, m *Metrics) {
	log := t.live.logger.With("rebuild", t.of.Began)
	log.InfoContext(ctx, "a view is rebuilt from offset zero", "by", t.of.By,
		"partitions", t.of.Partitions)
	release := context.AfterFunc(ctx, func() { t.end(context.Cause(ctx)) })
	defer release()
	var err error
	for _, p := range t.of.Partitions {
		r.note(func() { t.of.Rebuilding, t.of.Next, t.of.Until = p, 0, 0 })
		if err = t.live.rebuild(t.ctx, p); err != nil {
			break
		}
		r.note(func() { t.of.Done++ })
	}
	stage := RebuildDone
	switch {
	case errors.Is(err, errCancelled):
		stage = RebuildCancelled
	case err != nil:
		stage = RebuildFailed
	}
	log.InfoContext(ctx, "the rebuild of a view has ended", "stage", stage, "error", err,
		"took", time.Since(t.of.Began))
	m.rebuild(t.live.name, stage)
	r.note(func() {
		t.of.Rebuilding, t.of.Stage, t.of.End = -1, stage, time.Now()
		if stage == RebuildFailed {
			t.of.Reason = err.Error()
		}
		t.end(nil)
		r.of = nil
	})
}

func (r *rebuilds) note(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

// rebuild rebuilds a partition and swaps the stores while nobody reads: readers hold mu while they iterate
// over rows. It wakes waiting readers afterwards, because the new store may hold the record that they wait
// for, and the live tail skips that record then. Woken before the swap, they would look at the old store.
func (l *live) rebuild(ctx context.Context, partition int32) error {
	part := l.part(partition)
	if part == nil {
		return notReady(l.topic + ": being restored")
	}
	err := part.Rebuild(ctx, func(swap func() error) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		return swap()
	})
	if err != nil {
		return err //nolint:wrapcheck // it says all
	}
	l.waiters.changedAll()
	return l.forgetIn(ctx, partition)
}

// part returns the follower of a partition, nil while it is not readable.
func (l *live) part(partition int32) follower {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if !l.restored && l.holding == nil || int(partition) >= len(l.parts) {
		return nil
	}
	return l.parts[partition]
}

// kept returns the partitions that are kept here, in order.
func (l *live) kept() []int32 {
	if l.holding != nil {
		return l.holding.partitions()
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	all := make([]int32, l.count)
	for i := range all {
		all[i] = int32(i)
	}
	return all
}

func (l *live) rebuilding(partition int32) (p snapshots.RestoreProgress, going bool) {
	if part := l.part(partition); part != nil {
		return part.Rebuilding()
	}
	return p, false
}

// state returns the state of the view; restoring are the running restores.
func (l *live) state(restoring []snapshots.RestoreProgress) State {
	s := State{Name: l.name, Topic: l.topic, Version: l.project.Version}
	if err := l.ready(); err != nil {
		s.Missing = err.Error()
	}
	lags, here := l.lags(), l.kept()
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, i := range here {
		p := PartitionState{Position: Position{i, -1}, Lag: -1, Restoring: true}
		if int(i) < len(l.parts) && l.parts[i] != nil {
			p.Restoring = false
			if at, err := position(i, l.parts[i]); err == nil {
				p.Position = at
			}
			if lag, known := lags[int(i)]; known {
				p.Lag = lag
			}
		}
		for _, r := range restoring {
			if p.Restoring && r.Topic == l.topic && r.Partition == i && r.End >= 0 {
				p.Offset, p.Lag = r.Next-1, r.End-r.Next
			}
		}
		s.Partitions = append(s.Partitions, p)
	}
	return s
}
