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
	// Of each build, in the partitions of this process.
	lagRecords, lagSeconds, held, lookups, partitions, topicPartitions *prometheus.Desc
	// Of each projection.
	builds, waiting, fault *prometheus.Desc
	standing               func() []*standing
}

var buildLabels = []string{"projection", "build"}

// newMetrics registers the metrics, if there is a registerer. standing is asked when gauges are read.
func newMetrics(r prometheus.Registerer, standing func() []*standing) *metrics {
	counter := func(name, help string, more ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help},
			append(buildLabels[:2:2], more...))
	}
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	ofBuild := func(name, help string) *prometheus.Desc {
		return desc(name, help, append(buildLabels[:2:2], "status")...)
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
		lagRecords: ofBuild("refold_projection_lag_records",
			"Records that a build has not taken, in the partitions of this process."),
		lagSeconds: ofBuild("refold_projection_lag_seconds",
			"Age of the oldest record that a build has not taken, in the partitions of this process."),
		held: ofBuild("refold_projection_held_partitions",
			"Partitions of a build that are held until this process is restarted."),
		lookups: ofBuild("refold_projection_waiting_partitions",
			"Partitions of a build whose next event looks up a state that is not there yet."),
		partitions: ofBuild("refold_projection_partitions",
			"Partitions of the events that a build has in this process."),
		topicPartitions: ofBuild("refold_projection_topic_partitions",
			"Partitions of the events that there are, for all processes together; 0: not known yet."),
		builds: desc("refold_projection_builds",
			"Builds that the store has, by status, when this process asked it last.", "projection", "status"),
		waiting: desc("refold_projection_waiting_builds",
			"Builds that are level and wait for processor project take-over.", "projection"),
		fault: desc("refold_projection_fault_seconds",
			"How long a store, the registry or Kafka has been away from a projection; 0: all are there.",
			"projection"),
		standing: standing,
	}
	if r != nil {
		r.MustRegister(m.events, m.batches, m.faults, m.left, m.letters, m.seconds, m)
	}
	return m
}

// Describe names the gauges.
func (m *metrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		m.lagRecords, m.lagSeconds, m.held, m.lookups, m.partitions, m.topicPartitions, m.builds, m.waiting,
		m.fault,
	} {
		to <- d
	}
}

// Collect reads the gauges.
func (m *metrics) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	for _, s := range m.standing() {
		gauge(m.waiting, float64(s.waiting), s.projection)
		gauge(m.fault, s.fault.Seconds(), s.projection)
		for _, status := range []projections.Status{
			projections.Filling, projections.Live, projections.Kept,
		} {
			if s.builds != nil {
				gauge(m.builds, float64(s.builds[status]), s.projection, string(status))
			}
		}
		for _, b := range s.running {
			m.collect(gauge, b)
		}
	}
}

// collect reads the gauges of a build.
func (m *metrics) collect(gauge func(*prometheus.Desc, float64, ...string), b running) {
	var records, held, lookups int64
	var age time.Duration
	for _, l := range b.lag {
		records += l.Records
		age = max(age, l.Age)
		if l.Held != nil {
			held++
		}
		if l.Waits != "" {
			lookups++
		}
	}
	labels := []string{b.Projection, strconv.Itoa(b.Number), string(b.Status)}
	gauge(m.lagRecords, float64(records), labels...)
	gauge(m.lagSeconds, age.Seconds(), labels...)
	gauge(m.held, float64(held), labels...)
	gauge(m.lookups, float64(lookups), labels...)
	gauge(m.partitions, float64(len(b.lag)), labels...)
	gauge(m.topicPartitions, float64(b.partitions), labels...)
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
