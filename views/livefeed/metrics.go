package livefeed

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	listeners prometheus.Gauge
	messages  *prometheus.CounterVec
	missed    *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		listeners: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "refold_live_listeners",
			Help: "Who listens to the live feed now.",
		}),
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "refold_live_messages_total",
			Help: "Messages given to listeners of the live feed, by kind.",
		}, []string{"kind"}),
		missed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "refold_live_missed_records_total",
			Help: "Offsets that listeners of the live feed were moved past, by reason: backlog, retention.",
		}, []string{"reason"}),
	}
	for _, c := range []prometheus.Collector{m.listeners, m.messages, m.missed} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("livefeed: register metrics: %w", err)
		}
	}
	return m, nil
}
