package projections

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Status is where a build is in its life.
type Status string

// The life of a build.
const (
	// Filling: it is being filled, and no reader sees it.
	Filling Status = "filling"
	// Live: readers see it.
	Live Status = "live"
	// Kept: it was live. It is still kept up to date if the program has its version, so that one can go back.
	Kept Status = "kept"
)

// Build is one filling of a projection's tables.
type Build struct {
	Projection string
	// Number counts the projection's builds, from 1. That of a dropped build is not used again, as a member
	// of its group may still try to write to it.
	Number int
	// Version is the projection's, Folds the fold versions of the aggregates, as in "account=2,order=1": what
	// rows and states of the build are made by.
	Version int
	Folds   string
	Status  Status
	// FromTables says that it is filled from the aggregates' tables, and not from all events.
	FromTables bool
	// Began is when it was made, by the store's clock.
	Began time.Time
}

// Name is what people call the build by, and what its consumer group is named after: accounts_current-3.
func (b Build) Name() string { return fmt.Sprintf("%s-%d", b.Projection, b.Number) }

// Folds returns what Build.Folds is for sources.
func Folds(sources []*OpenSource) string {
	all := make([]string, len(sources))
	for i, s := range sources {
		all[i] = fmt.Sprintf("%s=%d", s.Name, s.FoldVersion)
	}
	slices.Sort(all)
	return strings.Join(all, ",")
}

// Partition is a partition of an events topic.
type Partition struct {
	Topic     string
	Partition int32
}

// Compare orders partitions by topic and number, as the functions of package cmp do.
func (p Partition) Compare(other Partition) int {
	return cmp.Or(cmp.Compare(p.Topic, other.Topic), cmp.Compare(p.Partition, other.Partition))
}

// Progress is how far a build has come in a partition.
type Progress struct {
	Partition
	// Epoch counts the members of the group that have claimed the partition. Only the last one can write.
	Epoch int64
	// Next is the offset of the record that is taken next.
	Next int64
	// End is the end of the partition when Next was written, as far as the writer knew.
	End int64
	// Time is that of the last record that was taken; zero if none was.
	Time time.Time
}

// latest is the last time that RFC 3339, and with it JSON, can have.
var latest = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)

// Bounded returns the time of a record, which may claim any, as one that can be written and read again.
func Bounded(t time.Time) time.Time {
	switch {
	case t.After(latest):
		return latest
	case t.Year() < 1:
		return time.Unix(0, 0).UTC()
	default:
		return t.UTC()
	}
}

// StoredState is the state of an aggregate that a build has come to.
type StoredState struct {
	Aggregate, Subject string
	Sequence           int64
	State              []byte
}

// Advance is a step of a partition: records From to To, To excluded, are taken. A step back, with To before
// From, gives up rows: topics were restored, and have fewer events.
type Advance struct {
	Partition
	Epoch    int64
	From, To int64
	// End and Time are those of [Progress]. A zero Time leaves the one that is there.
	End  int64
	Time time.Time
}

// Batch is what is written in one step.
type Batch struct {
	Advances []Advance
	// States are the new states of the aggregates with events in the batch, one for each.
	States []StoredState
	// Changes are at most one for each row, in the order of Changes.Sorted.
	Changes []Change
}

// The errors of stores that tell their callers what to do. All others but [Poison] are faults: the same call
// may succeed later.
var (
	// ErrFenced: somebody else has claimed one of the partitions, or the caller has not. Nothing was written.
	ErrFenced = errors.New("another member has claimed the partition")
	// ErrMoved: a partition's progress is not where the batch begins, as after a backup was restored. Nothing
	// was written.
	ErrMoved = errors.New("the progress in the store is not where the batch begins")
	// ErrHeld: the build stands still for a moment while another one takes its place. Nothing was written.
	ErrHeld = errors.New("the build is held while another one takes its place")
	// ErrBehind: the build can't take over, as it has not taken all that the live one has.
	ErrBehind = errors.New("the build is behind the live one")
	// ErrNoBuild: there is no such build; it may have been dropped.
	ErrNoBuild = errors.New("there is no such build")
	// ErrCantMerge: the store can't merge rows. Nothing was written.
	ErrCantMerge = errors.New("rows can't be merged in this store")
)

