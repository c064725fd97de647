package inventory

import "github.com/prometheus/client_golang/prometheus"

// Metrics of all Catalogs of a process. A nil *Metrics measures nothing.
type Metrics struct {
	topics *prometheus.GaugeVec
}

// NewMetrics registers the metrics.
func NewMetrics(registerer prometheus.Registerer) *Metrics {
	m := &Metrics{
		topics: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "refold_topic_lost",
			Help: "1 while a topic is missing, or is not the one that the installation knows.",
		}, []string{"topic"}),
	}
	registerer.MustRegister(m.topics)
	return m
}

func (m *Metrics) lost(topic string, is bool) {
	if m == nil {
		return
	}
	value := 0.0
	if is {
		value = 1
	}
	m.topics.WithLabelValues(topic).Set(value)
}
