package operator

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
	"refold/snapshots/rebuild"
	"refold/snapshots/rebuild/reset"
)

// ResetOptions say which table is made again, and how. Kafka, Aggregate, Dir, Rebuilds and By are required.
type ResetOptions struct {
	Kafka     kafka.Settings
	Aggregate Aggregate
	// EventsLost goes on though results or rows know of events that are lost for good.
	EventsLost bool
	// AllCommands has all commands handled where none is known to have been, though others were.
	AllCommands bool
	// Dir is where the work is done.
	Dir string
	// StoreDir is the directory of this machine's stores of tables. Empty: there is none.
	StoreDir string
	// Rebuilds is the topic in which the fold version of the rows is recorded, By who did it.
	Rebuilds rebuild.TopicOptions
	By       string
}

// Reset makes a table again from offset zero of its events, while no worker runs. It is planned first.
type Reset struct {
	options    ResetOptions
	client     *kgo.Client
	finder     reset.OffsetFinder
	partitions []int32
}

// NewReset finds out which topics there are. The client is used until Run returns.
func NewReset(ctx context.Context, client *kgo.Client, o ResetOptions) (*Reset, error) {
	r := &Reset{options: o, client: client, finder: o.Aggregate.offsetFinder(o.Kafka)}
	topics := o.Aggregate.Topics
	count, err := kafka.Partitions(ctx, client,
		written(topics.Commands, topics.Events, topics.Results, topics.Table)...)
	for p := range count {
		r.partitions = append(r.partitions, p)
	}
	return r, err
}

// ResetPlan is what a reset would do.
type ResetPlan struct {
	// Rows is how many rows the table has.
	Rows       int64
	Partitions []ResetPartition
	// LocalStore is the directory of this machine's stores, from which those of the table are removed. Empty:
	// there is none.
	LocalStore string
}

// ResetPartition is a partition of the input.
type ResetPartition struct {
	reset.InputPosition

	Partition int32
	// Committed is the group's offset now; -1: none. CommittedErr says why it is not known.
	Committed    int64
	CommittedErr error
}

// Plan finds out what the reset would do, and changes nothing. The error is a *MembersError if the group has
// members.
func (r *Reset) Plan(ctx context.Context) (plan ResetPlan, err error) {
	if err := r.refuseMembers(ctx); err != nil {
		return plan, err
	}
	if plan.Rows, err = r.countRows(ctx); err != nil {
		return plan, err
	}
	positions, err := r.finder.Find(ctx, r.partitions)
	if err != nil {
		return plan, err
	}
	topics := r.options.Aggregate.Topics
	offsets, err := kadm.NewClient(r.client).FetchOffsets(ctx, topics.Group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return plan, fmt.Errorf("ask for the offsets of group %s: %w", topics.Group, err)
	}
	for _, p := range r.partitions {
		one := ResetPartition{InputPosition: positions[p], Partition: p, Committed: -1}
		if at, is := offsets.Lookup(topics.Commands, p); is {
			one.Committed, one.CommittedErr = at.At, at.Err
		}
		plan.Partitions = append(plan.Partitions, one)
	}
	plan.LocalStore = r.localStore()
	return plan, nil
}

// LostCommandsError says that a partition has commands, and none of those that are known to have been
// handled: whether the others were handled can't be known.
type LostCommandsError struct {
	Topic     string
	Partition int32
}

// Error says which partition it is.
func (e *LostCommandsError) Error() string {
	return fmt.Sprintf("%s/%d has commands, and none of those that are known to have been handled",
		e.Topic, e.Partition)
}

// Refused returns a *LostCommandsError if a partition of the plan is such a one, unless
// ResetOptions.AllCommands is set.
func (r *Reset) Refused(plan ResetPlan) error {
	for _, p := range plan.Partitions {
		if p.Lost && !r.options.AllCommands {
			return &LostCommandsError{r.options.Aggregate.Topics.Commands, p.Partition}
		}
	}
	return nil
}

// refuseMembers returns a *MembersError while the group has members.
func (r *Reset) refuseMembers(ctx context.Context) error {
	group := r.options.Aggregate.Topics.Group
	members, err := Members(ctx, r.client, group)
	if err != nil || len(members) == 0 {
		return err
	}
	return &MembersError{group, members}
}

// countRows counts the rows of the table.
func (r *Reset) countRows(ctx context.Context) (n int64, err error) {
	for _, p := range r.partitions {
		table := r.tableCopy(p)
		rows, _, err := table.Open(ctx, p)
		if err != nil {
			return 0, errors.Join(err, table.close())
		}
		for rows.Next() {
			n++
		}
		err = rows.Err()
		rows.Release()
		if err := errors.Join(err, table.close()); err != nil {
			return 0, err
		}
	}
	return n, nil
}

func (r *Reset) tableCopy(partition int32) *tableCopy {
	table := r.options.Aggregate.Topics.Table
	return &tableCopy{
		kafka: r.options.Kafka, topic: table,
		dir: filepath.Join(r.options.Dir, fmt.Sprintf("%s-%d", table, partition)),
	}
}

// localStore is the directory of this machine's stores; empty if there is none.
func (r *Reset) localStore() string {
	if r.options.StoreDir == "" {
		return ""
	}
	if _, err := os.Stat(r.options.StoreDir); err != nil {
		return ""
	}
	return r.options.StoreDir
}
