package refold

import (
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/fold"
	"refold/kafka"
)

const (
	// LeastCacheBytes is the least memory of a shadow.
	LeastCacheBytes = 1 << 20
	// MostStepBytes is as much as a closing step should write: far below what a transaction may hold, and
	// it goes to the brokers at once.
	MostStepBytes = 1 << 20
	// defaultStepEvents is some milliseconds of work.
	defaultStepEvents = 1_000
	// defaultProgressInterval is often enough for a progress bar.
	defaultProgressInterval = 500 * time.Millisecond
)

// Options say what is folded, out of what, and what that may cost. A field is required unless its comment
// says what its zero value means.
type Options struct {
	// Fold folds the records of the topic.
	Fold fold.StateFold
	// Rows is the codec of the table's rows. For Run, Pair.Judge and Pair.Sample only.
	Rows        fold.Rows
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
	// for the store's own blocks and writes. A shadow in memory takes its rows beside it. 64 MiB hold the
	// states of some 100,000 accounts, and the blocks, filters and writes of millions of them.
	CacheBytes int64
	// EventsPerSecond limits the fold in the background. 0: no limit. Of more aggregates than fit in
	// memory, most events count twice: when they are read, and when they are folded.
	EventsPerSecond int
	// CPUShare is how much of its time the background works, above 0 to 1: at 0.25 it rests three times
	// as long as it works. A goroutine that reads ahead works beside it.
	CPUShare float64

	// Live is the table that is corrected. For Run only, as are all fields below but Observe and Progress.
	Live Live
	// StepRows is how many rows a closing step compares and writes at most: a row is read twice, compared
	// and written in some 30 µs.
	StepRows int
	// StepBytes is how much a closing step writes, beside its last row; see MostStepBytes.
	StepBytes int
	// StepEvents is how many events may be left to fold when a closing step begins. 0: 1,000.
	StepEvents int
	// StepTimeout limits a closing step, from the moment at which the line stands still: no row is begun
	// after three quarters of it. It ends steps whose events can't be read at once, because a transaction
	// of a dead producer is still open.
	StepTimeout time.Duration
	// DryRun writes nothing.
	DryRun bool
	// Samples is how many differences the summary shows. 0: none.
	Samples int

	// Observe is called with each event, before it is folded, once, in order. It keeps nothing of the
	// record. An error ends the fold. Nil: it is not called.
	Observe func(event *kgo.Record) error
	// Progress is called about every ProgressInterval, and when a phase ends, by the goroutine that
	// works. Nil: it is not called.
	Progress func(PhaseProgress)
	// ProgressInterval is half a second if it is 0.
	ProgressInterval time.Duration
}

// complete fills in what may be left out.
func (o *Options) complete() {
	if o.StepEvents == 0 {
		o.StepEvents = defaultStepEvents
	}
	if o.ProgressInterval == 0 {
		o.ProgressInterval = defaultProgressInterval
	}
	if o.Progress == nil {
		o.Progress = func(PhaseProgress) {}
	}
}

// Validate returns all mistakes of what Build needs at once; each names its field.
func (o *Options) Validate() error {
	var errs []error
	wrong := wrongTo(&errs)
	wrong(o.Fold == nil, "Fold is missing")
	wrong(o.EventsTopic == "", "EventsTopic is missing")
	wrong(o.Partition < 0, "Partition is %d, it must be at least 0", o.Partition)
	wrong(o.CacheBytes < LeastCacheBytes,
		"CacheBytes is %d, it must be at least %d", o.CacheBytes, LeastCacheBytes)
	wrong(o.EventsPerSecond < 0, "EventsPerSecond is %d, it must be at least 0", o.EventsPerSecond)
	wrong(!(o.CPUShare > 0 && o.CPUShare <= 1), // NaN is wrong, too
		"CPUShare is %v, it must be above 0, and at most 1", o.CPUShare)
	return errors.Join(errs...)
}

// validateRun returns all mistakes of what Run needs beside that.
func (o *Options) validateRun() error {
	var errs []error
	wrong := wrongTo(&errs)
	wrong(o.Rows == nil, "Rows is missing")
	wrong(o.Live == nil, "Live is missing")
	wrong(o.StepRows < 1, "StepRows is %d, it must be at least 1", o.StepRows)
	wrong(o.StepBytes < 1, "StepBytes is %d, it must be at least 1", o.StepBytes)
	wrong(o.StepEvents < 0, "StepEvents is %d, it must be at least 0", o.StepEvents)
	wrong(o.StepTimeout <= 0, "StepTimeout is %v, it must be above 0", o.StepTimeout)
	wrong(o.Samples < 0, "Samples is %d, it must be at least 0", o.Samples)
	return errors.Join(errs...)
}

func wrongTo(errs *[]error) func(is bool, format string, args ...any) {
	return func(is bool, format string, args ...any) {
		if is {
			*errs = append(*errs, fmt.Errorf(format, args...))
		}
	}
}
