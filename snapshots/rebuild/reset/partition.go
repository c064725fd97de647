package reset

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/fold"
	"refold/kafka"
	"refold/snapshots/rebuild/refold"
)

// Rings makes a row from two folds of an aggregate: of its events, and of its results.
type Rings interface {
	// Row returns the row; nil: the aggregate needs none. live is the present row, nil if there is none. An
	// error ends the reset of the partition before anything is written.
	Row(ofEvents, ofResults any, live []byte) ([]byte, error)
}

// TableCopy is a copy of the partition's rows. Rows may be called more than once.
type TableCopy interface {
	Rows() (refold.RowIterator, error)
	// Get returns a row, nil if there is none.
	Get(key string) ([]byte, error)
}

// Options say how the rows of a partition are made again. All fields are required.
type Options struct {
	Kafka  kafka.Settings
	Topics Topics
	// Events and Results are the folds of these topics.
	Events, Results fold.StateFold
	Rings           Rings
	// Dir is where the folds are kept meanwhile. CacheBytes limits the memory of each.
	Dir        string
	CacheBytes int64
	// TransactionalID is the same for all resets of the table: of two, the earlier one is fenced.
	TransactionalID string
	// Progress gets how far a stage is.
	Progress func(stage string, done, total int64)
}

// PartitionReport counts what was done to a partition.
type PartitionReport struct {
	Partition int32
	Events    int64 // that were folded
	Results   int64
	Written   int64 // rows that were not what they should be, or not there
	Removed   int64 // rows of aggregates without events and results
	Kept      int64 // rows that were right to the last byte
}

// partition is the reset of one.
type partition struct {
	Options

	number          int32
	events, results *refold.Shadow
	report          PartitionReport
}

// Partition folds the events and results of a partition and writes the rows that differ from the fold. It
// calls open after it has read these topics; open returns a copy of the table as it is then.
//
// Rows are written in several transactions. After a failure, Partition may be called again.
func Partition(
	ctx context.Context, o Options, number int32,
	open func(context.Context, int32) (TableCopy, error),
) (_ PartitionReport, err error) {
	p := &partition{Options: o, number: number, report: PartitionReport{Partition: number}}
	defer func() {
		err = errors.Join(err, p.close())
		if err != nil {
			err = fmt.Errorf("reset partition %d of %s: %w", number, o.Topics.Table, err)
		}
	}()
	if p.events, err = p.build(ctx, "folding events", o.Topics.Events, o.Events, 0); err != nil {
		return p.report, err
	}
	p.report.Events = p.events.Events()
	if o.Topics.Results != "" {
		p.results, err = p.build(ctx, "reading results", o.Topics.Results, o.Results, kafka.FromStart)
		if err != nil {
			return p.report, err
		}
		p.report.Results = p.results.Events()
	}
	table, err := open(ctx, number)
	if err != nil {
		return p.report, fmt.Errorf("read the table: %w", err)
	}
	// First without writing: all rows must be makeable before one is written.
	if err := p.each(ctx, table, func(string, []byte, []byte) error { return nil }); err != nil {
		return p.report, err
	}
	return p.report, p.write(ctx, table)
}

func (p *partition) build(
	ctx context.Context, stage, topic string, folding fold.StateFold, from int64,
) (*refold.Shadow, error) {
	return refold.Build(ctx, refold.Options{
		Fold: folding, Kafka: p.Kafka, EventsTopic: topic, Partition: p.number, From: from,
		Dir: filepath.Join(p.Dir, fmt.Sprintf("%s-%d", topic, p.number)), CacheBytes: p.CacheBytes,
		CPUShare: 1, // nothing else runs
		Progress: func(at refold.PhaseProgress) {
			if at.Phase == refold.PhaseFold {
				p.Progress(stage, at.Next, at.End)
			}
		},
	})
}

func (p *partition) close() error {
	var errs []error
	for _, s := range []*refold.Shadow{p.events, p.results} { // results may be nil
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	return errors.Join(errs...)
}

// each calls fn with every key that has a row or should have one, both as bytes; nil: none.
func (p *partition) each(
	ctx context.Context, table TableCopy, fn func(key string, is, should []byte) error,
) error {
	rows, err := table.Rows()
	if err != nil {
		return fmt.Errorf("read the table: %w", err)
	}
	defer rows.Release()
	err = p.events.Walk(ctx, rows, func(pair *refold.Pair) error {
		state, err := pair.State()
		if err != nil {
			return err //nolint:wrapcheck // it says what it was doing
		}
		key := string(pair.Key)
		told, err := p.told(key)
		if err != nil {
			return err
		}
		should, err := p.Rings.Row(state, told, pair.Row)
		if err != nil {
			return fmt.Errorf("make the row %.100q: %w", key, err)
		}
		return fn(key, pair.Row, should)
	})
	if err != nil {
		return err //nolint:wrapcheck // it says what it was doing
	}
	if p.results == nil {
		return nil
	}
	// And aggregates that have results only: their commands were rejected.
	return p.results.Walk(ctx, nil, func(pair *refold.Pair) error {
		key := string(pair.Key)
		state, err := p.events.State(key)
		if err != nil || state != nil {
			return err //nolint:wrapcheck // it says what it was doing
		}
		is, err := table.Get(key)
		if err != nil || is != nil {
			return err // it was walked past above
		}
		told, err := pair.State()
		if err != nil {
			return err //nolint:wrapcheck // it says what it was doing
		}
		should, err := p.Rings.Row(nil, told, nil)
		if err != nil {
			return fmt.Errorf("make the row %.100q: %w", key, err)
		}
		return fn(key, nil, should)
	})
}

// told returns what the results say of an aggregate's latest commands; nil where there are none.
func (p *partition) told(key string) (any, error) {
	if p.results == nil {
		return nil, nil //nolint:nilnil // nothing is known
	}
	return p.results.State(key) //nolint:wrapcheck // it says what it was doing
}

// write writes the rows that are not as they should be.
func (p *partition) write(ctx context.Context, table TableCopy) error {
	w, err := newWriter(ctx, p.Kafka, p.TransactionalID)
	if err != nil {
		return err
	}
	defer w.close()
	done := int64(0)
	err = p.each(ctx, table, func(key string, is, should []byte) error {
		done++
		if done%progressRows == 0 {
			p.Progress("writing rows", done, p.events.Keys())
		}
		switch {
		case bytes.Equal(is, should):
			if is != nil {
				p.report.Kept++
			}
			return nil
		case should == nil:
			p.report.Removed++
		default:
			p.report.Written++
		}
		return w.put(ctx, &kgo.Record{
			Topic: p.Topics.Table, Partition: p.number, Key: []byte(key), Value: should,
		})
	})
	if err != nil {
		return err
	}
	return w.commit(ctx)
}

const progressRows = 10_000
