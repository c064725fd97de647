package codecs

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics measures the requests to the schema registry. There are few: a worker asks for each
// schema once. One Metrics serves all registries of a process.
type Metrics struct {
	requests       *prometheus.HistogramVec
	cached         prometheus.Gauge
	contradictions prometheus.Counter
}

// NewMetrics registers the metrics with reg. It panics if they are registered there already.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "refold_registry_request_seconds",
			Help: "Requests to the schema registry, by operation (register, look-up, schema, versions, " +
				"version) and outcome (ok, not-found, incompatible, unusable, refused, unavailable).",
			Buckets: []float64{.001, .005, .025, .1, .5, 1, 5},
		}, []string{"operation", "outcome"}),
		cached: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "refold_registry_cached",
			Help: "Above 0 while the schema registry is away and the cache on disk answers in its place.",
		}),
		contradictions: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "refold_registry_contradictions_total",
			Help: "Answers of the schema registry that differ from what its cache on disk had answered " +
				"while it was away.",
		}),
	}
	reg.MustRegister(m.requests, m.cached, m.contradictions)
	return m
}

func (m *Metrics) requested(operation string, err error, took time.Duration) {
	if m == nil {
		return
	}
	m.requests.WithLabelValues(operation, outcome(err)).Observe(took.Seconds())
}

// standsIn counts registries whose cache answers in their place.
func (m *Metrics) standsIn(change float64) {
	if m != nil {
		m.cached.Add(change)
	}
}

func (m *Metrics) contradicted() {
	if m != nil {
		m.contradictions.Inc()
	}
}
