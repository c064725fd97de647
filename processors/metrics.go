package processors

import (
	"github.com/prometheus/client_golang/prometheus"

	"refold/codecs"
	"refold/eventsourcing"
)

// Metrics counts what graphs do with commands. One Metrics serves all aggregates of a process.
//
// Commands are counted as they are handled: a command of a transaction that is aborted is handled,
// and counted, again. The engine's own metrics tell how often that happens.
type Metrics struct {
	commands    *prometheus.CounterVec
	sentBy      *prometheus.CounterVec
	deadLetters *prometheus.CounterVec
	held        *prometheus.GaugeVec
}

// NewMetrics registers the metrics with reg. It panics if they are registered there already.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		commands: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "refold_commands_total",
			Help: "Commands handled, by outcome: accepted, repeated, or the rejection's code.",
		}, []string{"aggregate", "type", "outcome"}),
		sentBy: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "refold_process_commands_total",
			Help: "Commands that processes sent, by process, and by the aggregate they go to.",
		}, []string{"process", "aggregate", "type"}),
		deadLetters: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "refold_dead_letters_total",
			Help: "Records set aside in the dead letters, by who could not handle them and why.",
		}, []string{"by", "reason"}),
		held: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "refold_held_partitions",
			Help: "Input partitions that are held for too much poison, until a restart, by group.",
		}, []string{"group"}),
	}
	reg.MustRegister(m.commands, m.sentBy, m.deadLetters, m.held)
	return m
}

func (m *Metrics) handled(aggregate string, r eventsourcing.Result) {
	outcome := r.Code
	switch {
	case r.Repeated:
		outcome = "repeated"
	case r.Accepted:
		outcome = "accepted"
	}
	m.commands.WithLabelValues(aggregate, r.CommandType, outcome).Inc()
}

func (m *Metrics) sent(process, aggregate, commandType string) {
	m.sentBy.WithLabelValues(process, aggregate, commandType).Inc()
}

func (m *Metrics) setAside(by string, reason codecs.Reason) {
	m.deadLetters.WithLabelValues(by, string(reason)).Inc()
}
