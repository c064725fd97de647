package projector

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"refold/projections"
)

// metrics are those of all builds in this process. Lag is asked when it is read, so that it grows while
// nothing moves.
type metrics struct {
	events, batches, faults, left *prometheus.CounterVec
	letters                       *prometheus.CounterVec
	seconds                       *prometheus.HistogramVec
	lagRecords, lagSeconds        *prometheus.Desc
	held, waiting                 *prometheus.Desc
	lag                           func() []Lag
}

var buildLabels = []string{"projection", "build"}

// newMetrics registers the metrics, if there is a registerer.
func newMetrics(r prometheus.Registerer, lag func() []Lag) *metrics {
	counter := func(name, help string, more ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help},
			append(buildLabels[:2:2], more...))
	}
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, buildLabels, nil)
	}
	m := &metrics{
		events:  counter("refold_projection_events_total", "Events that a build has taken."),
		batches: counter("refold_projection_batches_total", "Batches that a store has taken."),
		faults: counter("refold_projection_faults_total",
			"Attempts that failed, as a store, the registry or Kafka was away."),
		left: counter("refold_projection_repeated_total",
			"Events that were left out, as the build's state had them: it was filled from tables."),
		letters: counter("refold_projection_dead_letters_total",
			"Events that a projection could not take and that are in the dead letters, by reason.", "reason"),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "refold_projection_store_seconds",
			Help:    "How long a store has taken for a batch.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 4, 9), // to half a minute
		}, buildLabels),
		lagRecords: desc("refold_projection_lag_records",
			"Records that a build has not taken, in the partitions of this process."),
		lagSeconds: desc("refold_projection_lag_seconds",
			"Age of the oldest record that a build has not taken, in the partitions of this process."),
		held: desc("refold_projection_held_partitions",
			"Partitions of a build that are held until this process is restarted."),
		waiting: desc("refold_projection_waiting_partitions",
			"Partitions of a build whose next event looks up a state that is not there yet."),
		lag: lag,
	}
	if r != nil {
		r.MustRegister(m.events, m.batches, m.faults, m.left, m.letters, m.seconds, m)
	}
	return m
}

// Describe names the gauges.
func (m *metrics) Describe(to chan<- *prometheus.Desc) {
	to <- m.lagRecords
	to <- m.lagSeconds
	to <- m.held
	to <- m.waiting
}

// Collect reads the gauges.
func (m *metrics) Collect(to chan<- prometheus.Metric) {
	type sum struct {
		records, seconds, held, waiting float64
	}
	builds := make(map[[2]string]*sum)
	for _, l := range m.lag() {
		labels := [2]string{l.Projection, strconv.Itoa(l.Build)}
		s := builds[labels]
		if s == nil {
			s = &sum{}
			builds[labels] = s
		}
		s.records += float64(l.Records)
		s.seconds = max(s.seconds, l.Age.Seconds())
		if l.Held != nil {
			s.held++
		}
		if l.Waits != "" {
			s.waiting++
		}
	}
	for labels, s := range builds {
		gauge := func(d *prometheus.Desc, value float64) {
			to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels[:]...)
		}
		gauge(m.lagRecords, s.records)
		gauge(m.lagSeconds, s.seconds)
		gauge(m.held, s.held)
		gauge(m.waiting, s.waiting)
	}
}

// buildMetrics are those of one build. A nil one counts nothing.
type buildMetrics struct {
	of                            *metrics
	labels                        []string
	events, batches, faults, left prometheus.Counter
	seconds                       prometheus.Observer
}

func (m *metrics) of(b projections.Build) *buildMetrics {
	labels := []string{b.Projection, strconv.Itoa(b.Number)}
	return &buildMetrics{
		of: m, labels: labels, events: m.events.WithLabelValues(labels...),
		batches: m.batches.WithLabelValues(labels...), faults: m.faults.WithLabelValues(labels...),
		left: m.left.WithLabelValues(labels...), seconds: m.seconds.WithLabelValues(labels...),
	}
}

// forget removes the metrics of a build that was dropped.
func (m *metrics) forget(b projections.Build) {
	labels := prometheus.Labels{"projection": b.Projection, "build": strconv.Itoa(b.Number)}
	for _, v := range []*prometheus.CounterVec{m.events, m.batches, m.faults, m.left, m.letters} {
		v.DeletePartialMatch(labels)
	}
	m.seconds.DeletePartialMatch(labels)
}

// wrote counts a write of so many events.
func (m *buildMetrics) wrote(events int, took time.Duration, err error) {
	if m == nil {
		return
	}
	m.seconds.Observe(took.Seconds())
	if err == nil {
		m.events.Add(float64(events))
		m.batches.Inc()
	}
}

func (m *buildMetrics) repeated(events int) {
	if m != nil {
		m.left.Add(float64(events))
	}
}

func (m *buildMetrics) fault() {
	if m != nil {
		m.faults.Inc()
	}
}

func (m *buildMetrics) setAside(reason string) {
	if m != nil {
		m.of.letters.WithLabelValues(append(m.labels[:2:2], reason)...).Inc()
	}
}
