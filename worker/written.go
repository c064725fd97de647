package worker

import (
	"github.com/prometheus/client_golang/prometheus"

	"refold/codecs"
	"refold/processors"
)

// openCodecs makes the codecs, and reports what they write.
func (w *Worker) openCodecs() (err error) {
	w.registry, w.opened, err = w.in.Open(func(s *codecs.RegistrySettings) {
		s.Metrics, s.Logger, s.Cache = codecs.NewMetrics(w.metrics), w.logger, w.in.RegistryCache()
	})
	if err != nil {
		return err //nolint:wrapcheck // it says what it was doing
	}
	w.reportWritten()
	return nil
}

// reportWritten logs and counts which types are not written in today's version yet.
func (w *Worker) reportWritten() {
	gauge := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "refold_former_types",
		Help: "Types of commands, events and rows that this worker does not write in today's version yet " +
			"(aggregates.<name>.write).",
	}, []string{"aggregate"})
	w.metrics.MustRegister(gauge)
	for _, a := range w.opened.Aggregates {
		former, none := notWritten(a)
		gauge.WithLabelValues(a.Name).Set(float64(len(former) + len(none)))
		if a.WritesFormer() {
			w.logger.Info("former versions are written, so that workers of the release before read them; "+
				"when none is left, allow the latest", "aggregate", a.Name, "former", former,
				"not-yet", none, "setting", "aggregates."+a.Name+".write", "fold-version", a.RowsVersion())
		}
	}
}

// notWritten names the types of which a former version is written, and those that are not written yet.
func notWritten(a *processors.OpenAggregate) (former, none []string) {
	for _, set := range a.Sets() {
		for _, w := range set.Written() {
			switch {
			case w.As == nil:
				none = append(none, w.Type)
			case w.Former:
				former = append(former, w.Type)
			}
		}
	}
	return former, none
}
