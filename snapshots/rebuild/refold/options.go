package refold

import (
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// The defaults of Options.
const (
	// DefaultCacheBytes holds the states of some 200,000 accounts, and the blocks, filters and writes of
	// a shadow store of millions of them.
	DefaultCacheBytes = 128 << 20
	// DefaultStepRows keeps a closing step below a tenth of a second: a row is read twice, compared and
	// written in some 30 µs.
	DefaultStepRows = 1_000
	// DefaultStepBytes is far below what a transaction may hold, and goes to the brokers at once.
	DefaultStepBytes = 1 << 20
	// DefaultStepEvents is how many events may be left to fold when the first closing step begins: some
	// milliseconds of work.
	DefaultStepEvents = 1_000
	// DefaultStepTimeout ends a closing step whose events can't be read at once, because a transaction
	// of somebody who is gone is still open.
	DefaultStepTimeout = time.Second
	// DefaultSamples is as many differences as a person looks at.
	DefaultSamples = 20
	// DefaultProgressInterval is often enough for a progress bar.
	DefaultProgressInterval = 500 * time.Millisecond
)

// Options say what is folded, out of what, and what that may cost. Fold, Kafka and EventsTopic are
// required, for Run also Live; the zero value of any other field means its default.
type Options struct {
	Fold        Fold
	Kafka       kafka.Settings
	EventsTopic string
	Partition   int32

	// From is the first offset that is folded: 0 as a rule, for a fold needs all events. For what is
	// folded of topics that lose their beginning it is kafka.FromStart.
	From int64

	// Dir is the shadow store's directory, which is emptied before and removed after. It belongs to
	// this refold alone. Empty: the shadow is in memory.
	Dir string
	// CacheBytes limits the memory of the shadow: the half of it for states that are in use, the rest
	// for the store's own blocks and writes. A shadow in memory takes its rows beside it.
	CacheBytes int64
	// EventsPerSecond limits the fold in the background. 0: no limit. Of more aggregates than fit in
	// memory, most events count twice: when they are read, and when they are folded.
	EventsPerSecond int
	// CPUShare is how much of its time the background works, above 0 to 1: at 0.25 it rests three times
	// as long as it works. 0 counts as 1. A goroutine that reads ahead works beside it.
	CPUShare float64

	// Live is the table that is put right. Only for Run.
	Live Live
	// StepRows is how many rows a closing step compares and writes at most.
	StepRows int
	// StepBytes is how much a closing step writes, beside its last row.
	StepBytes int
	// StepEvents is how many events may be left when a closing step begins.
	StepEvents int
	// StepTimeout limits a closing step, from the moment at which the line stands still: no row is begun
	// after three quarters of it.
	StepTimeout time.Duration
	// DryRun writes nothing.
	DryRun bool
	// Samples is how many differences the outcome shows. Below zero: none.
	Samples int

	// Observe is called with each event, before it is folded, once, in order. It keeps nothing of the
	// record. An error ends the fold. Nil: it is not called.
	Observe func(event *kgo.Record) error
	// Progress is called about every ProgressInterval, and when a phase ends, by the goroutine that
	// works. Nil: it is not called.
	Progress         func(Progress)
	ProgressInterval time.Duration
}

// WithDefaults returns the options with every default filled in.
func (o Options) WithDefaults() Options {
	setDefault(&o.CacheBytes, DefaultCacheBytes)
	setDefault(&o.CPUShare, 1)
	setDefault(&o.StepRows, DefaultStepRows)
	setDefault(&o.StepBytes, DefaultStepBytes)
	setDefault(&o.StepEvents, DefaultStepEvents)
	setDefault(&o.StepTimeout, DefaultStepTimeout)
	setDefault(&o.Samples, DefaultSamples)
	setDefault(&o.ProgressInterval, DefaultProgressInterval)
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	return o
}

// Validate returns all mistakes at once.
func (o Options) Validate() error {
	var errs []error
	wrong := func(is bool, format string, args ...any) {
		if is {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	wrong(o.Fold == nil, "Fold is missing")
	wrong(o.EventsTopic == "", "EventsTopic is missing")
	wrong(o.Partition < 0, "Partition is %d, it must be at least 0", o.Partition)
	wrong(o.CacheBytes != 0 && o.CacheBytes < 1<<20,
		"CacheBytes is %d, it must be at least %d", o.CacheBytes, 1<<20)
	wrong(o.EventsPerSecond < 0, "EventsPerSecond is %d, it must be at least 0", o.EventsPerSecond)
	wrong(!(o.CPUShare >= 0 && o.CPUShare <= 1), // NaN is wrong, too
		"CPUShare is %v, it must be above 0, and at most 1", o.CPUShare)
	wrong(o.StepRows < 0, "StepRows is %d, it must be at least 1", o.StepRows)
	wrong(o.StepBytes < 0, "StepBytes is %d, it must be at least 1", o.StepBytes)
	wrong(o.StepEvents < 0, "StepEvents is %d, it must be at least 1", o.StepEvents)
	wrong(o.StepTimeout < 0, "StepTimeout is %v, it must be above 0", o.StepTimeout)
	return errors.Join(errs...)
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
