package outcomes

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Metrics measures the indices of a process. A nil one measures nothing.
type Metrics struct {
	reads, forgotten *prometheus.CounterVec
}

// NewMetrics registers the metrics of indices that share a memory.
func NewMetrics(reg prometheus.Registerer, memory *Memory) *Metrics {
	in := promauto.With(reg)
	in.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "refold_outcomes_remembered",
		Help: "Outcomes of recent commands that are remembered beside the rows, of all aggregates.",
	}, func() float64 { n, _ := memory.Outcomes(); return float64(n) })
	return &Metrics{
		reads: in.NewCounterVec(prometheus.CounterOpts{
			Name: "refold_outcomes_read_total",
			Help: "Results that were read to learn the outcomes of recent commands, by topic.",
		}, []string{"topic"}),
		forgotten: in.NewCounterVec(prometheus.CounterOpts{
			Name: "refold_outcomes_forgotten_early_total",
			Help: "Outcomes that were forgotten before their time, because store.remember-bytes is used up.",
		}, []string{"topic"}),
	}
}

func (m *Metrics) read(topic string, results int64) {
	if m != nil {
		m.reads.WithLabelValues(topic).Add(float64(results))
	}
}

func (m *Metrics) early(topic string) {
	if m != nil {
		m.forgotten.WithLabelValues(topic).Inc()
	}
}
