package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"refold/console/operations"
	"refold/installation/builds"
	"refold/operator"
	"refold/processors"
	"refold/projections/compare"
	"refold/projections/projector"
	"refold/snapshots/verify"
)

// verifications runs what is verified from the console, one at a time.
type verifications struct {
	worker  *Worker
	stopped context.Context //nolint:containedctx // ends what runs when the worker stops
	stop    context.CancelFunc
	running sync.WaitGroup

	mu     sync.Mutex
	all    []*verification // the newest first
	cancel context.CancelFunc
}

// verification is one of them. Its fields are guarded by the mutex of all.
type verification struct{ operations.Verification }

// The limits of what is kept.
const (
	keptVerifications = 20
	keptFindings      = 200
	keptRunes         = 300
)

func newVerifications(w *Worker) *verifications {
	v := &verifications{worker: w}
	v.stopped, v.stop = context.WithCancel(context.Background())
	return v
}

// close ends what runs, and waits for it.
func (v *verifications) close() {
	v.stop()
	v.running.Wait()
}

// Subjects implements operations.Verifications.
func (v *verifications) Subjects() (all []operations.Subject) {
	for _, a := range v.worker.opened.Aggregates {
		all = append(all, operations.Subject{Name: a.Plural})
	}
	for _, s := range builds.All(v.worker.in, v.worker.readStores) {
		all = append(all, operations.Subject{Name: s.Name, ReadModel: true})
	}
	return all
}

// All implements operations.Verifications.
func (v *verifications) All() []operations.Verification {
	v.mu.Lock()
	defer v.mu.Unlock()
	all := make([]operations.Verification, len(v.all))
	for i, one := range v.all {
		all[i] = one.copied()
	}
	return all
}

func (one *verification) copied() operations.Verification {
	c := one.Verification
	c.Findings, c.Notes = slices.Clone(c.Findings), slices.Clone(c.Notes)
	return c
}

// Get implements operations.Verifications.
func (v *verifications) Get(id string) (operations.Verification, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, one := range v.all {
		if one.ID == id {
			return one.copied(), true
		}
	}
	return operations.Verification{}, false
}

// Begin implements operations.Verifications.
func (v *verifications) Begin(_ context.Context, ask operations.VerificationRequest) (string, error) {
	if err := v.worker.preparedCheck(); err != nil {
		return "", err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.cancel != nil {
		return "", operations.ErrBusy
	}
	if err := v.stopped.Err(); err != nil {
		return "", fmt.Errorf("this worker stops: %w", err)
	}
	one := &verification{operations.Verification{
		VerificationRequest: ask, ID: uuid.NewString(), Began: time.Now(), Stage: "asking what there is",
	}}
	v.all = slices.Insert(v.all, 0, one)
	v.all = v.all[:min(len(v.all), keptVerifications)]
	ctx, cancel := context.WithCancel(v.stopped)
	v.cancel = cancel
	v.running.Go(func() {
		defer cancel()
		v.worker.logger.Info("a verification begins", "of", ask.Of.Name, "share", ask.Share, "by", ask.By)
		err := v.run(ctx, one)
		v.mu.Lock()
		defer v.mu.Unlock()
		v.cancel, one.Ended = nil, time.Now()
		one.Cancelled = ctx.Err() != nil
		if err != nil && !one.Cancelled {
			one.Failed = err.Error()
		}
		v.worker.logger.Info("a verification ends", "of", ask.Of.Name, "differences", one.Differences,
			"cancelled", one.Cancelled, "error", err)
	})
	return one.ID, nil
}

// Cancel implements operations.Verifications.
func (v *verifications) Cancel(id string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.all) > 0 && v.all[0].ID == id && v.cancel != nil { // the newest is the one that runs
		v.cancel()
	}
}

func (v *verifications) run(ctx context.Context, one *verification) error {
	if one.Of.ReadModel {
		return v.readModel(ctx, one)
	}
	for _, a := range v.worker.opened.Aggregates {
		if a.Plural == one.Of.Name {
			return v.table(ctx, one, a)
		}
	}
	return fmt.Errorf("there is no aggregate %s", one.Of.Name)
}

// change changes a verification for all who look at it.
func (v *verifications) change(one *verification, to func(*operations.Verification)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	to(&one.Verification)
}

