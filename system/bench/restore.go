//go:build system

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"

	"refold/bench"
	"refold/bench/report"
	"refold/kafka"
)

// The peer's names: its changelog is the table that both restore.
const (
	restoreApplication = "restore"
	restoreStore       = "accounts"
	restoreTopic       = restoreApplication + "-" + restoreStore + "-changelog"
)

// table is a table topic that is restored again and again.
type table struct {
	written bool
	rows    int
}

var errRows = errors.New("another number of rows was restored than was written")

func planRestore(o options) []measurement {
	rows := o.scaled(1_000_000)
	ours := func(ctx context.Context, l *lab, _ *subject) (figures, error) {
		if err := l.writeTable(ctx, rows); err != nil {
			return nil, err
		}
		return l.restored(exec.CommandContext(ctx, l.processor, l.restoreArgs()...))
	}
	theirs := func(ctx context.Context, l *lab, _ *subject) (f figures, err error) {
		if err := l.writeTable(ctx, rows); err != nil {
			return nil, err
		}
		state := filepath.Join(l.dir, "restore-state")
		defer func() { err = errors.Join(err, os.RemoveAll(state)) }()
		args := append(l.jvm(), "refold.peer.Restore", l.broker.Address(),
			restoreApplication, restoreStore, state,
			strconv.Itoa(min(runtime.NumCPU(), drainPartitions)), strconv.Itoa(drainPartitions))
		return l.restored(exec.CommandContext(ctx, args[0], args[1:]...))
	}
	return append(each(report.Restore, "", ours, report.Accounts),
		each(report.Restore, "", theirs, report.StreamsAccounts)...)
}

func (l *lab) restoreArgs() []string {
	return []string{
		"bench", "restore", "--json", "--topic", restoreTopic,
		"--brokers", l.broker.Address(), "--registry", l.registry.URL(),
	}
}

// writeTable writes the table, and makes the topic that the peer's topology has as its input, once.
func (l *lab) writeTable(ctx context.Context, rows int) error {
	if l.table.written {
		return nil
	}
	_, err := kafka.Ensure(ctx, l.client, []kafka.TopicSpec{{
		Name: restoreApplication + "-input", Partitions: drainPartitions, ReplicationFactor: 1,
	}})
	if err != nil {
		return fmt.Errorf("making the peer's input: %w", err)
	}
	args := append(l.restoreArgs(),
		"--rows", strconv.Itoa(rows), "--partitions", strconv.Itoa(drainPartitions))
	if out, err := exec.CommandContext(ctx, l.processor, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("writing the table: %w\n%s", err, out)
	}
	l.table = table{true, rows}
	return nil
}

// restored runs a program that prints what its restore took.
func (l *lab) restored(program *exec.Cmd) (figures, error) {
	program.Stderr = l.logs
	printed, err := program.Output()
	var took bench.Restored
	if err == nil {
		err = json.Unmarshal(printed, &took)
	}
	if err != nil {
		return nil, fmt.Errorf("restoring: %w\n%s", err, printed)
	}
	if took.Rows != l.table.rows {
		return nil, fmt.Errorf("%w: %d of %d", errRows, took.Rows, l.table.rows)
	}
	if took.TotalCPUSeconds == 0 { // the worker's program reports that of its child
		s := program.ProcessState
		took.TotalCPUSeconds = (s.UserTime() + s.SystemTime()).Seconds()
	}
	return figures{
		report.Seconds: took.Seconds, report.CPUSeconds: took.CPUSeconds,
		report.TotalCPUSeconds: took.TotalCPUSeconds, report.PeakMiB: mib(took.PeakBytes),
	}, nil
}
