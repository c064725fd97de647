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

// KeeperConfig says for which group a Keeper works, and how.
type KeeperConfig struct {
	Topic *Topic
	Group string
	// Called is what people call the group's aggregate in commands: "accounts".
	Called string
	// Partitions returns how many the table has.
	Partitions func() int32
	// FoldVersion is that of this worker's Evolve.
	FoldVersion int
	// Worker names this worker to people.
	Worker string
	// Empty reports whether a partition has no events.
	Empty func(ctx context.Context, partition int32) (bool, error)
	// Members returns the fold version of each member of the group, by a name for people; 0: it has told
	// none.
	Members func(ctx context.Context) (map[string]int, error)
	// AtStart asks for a refold when the worker finds rows of an older fold version.
	AtStart bool
	// Pause is how often members are asked again, and a fault is tried again.
	Pause time.Duration
	// Report is the least time between two records of a partition's progress.
	Report  time.Duration
	Metrics *Metrics
	Logger  *slog.Logger
}

// Refolder refolds one partition. It returns what came of it; progress is told meanwhile. An error that is
// a *Failure is for good, any other is tried again: for as long as nothing can be read, and maxTries times
// in a row after that.
type Refolder func(
	ctx context.Context, partition int32, dryRun bool, tell func(Progress),
) (Progress, error)

// Failure is why a partition can't be refolded until somebody does something about it.
type Failure struct{ Err error }

func (f *Failure) Error() string { return f.Err.Error() }
func (f *Failure) Unwrap() error { return f.Err }

// Keeper refolds the partitions of one group that a worker has, when somebody asks for it, and keeps
// their fold versions. One session uses it at a time.
type Keeper struct {
	KeeperConfig
	session atomic.Pointer[string]
	// Of Background alone.
	asked    bool // at start, by this process
	defended time.Time
}

// NewKeeper returns a Keeper.
func NewKeeper(c KeeperConfig) *Keeper {
	k := &Keeper{KeeperConfig: c}
	k.session.Store(new(string)) // nobody's, until Prepare
	return k
}

// Prepare says that this worker has taken the partitions over, before it handles anything of them. It
// lowers their fold version if the worker's own is lower, and says loudly if it is higher. An error is a
// fault of the network or the brokers; nothing may be handled then.
func (k *Keeper) Prepare(ctx context.Context, partitions []int32) error {
	if err := k.Topic.CatchUp(ctx); err != nil {
		return err
	}
	session := newSession()
	older, err := k.own(ctx, session, partitions)
	if err != nil {
		return err
	}
	k.session.Store(&session)
	if len(older) > 0 {
		k.Logger.Warn("rows are of an older fold version than this worker: they may not be what their "+
			"events make of them now; refold the table", "group", k.Group, "partitions", older,
			"worker", k.FoldVersion, "command", "processor rebuild "+k.Called)
	}
	return nil
}

// own writes that the partitions are this session's, and returns those whose rows are of an older version.
func (k *Keeper) own(ctx context.Context, session string, partitions []int32) (older []int32, err error) {
	records := make(map[key]any, len(partitions))
	for _, p := range partitions {
		version, err := k.version(ctx, p)
		if err != nil {
			return nil, err
		}
		if version < k.FoldVersion {
			older = append(older, p)
		}
		k.Metrics.version(k.Group, p, version, k.FoldVersion)
		records[key{group: k.Group, partition: p}] = owner{
			Session: session, Worker: k.Worker, Own: k.FoldVersion, Version: version,
			Time: time.Now().UTC(),
		}
	}
	if len(records) == 0 {
		return nil, nil
	}
	return older, k.Topic.put(ctx, records)
}

// defend says once more that partitions are this worker's, if somebody else has: a zombie that was held
// still in the middle of its Prepare may have written over ours, with a version that is too high.
func (k *Keeper) defend(ctx context.Context, partitions []int32) {
	session := *k.session.Load()
	var taken []int32
	k.Topic.Look(func(b *Board) {
		for _, p := range partitions {
			if b.session(k.Group, p) != session {
				taken = append(taken, p)
			}
		}
	})
	if len(taken) == 0 || time.Since(k.defended) < k.Pause {
		return
	}
	k.defended = time.Now()
	if _, err := k.own(ctx, session, taken); err != nil && ctx.Err() == nil {
		k.Logger.Warn("telling that partitions are ours", "group", k.Group, "error", err)
	}
}

// version is the fold version that a partition's rows have when this worker takes them over.
func (k *Keeper) version(ctx context.Context, p int32) (int, error) {
	var version int
	var known bool
	k.Topic.Look(func(b *Board) { version, known = b.FoldVersion(k.Group, p) })
	if !known {
		empty, err := k.Empty(ctx, p)
		if err != nil {
			return 0, fmt.Errorf("looking for events of partition %d: %w", p, err)
		}
		if empty {
			version = k.FoldVersion
		}
	}
	return min(version, k.FoldVersion), nil
}

