package rebuild

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"refold/kafka"
)

// CoordinatorConfig describes the group that a Coordinator works for. All fields are required but AtStart
// and Metrics.
type CoordinatorConfig struct {
	Topic *Topic
	Group string
	// Plural is the aggregate's name in commands: "accounts".
	Plural string
	// Partitions returns how many partitions the table has.
	Partitions func() int32
	// FoldVersion is that of this worker's Evolve.
	FoldVersion int
	// Worker is this worker's name in records and logs.
	Worker string
	// Empty reports whether a partition has no events.
	Empty func(ctx context.Context, partition int32) (bool, error)
	// Members returns the fold version of each member of the group, by the member's name; 0: the member
	// does not give one.
	Members func(ctx context.Context) (map[string]int, error)
	// AtStart requests a rebuild when the worker finds rows of an older fold version.
	AtStart bool
	// Retry is the pause before members are asked again, and before a fault is tried again.
	Retry time.Duration
	// ReportInterval is the least time between two records of a partition's progress.
	ReportInterval time.Duration
	Metrics        *Metrics // nil: counts nothing
	Logger         *slog.Logger
}

// RefoldFunc refolds one partition and returns its last progress; report gets the progress meanwhile. An
// error that is a *Failure is final. Any other error is tried again: without limit while nothing can be
// read, and maxTries times in a row after that.
type RefoldFunc func(
	ctx context.Context, partition int32, dryRun bool, report func(PartitionProgress),
) (PartitionProgress, error)

// Failure is an error that keeps a partition from being refolded until somebody removes its cause.
type Failure struct{ Err error }

func (f *Failure) Error() string { return f.Err.Error() }
func (f *Failure) Unwrap() error { return f.Err }

// Coordinator refolds the partitions of one group that this worker owns, when a rebuild is requested, and
// records their fold versions. One session uses it at a time.
type Coordinator struct {
	CoordinatorConfig
	session atomic.Pointer[string]
	// Of Background alone.
	requested bool // at start, by this process
	claimed   time.Time
}

// NewCoordinator returns a Coordinator. The error names a field that is not set.
func NewCoordinator(c CoordinatorConfig) (*Coordinator, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	coordinator := &Coordinator{CoordinatorConfig: c}
	coordinator.session.Store(new(string)) // no session before Prepare
	return coordinator, nil
}

func (c *CoordinatorConfig) validate() error {
	for name, missing := range map[string]bool{
		"Topic": c.Topic == nil, "Group": c.Group == "", "Plural": c.Plural == "",
		"Partitions": c.Partitions == nil, "FoldVersion": c.FoldVersion < 1, "Worker": c.Worker == "",
		"Empty": c.Empty == nil, "Members": c.Members == nil, "Retry": c.Retry <= 0,
		"ReportInterval": c.ReportInterval <= 0, "Logger": c.Logger == nil,
	} {
		if missing {
			return fmt.Errorf("rebuild: CoordinatorConfig.%s is not set", name)
		}
	}
	return nil
}

// Prepare records that this worker has taken the partitions over. The worker calls it before it handles
// anything of them. Prepare lowers their fold version if the worker's own is lower, and warns if the
// worker's is higher. An error is a fault of the network or the brokers; nothing may be handled then.
func (c *Coordinator) Prepare(ctx context.Context, partitions []int32) error {
	if err := c.Topic.CatchUp(ctx); err != nil {
		return err
	}
	session := newSession()
	older, err := c.claim(ctx, session, partitions)
	if err != nil {
		return err
	}
	c.session.Store(&session)
	if len(older) > 0 {
		c.Logger.Warn("rows are of an older fold version than this worker: they may not be what their "+
			"events make of them now; rebuild the table", "group", c.Group, "partitions", older,
			"worker", c.FoldVersion, "command", "processor rebuild "+c.Plural)
	}
	return nil
}

