package operator

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
	"refold/snapshots/verify"
)

// VerificationOptions say what is verified, and with what. Kafka, Aggregate, Share and Dir are required.
type VerificationOptions struct {
	Kafka     kafka.Settings
	Aggregate Aggregate
	// Choose returns which partitions are verified, of so many. Nil: all.
	Choose func(count int32) ([]int32, error)
	// Share is the share of the aggregates that is verified, above 0 to 1: always the same ones.
	Share float64
	// Since leaves out aggregates without events since then. Zero: none is left out.
	Since time.Time
	// Workers are URLs of the workers whose stores are compared. Empty: the members of the group, at
	// WorkersPort; members that don't answer are passed over, but not all of them.
	Workers     []string
	WorkersPort string
	// NoWorkers compares no stores.
	NoWorkers bool
	// EventsPerSecond limits the fold. 0: no limit.
	EventsPerSecond int
	// Dir is where the work is done, and remembered: what was verified there under the same Question is
	// not verified again.
	Dir      string
	Question string
}

// Verification compares a table with its events, while everything runs.
type Verification struct {
	// Partitions are verified, in this order.
	Partitions []int32
	// Workers is of how many workers a store was to be compared; Silent are those that did not answer.
	Workers int
	Silent  []SilentWorker

	options VerificationOptions
	stores  []verify.Store
}

// PlanVerification finds out what there is to verify. The error is a *StoresError if no workers are found,
// beside a Verification that tells which did not answer.
func PlanVerification(
	ctx context.Context, client *kgo.Client, o VerificationOptions,
) (*Verification, error) {
	topics := o.Aggregate.Topics
	count, err := kafka.Partitions(ctx, client, written(topics.Events, topics.Table, topics.Results)...)
	if err != nil {
		return nil, err
	}
	v := &Verification{options: o}
	if o.Choose == nil {
		for p := range count {
			v.Partitions = append(v.Partitions, p)
		}
	} else if v.Partitions, err = o.Choose(count); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make a directory to work in: %w", err)
	}
	err = v.findStores(ctx, client)
	return v, err
}

// VerificationCallbacks are called while a verification works. Verified is required.
type VerificationCallbacks struct {
	// Progress may be called by several goroutines at the same time. Nil: it is not called.
	Progress func(verify.StageProgress)
	// Again is called before a partition is verified once more, with the reason. Nil: it is not called.
	Again func(partition int32, why error)
	// Verified is called when a partition is verified. An error of it ends the verification.
	Verified func(VerifiedPartition) error
}

// VerifiedPartition is a partition that is verified.
type VerifiedPartition struct {
	verify.PartitionReport

	// Before says that this was done before, in the same directory.
	Before bool
	// Differences has the differences as lines of JSON, until the callback returns.
	Differences io.Reader
}

// VerificationReport is what a verification found, of all partitions together.
type VerificationReport struct {
	// Events were folded, Rows compared; Moved of them were written meanwhile.
	Events, Rows, Moved int64
	// Results were matched with their events.
	Results     int64
	Differences int64
	// Sources are those that had rows, by name. Stores are the workers' among them.
	Sources, Stores []string
	// Without are the partitions of which no worker's store was compared.
	Without []int32
	Took    time.Duration
}

// tries limits how often a partition is verified whose worker gives it away meanwhile.
const tries = 3

// Run verifies one partition after the other. An error says that it could not be done; what was reported
// before holds.
func (v *Verification) Run(
	ctx context.Context, calls VerificationCallbacks,
) (report VerificationReport, err error) {
	begin := time.Now()
	sources, stores := map[string]bool{}, map[string]bool{}
	for _, partition := range v.Partitions {
		one, err := v.partition(ctx, partition, calls)
		if err != nil {
			return report, err
		}
		report.Events += one.Events
		report.Rows += one.Rows
		report.Moved += one.Moved
		report.Results += one.Results
		report.Differences += one.Differences
		found := false
		for _, s := range one.Sources {
			sources[s] = true
			if s != v.options.Aggregate.Topics.Table {
				found, stores[s] = true, true
			}
		}
		if !found {
			report.Without = append(report.Without, partition)
		}
	}
	report.Sources = slices.Sorted(maps.Keys(sources))
	report.Stores = slices.Sorted(maps.Keys(stores))
	report.Took = time.Since(begin)
	return report, nil
}