func newSession() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// Background works until ctx ends, which is when the session does.
func (k *Keeper) Background(ctx context.Context, partitions []int32, refold Refolder) {
	defer k.Metrics.forget(k.Group, partitions)
	k.askAtStart(ctx, partitions)
	for ctx.Err() == nil {
		k.defend(ctx, partitions)
		var open Refold
		var found bool
		changed := k.Topic.Look(func(b *Board) { open, found = b.Open(k.Group) })
		if found && k.work(ctx, open, partitions, refold) {
			continue // the next one may have come meanwhile
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// askAtStart asks once in a process's life: were it to fail, it would be asked for again and again.
func (k *Keeper) askAtStart(ctx context.Context, partitions []int32) {
	if !k.AtStart || k.asked {
		return
	}
	due := false
	k.Topic.Look(func(b *Board) {
		for _, p := range partitions {
			version, known := b.FoldVersion(k.Group, p)
			due = due || known && version < k.FoldVersion
		}
	})
	if !due {
		return
	}
	k.asked = true
	r, err := k.Topic.Ask(ctx, k.Group, k.Partitions(), false, k.Worker+", at its start")
	var open *OpenError
	switch {
	case errors.As(err, &open):
	case err != nil:
		k.Logger.Error("asking for a refold", "group", k.Group, "error", err)
	default:
		k.Logger.Info("asked for a refold, as refold.at-start says", "group", k.Group, "refold", r.ID)
	}
}

// work refolds those of the partitions that the refold has not done yet, one after the other, and tells
// whether there were any.
func (k *Keeper) work(ctx context.Context, open Refold, partitions []int32, refold Refolder) bool {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // ends with ctx
		withdrawn := func(b *Board) bool {
			r, known := b.Refold(open.ID)
			return !known || r.Cancelled != nil
		}
		if k.Topic.Wait(ctx, withdrawn) == nil {
			cancel()
		}
	}()
	worked := false
	for _, p := range slices.Sorted(slices.Values(partitions)) {
		if int(p) >= len(open.Progress) || open.Progress[p].Stage.Final() {
			continue
		}
		worked = true
		k.partition(ctx, open.Request, p, refold)
		if ctx.Err() != nil {
			break
		}
	}
	return worked
}

// maxTries limits how often in a row a refold may fail that had begun to read events: each try reads all of
// them again. An outage of the brokers ends tries before they read any, so that it counts for one.
const maxTries = 10

// mostPauses is how many times KeeperConfig.Pause the pause between two tries may come to.
const mostPauses = 16

// partition refolds one until it has ended, for good or bad, or ctx ends.
func (k *Keeper) partition(ctx context.Context, r Request, p int32, refold Refolder) {
	teller := newTeller(k, r, p)
	log := k.Logger.With("refold", r.ID, "group", k.Group, "partition", p)
	faults := kafka.NewFaultLog(log)
	announced := false
	for tries := 0; ctx.Err() == nil; {
		if why := k.disagreement(ctx); why != "" {
			teller.tell(ctx, Progress{Stage: Waiting, Reason: why})
			pause(ctx, k.Pause)
			continue
		}
		if !announced {
			log.Info("refolding", "dryRun", r.DryRun)
			announced = true
		}
		began := false
		outcome, err := refold(ctx, p, r.DryRun, func(now Progress) {
			began = began || now.EventsRead > 0 || now.Stage == Comparing || now.Stage == Closing
			teller.tell(ctx, now)
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
			outcome.Stage = Done
			if err := k.ended(ctx, r, p, teller, outcome); err != nil {
				faults.Failed(slog.LevelWarn, "telling that a refold has ended; it is done again", err)
				pause(ctx, k.Pause)
				continue
			}
			log.Info("refolded", "equal", outcome.Equal, "changed", outcome.Changed,
				"added", outcome.Added, "removed", outcome.Removed, "events", outcome.EventsRead)
			return
		case ctx.Err() != nil:
			return
		case errors.As(err, &failure):
			log.Error("a refold has failed; rows that it has put right stay so", "error", err)
			outcome.Stage, outcome.Reason = Failed, err.Error()
			teller.last(ctx, outcome)
			return
		}
		faults.Failed(slog.LevelWarn, "a refold is tried again", err)
		teller.tell(ctx, Progress{Stage: Waiting, Reason: err.Error()})
		pause(ctx, k.Pause*time.Duration(min(1<<tries, mostPauses)))
	}
}

// ended notes a refold that went well, and that the rows are of this worker's fold version now.
func (k *Keeper) ended(
	ctx context.Context, r Request, p int32, t *teller, outcome Progress,
) error {
	records := map[key]any{t.key: t.stamp(outcome)}
	if !r.DryRun {
		records[key{group: k.Group, partition: p, refolded: true}] = refolded{
			Session: *k.session.Load(), Version: k.FoldVersion, Time: time.Now().UTC(),
		}
		k.Metrics.version(k.Group, p, k.FoldVersion, k.FoldVersion)
	}
	k.Metrics.rows(k.Group, outcome, r.DryRun)
	return k.Topic.put(ctx, records)
}

// disagreement says which members of the group fold with another version, empty when none does. Were rows
// refolded while such a worker is about, it might take them over and fold on in its own way.
func (k *Keeper) disagreement(ctx context.Context) string {
	members, err := k.Members(ctx)
	if err != nil {
		return "asking for the group's members: " + err.Error()
	}
	var others []string
	for name, version := range members {
		switch version {
		case k.FoldVersion:
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
		k.FoldVersion, strings.Join(others, ", "))
}