// table verifies a table, with the stores of the workers that are known.
func (v *verifications) table(ctx context.Context, one *verification, a *processors.OpenAggregate) error {
	w := v.worker
	dir, err := os.MkdirTemp(w.config.Store.Directory, "verify-")
	if err != nil {
		return fmt.Errorf("make a directory to work in: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	workers := w.addresses()
	client, err := w.kafka.Client()
	if err != nil {
		return err
	}
	defer client.Close()
	plan, err := operator.PlanVerification(ctx, client, operator.VerificationOptions{
		Kafka: w.kafka, Share: one.Share, Workers: workers, NoWorkers: len(workers) == 0,
		EventsPerSecond: one.PerSecond, Dir: dir, Question: one.ID,
		Aggregate: operator.Aggregate{
			Topics: w.in.Topics(a.AggregateName), Fold: a.Fold, RowsVersion: a.RowsVersion(),
			Messages:   processors.Messages{Results: w.opened.Results, Beyond: new(processors.Beyond)},
			RecentSize: w.in.Aggregate(a.Name).RecentCommands,
		},
	})
	if err != nil {
		return err //nolint:wrapcheck // it says what was asked
	}
	v.change(one, func(s *operations.Verification) { s.Steps = len(plan.Partitions) })
	report, err := plan.Run(ctx, operator.VerificationCallbacks{
		Progress: func(p verify.StageProgress) {
			v.change(one, func(s *operations.Verification) {
				s.Stage = fmt.Sprintf("partition %d: %s", p.Partition, p.Stage)
				s.Done, s.Total = p.Done, p.Total
				s.Step = slices.Index(plan.Partitions, p.Partition) + 1
			})
		},
		Verified: func(p operator.VerifiedPartition) error { return v.verified(one, p) },
	})
	if err != nil {
		return err //nolint:wrapcheck // it says which partition
	}
	v.change(one, func(s *operations.Verification) {
		s.Notes = append(s.Notes, fmt.Sprintf("Compared: %s.", strings.Join(report.Sources, ", ")))
		if len(report.Without) > 0 {
			s.Notes = append(s.Notes, fmt.Sprintf(
				"No worker's store was compared for %d of %d partitions.", len(report.Without), s.Steps))
		}
	})
	return nil
}

// verified adds what was found in a partition.
func (v *verifications) verified(one *verification, p operator.VerifiedPartition) error {
	var found []operations.Finding
	lines := json.NewDecoder(p.Differences)
	for len(found) < keptFindings {
		var d verify.Difference
		if err := lines.Decode(&d); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("read a difference: %w", err)
		}
		f := operations.Finding{ID: d.Key, Place: "in " + d.Where, What: string(d.What)}
		for _, field := range d.Fields {
			f.Is = append(f.Is, operations.FindingField{
				Path: field.Path, Is: jsonText(field.Row), Should: jsonText(field.Fold),
			})
		}
		if d.Message != "" {
			f.What += ": " + d.Message
		}
		found = append(found, f)
	}
	v.change(one, func(s *operations.Verification) {
		s.Events += p.Events
		s.Rows += p.Rows
		s.Differences += p.PartitionReport.Differences
		s.Findings = append(s.Findings, found[:min(len(found), keptFindings-len(s.Findings))]...)
	})
	return nil
}

// addresses are the workers that own partitions, as far as that is known.
func (w *Worker) addresses() []string {
	if w.directory == nil {
		return nil
	}
	all := make(map[string]bool)
	for _, p := range w.directory.Pods() {
		all["http://"+p.Address] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// readModel verifies the live build of a read model.
func (v *verifications) readModel(ctx context.Context, one *verification) error {
	w := v.worker
	s, err := builds.Named(w.in, w.readStores, one.Of.Name)
	if err != nil {
		return err //nolint:wrapcheck // it says what there is
	}
	b, err := s.Build(ctx, 0)
	if err != nil {
		return err //nolint:wrapcheck // it names the build
	}
	o := compare.Options{
		Projection: &s.Projection, Build: b, Kafka: w.kafka, TopicPrefix: w.in.Prefix(),
		Group: projector.Group(w.in.Prefix(), b), Sample: one.Share, EventsPerSecond: one.PerSecond,
		Rows: consoleRows, States: consoleRows,
		Progress: func(p compare.Progress) {
			v.change(one, func(s *operations.Verification) {
				s.Stage, s.Done, s.Total = fmt.Sprintf("part %d: %s", p.Slice, p.Stage), p.Done, p.Total
			})
		},
		Report: func(d compare.Difference) error {
			v.change(one, func(s *operations.Verification) {
				s.Differences++
				if len(s.Findings) < keptFindings {
					s.Findings = append(s.Findings, rowFinding(&d))
				}
			})
			return nil
		},
	}
	if o.Sources, err = s.Open(w.opened.Aggregates); err != nil {
		return err //nolint:wrapcheck // it names the projection
	}
	if o.Open, err = s.Store.Open(ctx, &s.Projection, b.Number); err != nil {
		return err //nolint:wrapcheck // it says which build
	}
	report, err := compare.Run(ctx, o)
	v.change(one, func(s *operations.Verification) {
		s.Events, s.Rows = report.Events, report.Rows+report.States
		if report.Poison > 0 {
			s.Notes = append(s.Notes, fmt.Sprintf(
				"The changes of %d events are left out: they were set aside.", report.Poison))
		}
		if report.Restless > 0 {
			s.Notes = append(s.Notes, fmt.Sprintf("%d rows did not hold still, and are not verified.",
				report.Restless))
		}
	})
	return err //nolint:wrapcheck // it says which build
}

// consoleRows limits the rows in memory of a worker that has other things to do: more are verified in parts.
const consoleRows = 50_000

// rowFinding is a difference of a read model for the console.
func rowFinding(d *compare.Difference) operations.Finding {
	f := operations.Finding{What: string(d.What), Place: d.Table + " " + d.Key}
	if d.Table == "" {
		f.Place = "the state of " + d.Aggregate + " " + d.Subject
		f.What += fmt.Sprintf(" (it has sequence %d; the events come to %d)", d.Sequence, d.Events)
	}
	for _, c := range d.Columns {
		f.Is = append(f.Is, operations.FindingField{
			Path: c.Name, Is: valueText(c.Stored), Should: valueText(c.Right),
		})
	}
	return f
}

func jsonText(raw json.RawMessage) string {
	if len(raw) == 0 {
		return "nothing"
	}
	return shortened(string(raw))
}

func valueText(value any) string {
	if value == nil {
		return "nothing"
	}
	text, err := json.Marshal(value)
	if err != nil {
		return shortened(fmt.Sprint(value))
	}
	return shortened(string(text))
}

func shortened(text string) string {
	if runes := []rune(text); len(runes) > keptRunes {
		return string(runes[:keptRunes]) + "…"
	}
	return text
}
