package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sync/errgroup"

	"refold/processors"
	"refold/snapshots"
)

// EventsPerRow is how many events the aggregates have whose rows are restored.
const EventsPerRow = 4

// WrittenRows are the rows of a table.
type WrittenRows struct {
	Bytes int64 // of keys and values
	Took  time.Duration
}

// WriteRows writes so many rows of an aggregate to a topic.
func (b *Bench) WriteRows(
	ctx context.Context, a *processors.OpenAggregate, topic string, rows int,
) (w WrittenRows, err error) {
	subject, err := newAggregate(a, "", rows)
	if err != nil {
		return w, err
	}
	begin := time.Now()
	written, err := b.write(ctx, "rows", newPast(subject, topic, 0).shortRows(EventsPerRow))
	return WrittenRows{written.bytes, time.Since(begin)}, err
}

// Restored is what a restore took.
type Restored struct {
	Topic   string  `json:"topic"`
	Rows    int     `json:"rows"`
	Bytes   int64   `json:"bytes"` // of keys and values
	Seconds float64 `json:"seconds"`
	// CPUSeconds is until the rows are there, TotalCPUSeconds with the program's start, and until all
	// is on the disk and the program over. 0: the system does not say.
	CPUSeconds      float64 `json:"cpuSeconds"`
	TotalCPUSeconds float64 `json:"totalCpuSeconds"`
	PeakBytes       int64   `json:"peakBytes"` // of memory
}

// Restore runs this program with arguments; it prints what [RestoreTable] returns, as JSON. The arguments
// name the stores' directory, which is emptied.
func (b *Bench) Restore(ctx context.Context, topic, stores string, args []string) (took Restored, err error) {
	program, err := os.Executable()
	if err != nil {
		return took, fmt.Errorf("find the program: %w", err)
	}
	child := exec.CommandContext(ctx, program, append(args, "--cpuprofile", b.Profile)...)
	child.Stderr = b.Logs
	printed, err := child.Output()
	if err != nil {
		return took, fmt.Errorf("restore %s: %w", topic, err)
	}
	if err := os.RemoveAll(stores); err != nil {
		return took, fmt.Errorf("empty the disk: %w", err)
	}
	if err := json.Unmarshal(printed, &took); err != nil {
		return took, fmt.Errorf("restore %s: what it took: %w", topic, err)
	}
	took.TotalCPUSeconds = (child.ProcessState.UserTime() + child.ProcessState.SystemTime()).Seconds()
	return took, nil
}

// RestoreTable restores a topic of so many partitions, all at once, as a worker does, to the stores that open
// returns. The process that is measured calls it.
func RestoreTable(
	ctx context.Context, open func() (*snapshots.Stores, error), topic string, partitions int,
) (r Restored, err error) {
	begin, before := time.Now(), processorTime(os.Getpid())
	stores, err := open()
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, stores.Close()) }()
	tables := make([]*snapshots.Staged, partitions)
	var all errgroup.Group
	for i := range tables {
		if tables[i], err = stores.Staged(ctx, topic, int32(i)); err != nil {
			return r, err //nolint:wrapcheck // it names the table
		}
		all.Go(tables[i].Open)
	}
	if err := all.Wait(); err != nil {
		return r, err //nolint:wrapcheck // it names the table
	}
	r.Topic, r.Seconds = topic, time.Since(begin).Seconds()
	r.CPUSeconds = (processorTime(os.Getpid()) - before).Seconds()
	r.PeakBytes = peakMemory(os.Getpid())
	for _, table := range tables {
		if err := r.count(table); err != nil {
			return r, err
		}
	}
	return r, nil
}

// count adds a table's rows.
func (r *Restored) count(table *snapshots.Staged) error {
	rows, err := table.Iterator()
	if err != nil {
		return err //nolint:wrapcheck // it names the table
	}
	defer rows.Release()
	for rows.Next() {
		value, err := rows.Value()
		if err != nil {
			return err //nolint:wrapcheck // it names the table
		}
		r.Rows++
		r.Bytes += int64(len(rows.Key()) + len(value))
	}
	return rows.Err() //nolint:wrapcheck // it names the table
}
