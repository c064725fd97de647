package owners

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Metrics counts what a directory does. A nil one counts nothing.
type Metrics struct {
	registerer prometheus.Registerer
	writes     *prometheus.CounterVec
	reads      prometheus.Counter
	wrong      *prometheus.CounterVec
}

// NewMetrics registers the metrics of a directory.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	in := promauto.With(reg)
	return &Metrics{
		registerer: reg,
		writes: in.NewCounterVec(prometheus.CounterOpts{
			Name: "refold_owners_announcements_total",
			Help: "Announcements of what this pod owns, by outcome: written, failed.",
		}, []string{"outcome"}),
		reads: in.NewCounter(prometheus.CounterOpts{
			Name: "refold_owners_received_total",
			Help: "Announcements of other pods that were received.",
		}),
		wrong: in.NewCounterVec(prometheus.CounterOpts{
			Name: "refold_owners_misled_total",
			Help: "How often a pod that should own a partition could not be reached or refused.",
		}, []string{"group"}),
	}
}

// attach shows how many pods are known.
func (m *Metrics) attach(d *Directory) {
	if m == nil {
		return
	}
	promauto.With(m.registerer).NewGaugeFunc(prometheus.GaugeOpts{
		Name: "refold_owners_announced",
		Help: "Announcements that count, this pod's own included: one for each pod and group.",
	}, func() float64 { return float64(len(d.Pods())) })
}

func (m *Metrics) announced(err error) {
	if m == nil {
		return
	}
	outcome := "written"
	if err != nil {
		outcome = "failed"
	}
	m.writes.WithLabelValues(outcome).Inc()
}

func (m *Metrics) received() {
	if m != nil {
		m.reads.Inc()
	}
}

func (m *Metrics) misled(group string) {
	if m != nil {
		m.wrong.WithLabelValues(group).Inc()
	}
}