// claim records that the partitions are this session's, and returns those whose rows are of an older version.
func (c *Coordinator) claim(
	ctx context.Context, session string, partitions []int32,
) (older []int32, err error) {
	records := make(map[key]any, len(partitions))
	for _, p := range partitions {
		version, err := c.version(ctx, p)
		if err != nil {
			return nil, err
		}
		if version < c.FoldVersion {
			older = append(older, p)
		}
		c.Metrics.version(c.Group, p, version, c.FoldVersion)
		records[key{group: c.Group, partition: p}] = owner{
			Session: session, Worker: c.Worker, Own: c.FoldVersion, Version: version,
			Time: time.Now().UTC(),
		}
	}
	if len(records) == 0 {
		return nil, nil
	}
	return older, c.Topic.put(ctx, records)
}

// claimAgain records once more that partitions are this worker's if another session has: a zombie that was
// stopped in the middle of its Prepare may have written over our record, with a version that is too high.
func (c *Coordinator) claimAgain(ctx context.Context, partitions []int32) {
	session := *c.session.Load()
	var taken []int32
	c.Topic.Look(func(s *State) {
		for _, p := range partitions {
			if s.session(c.Group, p) != session {
				taken = append(taken, p)
			}
		}
	})
	if len(taken) == 0 || time.Since(c.claimed) < c.Retry {
		return
	}
	c.claimed = time.Now()
	if _, err := c.claim(ctx, session, taken); err != nil && ctx.Err() == nil {
		c.Logger.Warn("recording that partitions are ours", "group", c.Group, "error", err)
	}
}

// version is the fold version that a partition's rows have when this worker takes them over.
func (c *Coordinator) version(ctx context.Context, p int32) (int, error) {
	var version int
	var known bool
	c.Topic.Look(func(s *State) { version, known = s.FoldVersion(c.Group, p) })
	if !known {
		empty, err := c.Empty(ctx, p)
		if err != nil {
			return 0, fmt.Errorf("looking for events of partition %d: %w", p, err)
		}
		if empty {
			version = c.FoldVersion
		}
	}
	return min(version, c.FoldVersion), nil
}

