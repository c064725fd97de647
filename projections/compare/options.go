package compare

import (
	"errors"
	"fmt"

	"refold/kafka"
	"refold/projections"
)

// The defaults of Options.Rows and Options.States.
const (
	DefaultRows   = 500_000
	DefaultStates = 500_000
)

var (
	// ErrOtherVersion says that the build was made by another version of the projection, or of a fold.
	ErrOtherVersion = errors.New("the build was made by another version")
	// ErrFilling says that the build is being filled from tables, and has rows of events that it has not
	// come to.
	ErrFilling = errors.New("the build is still being filled from tables")
	// ErrTruncated says that a topic does not hold all events that the build has taken.
	ErrTruncated = errors.New("the topic does not hold all events of the build")
	// ErrTooBusy says that rows could not be mended, as the build went on each time.
	ErrTooBusy = errors.New("the build goes on faster than its rows can be mended")
	// ErrTooMany says that more states are needed at once than Options.States allows.
	ErrTooMany = errors.New("the states don't fit in memory")
)

// Options say what is verified, with what, and what that may cost. A field is required unless its comment
// says what its zero value means.
type Options struct {
	Projection *projections.Projection
	// Sources are those of Projection.Open.
	Sources []*projections.OpenSource
	// Build describes the build that Open is a handle on.
	Build projections.Build
	Open  projections.OpenBuild
	Kafka kafka.Settings
	// TopicPrefix is in front of the names of topics. Empty as a rule.
	TopicPrefix string
	// Group is the consumer group of the build, projector.Group, by which its dead letters are known. Empty:
	// none are looked for.
	Group string

	// Sample is the share of rows that is verified, above 0 and up to 1. 0: all.
	Sample float64
	// Seed chooses which rows are in the sample. With the same seed they are the same.
	Seed uint64
	// Rows and States limit how many rows and how many states are in memory at once. A row of ten columns
	// takes about 1 KiB, as it is there twice; a state what the aggregate's struct takes. As many states may
	// be there that are looked up, and as many again of their aggregates. 0: DefaultRows and DefaultStates.
	Rows, States int
	// EventsPerSecond limits how fast events are read. 0: no limit.
	EventsPerSecond int

	// Progress gets the progress. Nil: it is not told.
	Progress func(Progress)
	// Report gets each difference as it is found. An error of it ends the verification.
	Report func(Difference) error
}

// Stage is a part of the verification of a slice.
type Stage string

// The stages, in their order.
const (
	ReadingRows Stage = "reading rows"
	Folding     Stage = "folding events"
	Comparing   Stage = "comparing rows"
)

// Progress says how far a verification is.
type Progress struct {
	// Slice counts the slices, from 1. Share is the part of all that is to be verified which earlier slices
	// were.
	Slice int
	Share float64
	Stage Stage
	// Done and Total count offsets while events are folded, and are zero otherwise.
	Done, Total int64
}

// Report is the outcome of a verification.
type Report struct {
	// Build is the build's name.
	Build string `json:"build"`
	// Slices is in how many steps the rows were verified.
	Slices int `json:"slices"`
	// Events counts those that were read, each as often as it was. Rows and States were compared.
	Events int64 `json:"events"`
	Rows   int64 `json:"rows"`
	States int64 `json:"states"`
	// Poison counts the events whose changes are left out.
	Poison int64 `json:"poison"`
	// Restless counts the rows that had changed each time they were read. They are not verified.
	Restless    int64 `json:"restless"`
	Differences int64 `json:"differences"`
}

// validate lists what is wrong with the options.
func (o *Options) validate() error {
	var errs []error
	wrong := func(is bool, format string, args ...any) {
		if is {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	wrong(o.Projection == nil, "Projection is missing")
	wrong(o.Open == nil, "Open is missing")
	wrong(o.Report == nil, "Report is missing")
	wrong(o.Projection != nil && len(o.Sources) != len(o.Projection.Reads()),
		"Sources are %d; they must be those of Projection.Open", len(o.Sources))
	wrong(!(o.Sample >= 0 && o.Sample <= 1), "Sample is %v; it must be above 0, and at most 1", o.Sample)
	wrong(o.Rows < 0, "Rows is %d; it must be at least 1, or 0 for the default", o.Rows)
	wrong(o.States < 0, "States is %d; it must be at least 1, or 0 for the default", o.States)
	wrong(o.EventsPerSecond < 0, "EventsPerSecond is %d; it must be at least 0", o.EventsPerSecond)
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return o.fits()
}

// fits reports whether the program folds as the build was folded.
func (o *Options) fits() error {
	b, folds := o.Build, projections.Folds(o.Sources)
	if b.Version != o.Projection.Version || b.Folds != folds {
		return fmt.Errorf("%w: it has version %d of the projection and the folds %s, this program has "+
			"version %d and the folds %s; verify it by a program that has these, or fill a new build",
			ErrOtherVersion, b.Version, b.Folds, o.Projection.Version, folds)
	}
	if b.FromTables && b.Status == projections.Filling {
		return fmt.Errorf("%w; wait until it is level", ErrFilling)
	}
	return nil
}

// complete fills in defaults.
func (o *Options) complete() {
	if o.Sample == 0 {
		o.Sample = 1
	}
	if o.Rows == 0 {
		o.Rows = DefaultRows
	}
	if o.States == 0 {
		o.States = DefaultStates
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
}