// Store keeps what projections make. It is safe for concurrent use, also by many processes.
//
// A write is one step: its rows, states and progress are there together or not at all. A store that can't do
// that (OpenSearch) writes progress last, and takes what it is given again without harm; its documentation
// says how.
type Store interface {
	LiveReader

	// Builds returns the builds of a projection, the oldest first.
	Builds(ctx context.Context, projection string) ([]Build, error)
	// Begin returns the build with the version and folds of b, the newest if there are several. Without one,
	// or if anew is set, it makes one, with the next number and its tables. Among callers who do so at the
	// same time, one makes it. The status is Filling. The error may be ErrCantMerge: a table has sum columns,
	// and the store can't add.
	Begin(ctx context.Context, p *Projection, b Build, anew bool) (Build, error)
	// Open returns a handle on a build of a projection. The error may be ErrNoBuild.
	Open(ctx context.Context, p *Projection, number int) (OpenBuild, error)
	// Drop removes a build with all its rows. It refuses the live one. The error may be ErrNoBuild.
	Drop(ctx context.Context, p *Projection, number int) error
	// Close ends all connections.
	Close() error
}

// LiveReader reads the builds that readers see. Every [Store] is one. The error of its methods may be
// ErrNoBuild: no build is live.
type LiveReader interface {
	// LiveRow returns a row as readers see it, by the values of its key columns: of the build that is live at
	// this moment, found by the name that readers use (a view, a pointer, an alias). It is nil if there is no
	// such row. Columns are read by their names, so t may be the table of another version than the live
	// build's, as long as that has all its columns.
	LiveRow(ctx context.Context, p *Projection, t *Table, key ...any) ([]any, error)
	// LookLive calls look with a view of the build that is live at this moment, of whatever version. Its
	// progress and states can be read; its rows, if it is of the version of p.
	LookLive(ctx context.Context, p *Projection, look func(View) error) error
}

// OpenBuild writes and reads a build. Each method may return ErrNoBuild: the build was dropped.
type OpenBuild interface {
	// Claim takes partitions for the caller: it raises their epochs, so that all who have claimed them before
	// can't write to them any more. It returns their progress; Next of one that is new is -1.
	Claim(ctx context.Context, partitions []Partition) ([]Progress, error)
	// States returns the states of some aggregates; those that have none are left out.
	States(ctx context.Context, aggregate string, subjects []string) ([]StoredState, error)
	// Write writes a batch. The error may be ErrFenced, ErrMoved, ErrHeld or ErrCantMerge; or a *Poison: the
	// store refuses one of the rows, and nothing was written.
	Write(ctx context.Context, batch *Batch) error
	// TakeOver makes the build the one that readers see, in one statement, and keeps the one before. No
	// reader sees less than before: the live build is held, for hold at most, until this one has taken all
	// that it has. Writes to the live build return ErrHeld meanwhile, those to this one go on. The hold
	// lapses by itself if its caller dies. If no build is live, this one is at once. The error may be
	// ErrBehind.
	TakeOver(ctx context.Context, hold time.Duration) error
	// Look calls look with a view of the build, of one moment if the store can.
	Look(ctx context.Context, look func(View) error) error
	// Mend writes rows past the progress, which must be what is given: otherwise it returns ErrMoved, and has
	// written nothing. Nil values mean that there is no such row.
	Mend(ctx context.Context, at []Progress, rows []Mended) error
}

// Mended is a row as it should be.
type Mended struct {
	Table *Table
	// Key has the values of the key columns, in the order of Table.Keys, Values those of all; nil: no row.
	Key, Values []any
}

// View reads a build. Values are those of all columns, in their order; see [Column] for their types.
type View interface {
	// OfOneMoment reports whether all that is read is of one moment.
	OfOneMoment() bool
	// Progress returns that of all partitions.
	Progress(ctx context.Context) ([]Progress, error)
	// Rows calls each with every row of a table, in any order, until each returns an error.
	Rows(ctx context.Context, t *Table, each func(values []any) error) error
	// Row returns a row by its key, nil if there is none.
	Row(ctx context.Context, t *Table, key ...any) ([]any, error)
	// About calls each with every row of a table that is about a subject.
	About(ctx context.Context, t *Table, subject string, each func(values []any) error) error
	// State returns the state of an aggregate, nil if it has none.
	State(ctx context.Context, aggregate, subject string) (*StoredState, error)
}