func newSession() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// Background refolds what is requested until ctx ends, which is when the session does.
func (c *Coordinator) Background(ctx context.Context, partitions []int32, refold RefoldFunc) {
	defer c.Metrics.forget(c.Group, partitions)
	c.requestAtStart(ctx, partitions)
	for ctx.Err() == nil {
		c.claimAgain(ctx, partitions)
		var open Rebuild
		var found bool
		changed := c.Topic.Look(func(s *State) { open, found = s.Open(c.Group) })
		if found && c.work(ctx, open, partitions, refold) {
			continue // another request may have come meanwhile
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// requestAtStart requests a rebuild once in a process's life: one that fails would be requested again and
// again otherwise.
func (c *Coordinator) requestAtStart(ctx context.Context, partitions []int32) {
	if !c.AtStart || c.requested {
		return
	}
	due := false
	c.Topic.Look(func(s *State) {
		for _, p := range partitions {
			version, known := s.FoldVersion(c.Group, p)
			due = due || known && version < c.FoldVersion
		}
	})
	if !due {
		return
	}
	c.requested = true
	r, err := c.Topic.Ask(ctx, c.Group, c.Partitions(), false, c.Worker+", at its start")
	var open *OpenError
	switch {
	case errors.As(err, &open):
	case err != nil:
		c.Logger.Error("asking for a rebuild", "group", c.Group, "error", err)
	default:
		c.Logger.Info("asked for a rebuild, as rebuild.at-start says", "group", c.Group, "rebuild", r.ID)
	}
}

// work refolds those of the partitions that the rebuild has not done yet, one after the other, and reports
// whether there were any.
func (c *Coordinator) work(
	ctx context.Context, open Rebuild, partitions []int32, refold RefoldFunc,
) bool {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // ends with ctx
		withdrawn := func(s *State) bool {
			r, known := s.Rebuild(open.ID)
			return !known || r.Cancelled != nil
		}
		if c.Topic.Wait(ctx, withdrawn) == nil {
			cancel()
		}
	}()
	worked := false
	for _, p := range slices.Sorted(slices.Values(partitions)) {
		if int(p) >= len(open.Progress) || open.Progress[p].Stage.Final() {
			continue
		}
		worked = true
		c.partition(ctx, open.Request, p, refold)
		if ctx.Err() != nil {
			break
		}
	}
	return worked
}

// maxTries limits how often in a row a partition is refolded that fails after it has begun to read events:
// each try reads all of them again. An outage of the brokers ends tries before they read any, so that it
// counts for one.
const maxTries = 10

// mostPauses is how many times CoordinatorConfig.Retry the pause between two tries may come to.
const mostPauses = 16

// partition refolds one partition until that has ended, well or not, or ctx ends.
func (c *Coordinator) partition(ctx context.Context, r Request, p int32, refold RefoldFunc) {
	reporter := newProgressReporter(c, r, p)
	log := c.Logger.With("rebuild", r.ID, "group", c.Group, "partition", p)
	faults := kafka.NewFaultLog(log)
	announced := false
	for tries := 0; ctx.Err() == nil; {
		if why := c.disagreement(ctx); why != "" {
			reporter.report(ctx, PartitionProgress{Stage: Waiting, Reason: why})
			pause(ctx, c.Retry)
			continue
		}
		if !announced {
			log.Info("refolding", "dryRun", r.DryRun)
			announced = true
		}
		began := false
		last, err := refold(ctx, p, r.DryRun, func(now PartitionProgress) {
			began = began || now.EventsRead > 0 || now.Stage == Comparing || now.Stage == Closing
			reporter.report(ctx, now)
		})
		if began {
			tries++
		}
		var failure *Failure
		if err != nil && tries == maxTries && !errors.As(err, &failure) {
			err = &Failure{fmt.Errorf("given up after %d tries, the last of which: %w", tries, err)}
		}
		switch {
		case err == nil:
			last.Stage = Done
			if err := c.recordEnd(ctx, r, p, reporter, last); err != nil {
				faults.Failed(slog.LevelWarn, "recording the end of a rebuild; it is done again", err)
				pause(ctx, c.Retry)
				continue
			}
			log.Info("refolded", "equal", last.Equal, "changed", last.Changed,
				"added", last.Added, "removed", last.Removed, "events", last.EventsRead)
			return
		case ctx.Err() != nil:
			return
		case errors.As(err, &failure):
			log.Error("a rebuild has failed; rows that it has corrected stay so", "error", err)
			last.Stage, last.Reason = Failed, err.Error()
			reporter.reportLast(ctx, last)
			return
		}
		faults.Failed(slog.LevelWarn, "a rebuild is tried again", err)
		reporter.report(ctx, PartitionProgress{Stage: Waiting, Reason: err.Error()})
		pause(ctx, c.Retry*time.Duration(min(1<<tries, mostPauses)))
	}
}

// recordEnd records that a partition is refolded, and that its rows are of this worker's fold version now.
func (c *Coordinator) recordEnd(
	ctx context.Context, r Request, p int32, reporter *progressReporter, last PartitionProgress,
) error {
	records := map[key]any{reporter.key: reporter.stamp(last)}
	if !r.DryRun {
		records[key{group: c.Group, partition: p, refolded: true}] = refolded{
			Session: *c.session.Load(), Version: c.FoldVersion, Time: time.Now().UTC(),
		}
		c.Metrics.version(c.Group, p, c.FoldVersion, c.FoldVersion)
	}
	c.Metrics.rows(c.Group, last, r.DryRun)
	return c.Topic.put(ctx, records)
}

// disagreement names the members of the group that fold with another version; it is empty when none does.
// Such a worker might take refolded rows over and fold on in its own way.
func (c *Coordinator) disagreement(ctx context.Context) string {
	members, err := c.Members(ctx)
	if err != nil {
		return "asking for the group's members: " + err.Error()
	}
	var others []string
	for name, version := range members {
		switch version {
		case c.FoldVersion:
		case 0:
			others = append(others, name+" does not say which")
		default:
			others = append(others, fmt.Sprintf("%s has %d", name, version))
		}
	}
	if len(others) == 0 {
		return ""
	}
	slices.Sort(others)
	return fmt.Sprintf("all workers must fold with the same version; this one has %d, %s",
		c.FoldVersion, strings.Join(others, ", "))
}
