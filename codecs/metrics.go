package codecs

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics measures the requests to the schema registry. There are few: a worker asks for each
// schema once. One Metrics serves all registries of a process.
type Metrics struct {
	requests *prometheus.HistogramVec
}

// NewMetrics registers the metrics with reg. It panics if they are registered there already.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "refold_registry_request_seconds",
			Help: "Requests to the schema registry, by operation (register, look-up, schema) and " +
				"outcome (ok, not-found, incompatible, unusable, refused, unavailable).",
			Buckets: []float64{.001, .005, .025, .1, .5, 1, 5},
		}, []string{"operation", "outcome"}),
	}
	reg.MustRegister(m.requests)
	return m
}

func (m *Metrics) requested(operation string, err error, took time.Duration) {
	if m == nil {
		return
	}
	m.requests.WithLabelValues(operation, outcome(err)).Observe(took.Seconds())
}
