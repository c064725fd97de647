package projector

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"refold/kafka"
	"refold/processors"
	"refold/projections"
)

// OnPoison is what becomes of an event that a projection can't take.
type OnPoison string

// The choices.
const (
	// ToDeadLetters: the event goes to the dead letters, and the next one is taken.
	ToDeadLetters OnPoison = "dead-letters"
	// Stop: the event's partition is held before it until the process is restarted.
	Stop OnPoison = "stop"
)

// The defaults of Options.
const (
	DefaultBatchRecords = 5_000
	DefaultBatchBytes   = 4 << 20
	DefaultStates       = 100_000
	DefaultBackoff      = 100 * time.Millisecond
	DefaultBackoffMost  = 10 * time.Second
	DefaultStallAfter   = 30 * time.Second
	DefaultStoreTimeout = 30 * time.Second
	DefaultTakeOverLag  = 1_000
	DefaultTakeOverHold = 5 * time.Second
	DefaultKeep         = 1
	DefaultLookEvery    = 2 * time.Second
)

// MostBatchBytes is the most that Options.BatchBytes may be: an answer of a broker is held whole.
const MostBatchBytes = 64 << 20

// Options are those of a [Projector]. Kafka and Projections are required; a zero field has its default.
type Options struct {
	Kafka kafka.Settings
	// Prefix is in front of all topics and groups.
	Prefix string
	// Projections are those that run.
	Projections []Projected
	// RowsFold returns the fold version of the rows in a partition of an aggregate's table. A partition whose
	// rows are of another version than the program's fold is filled from events. It is required if a
	// projection is FromTables.
	RowsFold func(ctx context.Context, a processors.AggregateName, partition int32) (int, error)

	// BatchRecords and BatchBytes limit the records of a batch, and with it what is in memory, beside what
	// the client has fetched ahead: as much as BatchBytes from each broker, compressed. Defaults:
	// DefaultBatchRecords, DefaultBatchBytes.
	BatchRecords, BatchBytes int
	// States is how many states of each aggregate a build keeps in memory, and as many that can be looked up,
	// so that they need not be read from the store. Default: DefaultStates.
	States int
	// Share is how much of the time all builds together work, above 0 to 1: at 0.25 they rest three times as
	// long as they work. Default: 1, for a process that does nothing else.
	Share float64
	// Members is how many members of a build's group this process has: while the store writes the batch of
	// one, another one folds the next, if it has partitions. Default: 1.
	Members int
	// Backoff is the pause after a fault; it doubles up to BackoffMost. Defaults: DefaultBackoff,
	// DefaultBackoffMost.
	Backoff, BackoffMost time.Duration
	// StallAfter is how long a fault may last before Ready tells of it. Default: DefaultStallAfter.
	StallAfter time.Duration
	// StoreTimeout limits each call of a store. A rebalance waits for the call that is under way. Default:
	// DefaultStoreTimeout.
	StoreTimeout time.Duration
	// OnPoison is what becomes of events that a projection can't take. Default: ToDeadLetters.
	OnPoison OnPoison
	// ReadyLag is the greatest lag of the live build at which Ready returns nil. Default: any.
	ReadyLag time.Duration
	// TakeOverLag is how many records a build may lack in all partitions together when it begins to take over
	// by itself, TakeOverHold how long the live build stands still for that at most. Defaults:
	// DefaultTakeOverLag, DefaultTakeOverHold.
	TakeOverLag  int64
	TakeOverHold time.Duration
	// Keep is how many builds that were live are kept of each projection; older ones are dropped. Default:
	// DefaultKeep. Negative: none is kept.
	Keep int
	// LookEvery is how often the store is asked which builds there are. Default: DefaultLookEvery.
	LookEvery time.Duration

	// patience is how long lookups wait for a partition that stands still. Default: lookupPatience.
	patience time.Duration

	// Version is the program's, for dead letters.
	Version string
	// Metrics are told what happens. Nil: they are not.
	Metrics prometheus.Registerer
	// Logger gets what is worth knowing. Nil: slog.Default().
	Logger *slog.Logger
}

// Projected is a projection with the store that it goes to.
type Projected struct {
	Projection projections.Projection
	// Sources are the projection's: Projection.Open.
	Sources []*projections.OpenSource
	Store   projections.Store
	// FromTables fills new builds from the aggregates' tables instead of all events. It is for projections of
	// states alone (Projection.OfStates) without sum columns.
	FromTables bool
	// ByHand leaves it to an operator when a build takes over. Otherwise it does so when it is level.
	ByHand bool
}

// Limited is a store with a limit of what one batch may have. It may be implemented beside projections.Store.
type Limited interface {
	// BatchRows returns the most rows and states that a batch may have together. A batch of one event is
	// written whatever it has.
	BatchRows() int
}

