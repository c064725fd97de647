package reactions

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"refold/codecs"
)

// Metrics counts what reactions do. One Metrics serves all reactions of a process. Nil counts nothing.
type Metrics struct {
	sent, again, refused   *prometheus.CounterVec
	lagRecords, lagSeconds *prometheus.GaugeVec
}

// NewMetrics registers the metrics. It panics if they are registered there already.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		reg.MustRegister(c)
		return c
	}
	gauge := func(name, help string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"reaction"})
		reg.MustRegister(g)
		return g
	}
	return &Metrics{
		sent: counter("refold_reaction_sent_total", "Events that reactions have sent.", "reaction"),
		again: counter("refold_reaction_again_total",
			"Tries to send an event that came after a fault of the try before.", "reaction"),
		refused: counter("refold_reaction_refused_total",
			"Events that could not be sent, and were set aside or stop their partition, by why.",
			"reaction", "reason"),
		lagRecords: gauge("refold_reaction_lag_records",
			"Records of the partitions of this process that the reaction has not come to yet."),
		lagSeconds: gauge("refold_reaction_lag_seconds",
			"Age of the oldest event that waits to be sent by this process; 0 if none does."),
	}
}

func (m *Metrics) tried(reaction string, attempt int) {
	if m != nil && attempt > 1 {
		m.again.WithLabelValues(reaction).Inc()
	}
}

func (m *Metrics) delivered(reaction string) {
	if m != nil {
		m.sent.WithLabelValues(reaction).Inc()
	}
}

func (m *Metrics) poison(reaction string, reason codecs.Reason) {
	if m != nil {
		m.refused.WithLabelValues(reaction, string(reason)).Inc()
	}
}

func (m *Metrics) lag(reaction string, records int64, age time.Duration) {
	if m != nil {
		m.lagRecords.WithLabelValues(reaction).Set(float64(records))
		m.lagSeconds.WithLabelValues(reaction).Set(max(0, age.Seconds()))
	}
}
