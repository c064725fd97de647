package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"refold/codecs"
	"refold/inventory"
	"refold/kafka"
)

// preparing is what fails while the worker can't begin.
const preparing = "prepare topics and schemas"

// prepare makes topics and learns the schemas' IDs. It tries until it succeeds or ctx ends: pods
// are often started before their cluster.
func (w *Worker) prepare(ctx context.Context) bool {
	pause, faults := w.config.Processor.BackoffMin, kafka.NewFaultLog(w.logger)
	var err error
	for {
		err = w.prepareOnce(ctx, err)
		if err == nil {
			w.unprepared.Store(nil)
			faults.Ended(preparing)
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		w.notPrepared(err)
		pause = min(2*pause, w.config.Processor.BackoffMax)
		faults.Failed(slog.LevelError, preparing, err, "pause", pause)
		if !kafka.Sleep(ctx, pause) {
			return false
		}
	}
}

// prepareOnce tries once. last is what was wrong with the try before: it is told for as long as
// this one takes.
func (w *Worker) prepareOnce(ctx context.Context, last error) error {
	doing := func(what string) {
		why := errors.New(what)
		if last != nil {
			why = fmt.Errorf("%s; the last try: %w", what, last)
		}
		w.notPrepared(why)
	}
	doing("asking Kafka for the topics")
	if err := w.prepareTopics(ctx); err != nil {
		return err
	}
	doing("asking the schema registry for the schemas")
	for _, a := range w.opened.Aggregates {
		a.Unreadable = w.unreadable
	}
	if err := w.opened.Prepare(ctx); err != nil {
		return err //nolint:wrapcheck // it names the schemas
	}
	doing("asking the schema registry for the versions of the schemas")
	if err := w.opened.CheckVersions(ctx); err != nil && ctx.Err() == nil {
		w.logger.Warn("records of these schemas can't be read: they will be set aside", "error", err)
	}
	doing("asking the schema registry for types that the program lacks")
	return w.checkDropped(ctx)
}

// checkDropped returns the types of the program's aggregates that the registry has and the program has not,
// unless they are to be logged only. Types that were registered after all of the program's own are of a
// later release, as a rule: they are logged, or a pod of the release before could not start again in the
// middle of an upgrade, or after it was called back. A registry that does not list its subjects, or is away
// while its cache answers the rest, is no reason to stand still: they were checked when the program was
// deployed.
func (w *Worker) checkDropped(ctx context.Context) error {
	catalog := w.opened.Catalog(w.registry.SubjectNames())
	dropped, err := catalog.Dropped(ctx, w.registry, w.in.Ignores)
	if errors.Is(err, codecs.ErrRegistryUnavailable) && ctx.Err() == nil {
		w.logger.Warn("it is not known whether the registry has types that the program lacks", "error", err)
		return nil
	}
	if err != nil || len(dropped) == 0 {
		return err //nolint:wrapcheck // it says what it was doing
	}
	var errs []error
	newest := catalog.NewestID()
	for _, d := range dropped {
		if d.After(newest) {
			w.logger.Warn("the registry has a type of a later release, which this program can't read",
				"subject", d.Subject, "remedy", d.Remedy())
			continue
		}
		errs = append(errs, d)
	}
	if len(errs) == 0 {
		return nil
	}
	return w.unreadable(errors.Join(errs...))
}

// unreadable decides about history that can't be read.
func (w *Worker) unreadable(err error) error {
	if w.config.Registry.Unreadable == "warn" {
		w.logger.Warn("the history can't be read by this program, and it starts all the same "+
			"(registry.unreadable-history: warn)", "error", err)
		return nil
	}
	return fmt.Errorf("%w; to start all the same, set registry.unreadable-history to warn", err)
}

// prepareTopics makes what is missing of the topics, if it may, and compares the partitions of those that
// are there. What is lost is no reason to wait for groups that don't use it.
func (w *Worker) prepareTopics(ctx context.Context) error {
	findings, err := w.settle(ctx)
	if err != nil {
		return err
	}
	present := w.in.Copartitioned()
	for _, found := range findings {
		var lost *inventory.LostError
		if !errors.As(found, &lost) {
			return found // it was never there
		}
		present = slices.DeleteFunc(present, func(topic string) bool {
			return topic == lost.Known.Topic && lost.Present == ""
		})
	}
	if len(present) == 0 {
		return errors.Join(findings...)
	}
	client, err := w.kafka.Client()
	if err != nil {
		return err
	}
	defer client.Close()
	partitions, err := kafka.Partitions(ctx, client, present...)
	w.partitions.Store(partitions)
	if few := w.tooFewFiles(openFilesLimit()); err == nil && few != nil {
		w.logger.Warn("the process will end when it has too many files open", "error", few)
	}
	return err
}

// otherFiles is how many files and connections a worker has open beside the data files of its stores, and
// room for merges. Their number does not depend on the partitions.
const otherFiles = 256

// tooFewFiles reports whether the worker may need more files than the limit lets the process open (0: nobody
// knows it). Pebble ends the process when it can't open one that it must.
func (w *Worker) tooFewFiles(limit int64) error {
	need := int64(w.config.Store.OpenFiles) + otherFiles
	if limit == 0 || limit >= need || w.config.Store.Directory == "" {
		return nil
	}
	return fmt.Errorf("the worker may need %d open files, and %d are allowed: raise the limit (ulimit -n), "+
		"or lower store.open-files", need, limit)
}

// tablePartitions returns how many partitions the tables have, or why that is not known yet.
func (w *Worker) tablePartitions() (int32, error) {
	if err := w.preparedCheck(); err != nil {
		return 0, err
	}
	return w.partitions.Load(), nil
}

func (w *Worker) notPrepared(why error) { w.unprepared.Store(&why) }

// preparedCheck tells what preparing waits for, or what was wrong with the last try.
func (w *Worker) preparedCheck() error {
	if why := w.unprepared.Load(); why != nil {
		return *why
	}
	return nil
}