// Finisher is a build that needs more work once it is filled, such as indexes. It may be implemented beside
// projections.OpenBuild.
type Finisher interface {
	// Finish is called when the build is level, before it takes over. It may take long; after that it does
	// nothing.
	Finish(ctx context.Context) error
}

// batchRows returns the store's limit, 0 for none.
func batchRows(s projections.Store) int {
	if limited, is := s.(Limited); is {
		return limited.BatchRows()
	}
	return 0
}

// withDefaults returns the options with every default filled in.
func (o Options) withDefaults() Options {
	o.Kafka = o.Kafka.WithDefaults()
	o.BatchRecords = cmp.Or(o.BatchRecords, DefaultBatchRecords)
	o.BatchBytes = cmp.Or(o.BatchBytes, DefaultBatchBytes)
	o.States = cmp.Or(o.States, DefaultStates)
	o.Share = cmp.Or(o.Share, 1)
	o.Members = cmp.Or(o.Members, 1)
	o.Backoff = cmp.Or(o.Backoff, DefaultBackoff)
	o.BackoffMost = cmp.Or(o.BackoffMost, max(DefaultBackoffMost, o.Backoff))
	o.StallAfter = cmp.Or(o.StallAfter, DefaultStallAfter)
	o.StoreTimeout = cmp.Or(o.StoreTimeout, DefaultStoreTimeout)
	o.OnPoison = cmp.Or(o.OnPoison, ToDeadLetters)
	o.TakeOverLag = cmp.Or(o.TakeOverLag, DefaultTakeOverLag)
	o.TakeOverHold = cmp.Or(o.TakeOverHold, DefaultTakeOverHold)
	o.Keep = cmp.Or(o.Keep, DefaultKeep)
	o.patience = cmp.Or(o.patience, lookupPatience)
	o.LookEvery = cmp.Or(o.LookEvery, DefaultLookEvery)
	o.Logger = cmp.Or(o.Logger, slog.Default())
	return o
}

// validate returns all mistakes at once; each names its field.
func (o *Options) validate() error {
	var errs []error
	wrong := func(is bool, format string, args ...any) {
		if is {
			errs = append(errs, fmt.Errorf("projector: "+format, args...))
		}
	}
	errs = append(errs, o.Kafka.Validate())
	wrong(len(o.Projections) == 0, "Projections is empty; it must have at least one")
	for name, n := range map[string]int{
		"BatchRecords": o.BatchRecords, "BatchBytes": o.BatchBytes, "States": o.States,
		"Members": o.Members, "TakeOverLag": int(o.TakeOverLag),
	} {
		wrong(n < 1, "%s is %d; it must be at least 1", name, n)
	}
	wrong(o.BatchBytes > MostBatchBytes, "BatchBytes is %d; it must be at most %d", o.BatchBytes,
		MostBatchBytes)
	for name, d := range map[string]time.Duration{
		"Backoff": o.Backoff, "StallAfter": o.StallAfter, "StoreTimeout": o.StoreTimeout,
		"TakeOverHold": o.TakeOverHold, "LookEvery": o.LookEvery,
	} {
		wrong(d <= 0, "%s is %v; it must be above 0", name, d)
	}
	wrong(o.BackoffMost < o.Backoff, "BackoffMost is %v; it must be at least Backoff, which is %v",
		o.BackoffMost, o.Backoff)
	wrong(o.ReadyLag < 0, "ReadyLag is %v; it must be above 0, or 0 for any", o.ReadyLag)
	wrong(!(o.Share > 0 && o.Share <= 1), // NaN is wrong, too
		"Share is %v; it must be above 0, and at most 1", o.Share)
	wrong(o.OnPoison != ToDeadLetters && o.OnPoison != Stop, "OnPoison is %q; it must be %q or %q",
		o.OnPoison, ToDeadLetters, Stop)
	for i := range o.Projections {
		p := &o.Projections[i]
		errs = append(errs, p.Projection.Check(), p.check(o.RowsFold != nil))
	}
	return errors.Join(errs...)
}

// check finds what is wrong with what is beside the projection's definition.
func (p *Projected) check(rowsFold bool) error {
	name := p.Projection.Name
	switch {
	case p.Store == nil:
		return fmt.Errorf("projector: projection %s: Store is missing", name)
	case len(p.Sources) != len(p.Projection.Reads()):
		return fmt.Errorf("projector: projection %s: Sources has %d, and the projection reads %d "+
			"aggregates; take what Projection.Open returns", name, len(p.Sources), len(p.Projection.Reads()))
	case !p.FromTables:
		return nil
	}
	if err := p.Projection.CanFillFromTables(); err != nil {
		return fmt.Errorf("projector: FromTables is set: %w", err)
	}
	if !rowsFold {
		return fmt.Errorf("projector: projection %s: FromTables is set, and RowsFold is missing; it must "+
			"tell what the rows of tables were folded by", name)
	}
	return nil
}
