package views

import (
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics measures the read side.
type Metrics struct {
	delay    *prometheus.HistogramVec
	restarts *prometheus.CounterVec
	commands *prometheus.CounterVec
	rebuilds *prometheus.CounterVec

	rebuilding          *prometheus.Desc
	lag, ready, waiting *prometheus.Desc

	mu    sync.Mutex
	views *Views // asked when the metrics are gathered
}

// NewMetrics registers the metrics with reg. It panics if they are registered there already.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		delay: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "refold_view_delay_seconds",
			Help: "From a record's timestamp (its command's) until it was readable here, live tail.",
			Buckets: []float64{
				.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5, 30, 300,
			},
		}, []string{"topic"}),
		restarts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "refold_view_restarts_total",
			Help: "How often a view failed and was restarted.",
		}, []string{"topic"}),
		commands: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "refold_commands_sent_total",
			Help: "Commands sent, by outcome: sent, not-sent, unknown.",
		}, []string{"aggregate", "outcome"}),
		rebuilds: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "refold_view_rebuilds_total",
			Help: "Rebuilds of views that have ended: done, failed, cancelled.",
		}, []string{"view", "outcome"}),
		rebuilding: prometheus.NewDesc("refold_view_rebuild_remaining_offsets",
			"Offsets that the running rebuild of a view still has to read of a partition.",
			[]string{"topic", "partition"}, nil),
		lag: prometheus.NewDesc("refold_view_lag_records",
			"Offsets between a view and the end of its partition, as the brokers tell; none while they "+
				"don't. Transaction markers count for a moment.",
			[]string{"topic", "partition"}, nil),
		ready: prometheus.NewDesc("refold_view_ready",
			"Whether a view is restored and live.", []string{"topic"}, nil),
		waiting: prometheus.NewDesc("refold_view_waiters",
			"Readers that wait for something to become readable.", nil, nil),
	}
	reg.MustRegister(m.delay, m.restarts, m.commands, m.rebuilds, m)
	return m
}

func (m *Metrics) attach(v *Views) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.views = v
}

// Describe is for Prometheus.
func (m *Metrics) Describe(descriptions chan<- *prometheus.Desc) {
	descriptions <- m.lag
	descriptions <- m.rebuilding
	descriptions <- m.ready
	descriptions <- m.waiting
}

// Collect is for Prometheus.
func (m *Metrics) Collect(values chan<- prometheus.Metric) {
	m.mu.Lock()
	v := m.views
	m.mu.Unlock()
	if v == nil {
		return
	}
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		values <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	gauge(m.waiting, float64(v.waiters.waiting()))
	for _, l := range v.lives {
		up := 0.0
		if l.ready() == nil {
			up = 1
		}
		gauge(m.ready, up, l.topic)
		if r := v.rebuilds.state(l); r != nil && r.Rebuilding >= 0 {
			gauge(m.rebuilding, float64(r.Until-r.Next), l.topic, strconv.Itoa(int(r.Rebuilding)))
		}
		for partition, lag := range l.lags() {
			gauge(m.lag, float64(lag), l.topic, strconv.Itoa(partition))
		}
	}
}

func (m *Metrics) applied(topic string, delay time.Duration) {
	m.delay.WithLabelValues(topic).Observe(delay.Seconds())
}

func (m *Metrics) rebuild(view string, outcome RebuildStage) {
	m.rebuilds.WithLabelValues(view, string(outcome)).Inc()
}

func (m *Metrics) restarted(topic string) { m.restarts.WithLabelValues(topic).Inc() }

func (m *Metrics) sent(aggregate string, err error) {
	outcome := "sent"
	switch {
	case errors.Is(err, ErrNotSent):
		outcome = "not-sent"
	case err != nil:
		outcome = "unknown"
	}
	m.commands.WithLabelValues(aggregate, outcome).Inc()
}
