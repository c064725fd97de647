package projector

import (
	"context"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/fold"
	"refold/kafka"
	"refold/processors"
	"refold/projections"
)

// fill fills a partition of a new build from the aggregate's table, and returns from which event on it has to
// go on. It reports whether it has: the build may be one that is filled from events, and so are partitions
// whose rows are of another fold version.
//
// The end of the events is asked before the table is read. Each event below it is decided, and its row was
// written before: so the reading of the table, which waits for what is undecided, has it. Rows may be newer
// than that; the events that they have already are left out when they come. A fill that ends early is begun
// again, and writes the same rows.
func (m *member) fill(ctx context.Context, at *projections.Progress) (next int64, filled bool, err error) {
	if !m.build.FromTables || !m.of.FromTables {
		return 0, false, nil
	}
	source := m.of.Sources[slices.Index(m.topics, at.Topic)]
	number := at.Partition.Partition
	version, err := m.options.RowsFold(ctx, source.AggregateName, number)
	if err != nil {
		return 0, false, fmt.Errorf("ask for the fold version of the rows of %s: %w", source.Plural, err)
	}
	if version != source.FoldVersion {
		m.log.Warn("the table's rows are of another fold version: the partition is filled from events",
			"aggregate", source.Name, "partition", number, "rows", version, "fold", source.FoldVersion)
		return 0, false, nil
	}
	if next, err = m.stableEnd(ctx, at.Partition); err != nil {
		return 0, false, err
	}
	f := filler{member: m, source: source, at: at}
	table := kafka.Range{
		Topic:     processors.NewTopics(m.options.Prefix, source.Name, source.Plural).Table,
		Partition: number, From: kafka.FromStart,
	}
	_, err = kafka.ReadPartitionBy(ctx, m.client, table, func(rows []*kgo.Record, _ kafka.Progress) error {
		return f.take(ctx, rows)
	})
	switch {
	case err == nil:
		return next, true, nil
	case fold.CodeOf(err) == "":
		return 0, false, fmt.Errorf("fill from the table: %w", err)
	}
	// The events that have led to the row go to the dead letters, or hold the partition. What is filled
	// already stays, and its events are left out.
	m.log.Warn("the table has a row that can't be taken: the partition is filled from events",
		"aggregate", source.Name, "partition", number, "error", err)
	return 0, false, nil
}

// filler writes the rows that a table's rows make.
type filler struct {
	*member
	source *projections.OpenSource
	at     *projections.Progress
}

// take writes what comes of rows of the table.
func (f *filler) take(ctx context.Context, rows []*kgo.Record) error {
	latest := make(map[string]int, len(rows)) // of several rows under one key, the last one counts
	for i, r := range rows {
		latest[string(r.Key)] = i
	}
	var counting []*kgo.Record
	for i, r := range rows {
		if r.Value != nil && latest[string(r.Key)] == i {
			counting = append(counting, r)
		}
	}
	for part := range slices.Chunk(counting, f.options.BatchRecords) {
		err := halved(part, func(rows []*kgo.Record) error { return f.write(ctx, rows) })
		if err != nil {
			return err
		}
	}
	return nil
}

// write writes one batch of rows. The progress stays before the beginning.
func (f *filler) write(ctx context.Context, rows []*kgo.Record) error {
	batch := &projections.Batch{Advances: []projections.Advance{{
		Partition: f.at.Partition, Epoch: f.at.Epoch, From: f.at.Next, To: f.at.Next,
	}}}
	var changes projections.Changes
	for _, r := range rows {
		if err := f.add(batch, &changes, r); err != nil {
			return fmt.Errorf("row %q of %s/%d: %w", r.Key, r.Topic, r.Partition, err)
		}
	}
	if limit := batchRows(f.of.Store); limit > 0 && len(rows) > 1 && changes.Len()+len(batch.States) > limit {
		return errTooMany
	}
	batch.Changes = changes.Sorted()
	limited, cancel := context.WithTimeout(ctx, f.options.StoreTimeout)
	defer cancel()
	return f.open.Write(limited, batch) //nolint:wrapcheck // the callers tell errors of stores apart
}

// add adds the state and the changes of a row. An error with a code is about the row.
func (f *filler) add(batch *projections.Batch, changes *projections.Changes, r *kgo.Record) error {
	state, err := f.source.DecodeState(r.Value)
	if err != nil {
		return err //nolint:wrapcheck // the caller says which row
	}
	sequence := f.source.Sequence(state)
	if sequence == 0 {
		return nil // it is there for its ring
	}
	of, err := f.source.OfState(string(r.Key), state)
	if err == nil {
		err = f.of.Projection.Mine(of)
	}
	for i := 0; i < len(of) && err == nil; i++ {
		of[i].Sequence = sequence
		err = changes.Add(of[i])
	}
	if err != nil {
		return err //nolint:wrapcheck // the caller says which row
	}
	encoded, err := f.source.EncodeState(state)
	batch.States = append(batch.States, projections.StoredState{
		Aggregate: f.source.Name, Subject: string(r.Key), Sequence: sequence, State: encoded,
	})
	return err //nolint:wrapcheck // the caller says which row
}

// startOf returns where the log of a partition begins.
func (s *shared) startOf(ctx context.Context, p projections.Partition) (int64, error) {
	return offsetOf(p, "begins", func() (kadm.ListedOffsets, error) {
		return kadm.NewClient(s.client).ListStartOffsets(ctx, p.Topic)
	})
}

// stableEnd returns the offset behind the last event of a partition that is decided.
func (s *shared) stableEnd(ctx context.Context, p projections.Partition) (int64, error) {
	return offsetOf(p, "ends", func() (kadm.ListedOffsets, error) {
		return kadm.NewClient(s.client).ListCommittedOffsets(ctx, p.Topic)
	})
}

func offsetOf(p projections.Partition, does string, list func() (kadm.ListedOffsets, error)) (int64, error) {
	listed, err := list()
	at, found := listed.Lookup(p.Topic, p.Partition)
	switch {
	case err != nil:
	case !found:
		err = kafka.ErrTopicMissing
	default:
		err = at.Err
	}
	if err != nil {
		return 0, fmt.Errorf("ask where %s/%d %s: %w", p.Topic, p.Partition, does, err)
	}
	return at.Offset, nil
}