// remembered is what is kept of a partition that was verified.
type remembered struct {
	// Of says what was verified; another question is another verification.
	Of string `json:"of"`
	verify.PartitionReport
}

// partition verifies a partition, unless that was done before, and reports it.
func (v *Verification) partition(
	ctx context.Context, partition int32, calls VerificationCallbacks,
) (verify.PartitionReport, error) {
	name := filepath.Join(v.options.Dir, fmt.Sprintf("%s-%d", v.options.Aggregate.Topics.Table, partition))
	if report, err := v.recall(name); err == nil {
		return report, v.report(name, report, true, calls)
	}
	var report verify.PartitionReport
	var err error
	for range tries {
		report, err = v.once(ctx, partition, name, calls)
		if !errors.Is(err, verify.ErrMovedAway) {
			break
		}
		if calls.Again != nil {
			calls.Again(partition, err)
		}
	}
	if err != nil {
		return report, err
	}
	if err := v.report(name, report, false, calls); err != nil {
		return report, err
	}
	text, err := json.Marshal(remembered{v.options.Question, report})
	if err == nil {
		err = os.WriteFile(name+".json", text, 0o600)
	}
	if err != nil {
		return report, fmt.Errorf("remember what was done: %w", err)
	}
	return report, nil
}

func (v *Verification) recall(name string) (verify.PartitionReport, error) {
	var r remembered
	text, err := os.ReadFile(name + ".json")
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err == nil && r.Of != v.options.Question {
		err = errors.New("it was another question")
	}
	return r.PartitionReport, err
}

// report gives a partition to the caller: with all of its differences, or not at all.
func (v *Verification) report(
	name string, report verify.PartitionReport, before bool, calls VerificationCallbacks,
) error {
	file, err := os.Open(name + ".differences")
	if err != nil {
		return fmt.Errorf("read the differences: %w", err)
	}
	defer file.Close()
	return calls.Verified(VerifiedPartition{report, before, file})
}

// verifyCacheBytes is the memory of the fold of a partition, on a machine of an operator.
const verifyCacheBytes = 128 << 20

// once verifies a partition.
func (v *Verification) once(
	ctx context.Context, partition int32, name string, calls VerificationCallbacks,
) (_ verify.PartitionReport, err error) {
	selects, err := v.selected(ctx, partition)
	if err != nil {
		return verify.PartitionReport{}, err
	}
	file, err := os.Create(name + ".differences")
	if err != nil {
		return verify.PartitionReport{}, fmt.Errorf("keep the differences: %w", err)
	}
	lines := bufio.NewWriter(file)
	o := v.options
	topics := o.Aggregate.Topics
	table := &tableCopy{kafka: o.Kafka, topic: topics.Table, dir: name + ".table"}
	defer func() {
		err = errors.Join(err, table.close(), lines.Flush(), file.Close())
	}()
	encoder := json.NewEncoder(lines)
	encoder.SetEscapeHTML(false)
	return verify.Run(ctx, verify.Options{
		Fold: o.Aggregate.Fold, Kafka: o.Kafka, Events: topics.Events,
		TableName: topics.Table, Results: topics.Results, Partition: partition, Table: table,
		Stores: v.stores, Messages: messages{o.Aggregate.Messages}, Select: selects,
		Dir: name + ".fold", CacheBytes: verifyCacheBytes, EventsPerSecond: o.EventsPerSecond, CPUShare: 1,
		Progress: calls.Progress,
		Report:   func(d verify.Difference) error { return encoder.Encode(d) },
	})
}
