package verify

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Watch verifies the partitions that a worker has, one after the other, again and again.
type Watch struct {
	// Group is the worker's, for metrics and logs.
	Group string
	// Options returns what a partition is verified with. Report is called beside its own.
	Options func(partition int32) Options
	// Pause is between two rounds, and after a partition that could not be verified.
	Pause   time.Duration
	Metrics *Metrics
	Logger  *slog.Logger
}

// maxLogged limits the differences of a partition that are logged: the metric counts all.
const maxLogged = 20

// Run verifies until ctx ends.
func (w *Watch) Run(ctx context.Context, partitions []int32) {
	for ctx.Err() == nil {
		for _, partition := range partitions {
			if !w.once(ctx, partition) {
				break
			}
		}
		timer := time.NewTimer(w.Pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}

// once verifies a partition, and reports whether it could.
func (w *Watch) once(ctx context.Context, partition int32) bool {
	o := w.Options(partition)
	logged := 0
	report := o.Report
	o.Report = func(d Difference) error {
		w.Metrics.differs(w.Group, d.What)
		logged++
		if logged <= maxLogged {
			w.Logger.Error("a row is not what its events make it", "group", w.Group,
				"partition", d.Partition, "key", d.Key, "what", d.What, "sequence", d.Sequence,
				"fields", d.Fields)
		}
		if report == nil {
			return nil
		}
		return report(d)
	}
	begin := time.Now()
	outcome, err := Run(ctx, o)
	if err != nil {
		if ctx.Err() == nil {
			w.Metrics.failed(w.Group)
			w.Logger.Warn("a partition could not be verified; it is tried again", "group", w.Group,
				"partition", partition, "error", err)
		}
		return false
	}
	w.Metrics.verified(w.Group, outcome.Rows)
	level := slog.LevelDebug
	if outcome.Differences > 0 {
		level = slog.LevelError
	}
	w.Logger.Log(ctx, level, "a partition was verified", "group", w.Group, "partition", partition,
		"events", outcome.Events, "rows", outcome.Rows, "differences", outcome.Differences,
		"took", time.Since(begin))
	return true
}

// Metrics count what watches find. Nil counts nothing.
type Metrics struct {
	differences, rows, partitions, failures *prometheus.CounterVec
}

// NewMetrics registers the metrics.
func NewMetrics(r prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		r.MustRegister(c)
		return c
	}
	return &Metrics{
		differences: counter("refold_verify_differences_total",
			"Rows that the check in the background found to be other than their events make them.",
			"group", "what"),
		rows: counter("refold_verify_rows_total",
			"Rows that the check in the background has compared with their events.", "group"),
		partitions: counter("refold_verify_partitions_total",
			"Partitions that the check in the background has gone through.", "group"),
		failures: counter("refold_verify_failures_total",
			"Partitions that the check in the background could not go through.", "group"),
	}
}

func (m *Metrics) differs(group string, what Kind) {
	if m != nil {
		m.differences.WithLabelValues(group, string(what)).Inc()
	}
}

func (m *Metrics) verified(group string, rows int64) {
	if m != nil {
		m.rows.WithLabelValues(group).Add(float64(rows))
		m.partitions.WithLabelValues(group).Inc()
	}
}

func (m *Metrics) failed(group string) {
	if m != nil {
		m.failures.WithLabelValues(group).Inc()
	}
}
