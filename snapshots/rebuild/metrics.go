package rebuild

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics of rebuilds. A nil *Metrics counts nothing.
type Metrics struct {
	read, total      *prometheus.GaugeVec
	changed          *prometheus.CounterVec
	rowsVersion, own *prometheus.GaugeVec
}

// NewMetrics registers the metrics.
func NewMetrics(r prometheus.Registerer) *Metrics {
	partition := []string{"group", "partition"}
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, partition)
	}
	m := &Metrics{
		read: gauge("refold_rebuild_events_read",
			"Events that the rebuild of a partition has folded so far."),
		total: gauge("refold_rebuild_events",
			"Events that the rebuild of a partition has to fold."),
		changed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "refold_rebuild_rows_total",
			Help: "Rows that rebuilds have found, by what became of them (equal, changed, added, removed) " +
				"and whether they were written.",
		}, []string{"group", "outcome", "written"}),
		rowsVersion: gauge("refold_fold_version",
			"The fold version that the rows of a partition are of. A rebuild is due when it is below "+
				"refold_fold_version_worker."),
		own: gauge("refold_fold_version_worker", "The fold version of the partition's worker."),
	}
	r.MustRegister(m.read, m.total, m.changed, m.rowsVersion, m.own)
	return m
}

func (m *Metrics) version(group string, p int32, rows, worker int) {
	if m != nil {
		partition := strconv.Itoa(int(p))
		m.rowsVersion.WithLabelValues(group, partition).Set(float64(rows))
		m.own.WithLabelValues(group, partition).Set(float64(worker))
	}
}

// forget removes the gauges of partitions that the worker has lost.
func (m *Metrics) forget(group string, partitions []int32) {
	if m == nil {
		return
	}
	for _, p := range partitions {
		for _, gauge := range []*prometheus.GaugeVec{m.read, m.total, m.rowsVersion, m.own} {
			gauge.DeleteLabelValues(group, strconv.Itoa(int(p)))
		}
	}
}

func (m *Metrics) progress(group string, p int32, now PartitionProgress) {
	if m != nil {
		partition := strconv.Itoa(int(p))
		m.read.WithLabelValues(group, partition).Set(float64(now.EventsRead))
		m.total.WithLabelValues(group, partition).Set(float64(now.EventsTotal))
	}
}

func (m *Metrics) rows(group string, p PartitionProgress, dryRun bool) {
	if m == nil {
		return
	}
	written := strconv.FormatBool(!dryRun)
	for outcome, n := range map[string]int64{
		"equal": p.Equal, "changed": p.Changed, "added": p.Added, "removed": p.Removed,
	} {
		m.changed.WithLabelValues(group, outcome, written).Add(float64(n))
	}
}
