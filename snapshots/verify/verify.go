package verify

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/fold"
	"refold/kafka"
	"refold/snapshots/rebuild/refold"
)

// TableReader reads the rows of the table's topic.
type TableReader interface {
	// Open returns the rows of all records that are committed below the end of the topic, and the
	// offset behind the last of these records.
	Open(ctx context.Context, partition int32) (rows refold.RowIterator, next int64, err error)
}

// Store is the local store of a worker.
type Store interface {
	// Name is its name in differences.
	Name() string
	// Open returns the rows, each at least as new as the table's record below the offset. It waits for
	// that for a short time; a row that is older then is a difference. The error is ErrElsewhere if the
	// store does not have the partition.
	Open(ctx context.Context, partition int32, atLeast int64) (refold.RowIterator, error)
}

var (
	// ErrElsewhere says that a store does not have the partition: its owner is another worker.
	ErrElsewhere = errors.New("the partition is not there")
	// ErrTooBusy says that too many rows were written during the verification to keep track of them.
	ErrTooBusy = errors.New("too many rows are written while they are verified")
)

// Options say what is verified, and with what. A field is required unless its comment says otherwise.
type Options struct {
	Fold  fold.RowFold
	Kafka kafka.Settings
	// Events, TableName and Results are topics. Without Results, results are not looked at.
	Events, TableName, Results string
	Partition                  int32
	// Table may be nil: then stores alone are compared.
	Table  TableReader
	Stores []Store
	// Messages reads headers and results. It is required with Results only.
	Messages Messages
	// Select reports whether a key is verified; nil: all are. Two goroutines call it.
	Select func(key []byte) bool

	// Dir, CacheBytes, EventsPerSecond and CPUShare are those of refold.Options.
	Dir             string
	CacheBytes      int64
	EventsPerSecond int
	CPUShare        float64

	// Progress gets the progress, from several goroutines. It may be nil.
	Progress func(StageProgress)
	// Report gets each difference. An error of it ends the verification.
	Report func(Difference) error
}

// StageProgress is the progress of a stage.
type StageProgress struct {
	Partition int32
	Stage     Stage
	// Done and Total count rows where rows are compared, and else offsets. A total of 0 is not known.
	Done, Total int64
}

// Stage is a part of a verification.
type Stage string

// The stages, in their order.
const (
	Folding     Stage = "folding events"
	ReadingRows Stage = "reading the table"
	Comparing   Stage = "comparing rows"
	CatchingUp  Stage = "reading the events since"
	Matching    Stage = "matching results with events"
)

// PartitionReport counts what was verified of a partition.
type PartitionReport struct {
	Partition int32 `json:"partition"`
	// Events were folded.
	Events int64 `json:"events"`
	// Rows were compared, of all sources together.
	Rows int64 `json:"rows"`
	// Moved counts rows that were written meanwhile, and compared at their own sequence.
	Moved int64 `json:"moved"`
	// Results were matched with their events.
	Results     int64 `json:"results"`
	Differences int64 `json:"differences"`
	// Sources are those that had rows of the partition.
	Sources []string `json:"sources"`
}

// run is the verification of a partition.
type run struct {
	Options

	outcome PartitionReport
	shadow  *refold.Shadow
	moved   map[string][]waiting
}

// Run verifies a partition. After an error the verification is incomplete; what was reported is valid.
func Run(ctx context.Context, o Options) (PartitionReport, error) {
	r := &run{
		Options: o, outcome: PartitionReport{Partition: o.Partition}, moved: map[string][]waiting{},
	}
	if err := r.run(ctx); err != nil {
		return r.outcome, fmt.Errorf("verify partition %d of %s: %w", o.Partition, o.TableName, err)
	}
	return r.outcome, nil
}

const (
	// rounds is how often the fold catches up with the events before rows are read: the longer the last
	// round takes, the more rows have moved meanwhile.
	rounds = 4
	// near is a number of events in a round below which no further round is needed.
	near = 10_000
)

func (r *run) run(ctx context.Context) (err error) {
	r.shadow, err = refold.Build(ctx, refold.Options{
		Fold: Selected(r.Fold, r.Select), Rows: r.Fold, Kafka: r.Kafka,
		EventsTopic: r.Events, Partition: r.Partition,
		Dir: r.Dir, CacheBytes: r.CacheBytes, EventsPerSecond: r.EventsPerSecond, CPUShare: r.CPUShare,
		Progress: func(p refold.PhaseProgress) {
			if p.Phase == refold.PhaseFold {
				r.tell(Folding, p.Next, p.End)
			}
		},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.shadow.Close()) }()
	for range rounds {
		n, err := r.shadow.CatchUp(ctx)
		if err != nil {
			return err
		}
		if n < near {
			break
		}
	}
	if err := r.compareAll(ctx); err != nil {
		return err
	}
	if err := r.catchUp(ctx); err != nil {
		return err
	}
	return r.matchResults(ctx)
}

func (r *run) matchResults(ctx context.Context) error {
	if r.Results == "" {
		return nil
	}
	opts, err := r.Kafka.Options()
	if err != nil {
		return fmt.Errorf("connect to Kafka: %w", err)
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return fmt.Errorf("connect to Kafka: %w", err)
	}
	defer client.Close()
	return r.match(ctx, kadm.NewClient(client))
}

// stableEnd is the last stable offset of a partition: the transaction of what is below it is decided.
func stableEnd(
	ctx context.Context, admin *kadm.Client, topic string, partition int32,
) (int64, error) {
	return kafka.OffsetOf(topic, partition)(admin.ListCommittedOffsets(ctx, topic))
}

func (r *run) report(d Difference) error {
	d.Partition = r.Partition
	r.outcome.Differences++
	return r.Report(d)
}

func (r *run) tell(stage Stage, done, total int64) {
	if r.Progress != nil {
		r.Progress(StageProgress{Partition: r.Partition, Stage: stage, Done: done, Total: total})
	}
}
