package worker

import (
	"context"
	"fmt"
	"strings"

	otel "go.opentelemetry.io/otel/trace"

	"refold/config"
	"refold/tracing/otlp"
)

// openTracing prepares to send spans, if there is somewhere to send them.
func (w *Worker) openTracing() (err error) {
	c := w.config.Tracing
	if c.Endpoint == "" {
		return nil
	}
	headers, err := tracingHeaders(c.Headers)
	if err != nil {
		return err
	}
	w.tracing, err = otlp.New(otlp.Settings{
		Endpoint: c.Endpoint, Headers: headers,
		ServiceName: c.ServiceName, Version: w.in.Version, SampleRatio: c.SampleRatio,
		Queue: c.Queue, Batch: c.Batch, Interval: c.Interval, Timeout: c.Timeout,
		Registerer: w.metrics, Logger: w.logger,
	})
	return err
}

// tracer is what makes spans; nil if tracing is off.
func (w *Worker) tracer() otel.Tracer {
	if w.tracing == nil {
		return nil
	}
	return w.tracing.Tracer()
}

// closeTracing sends the last spans. That they may be lost is logged, and no failure of the worker.
func (w *Worker) closeTracing() {
	if w.tracing == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), w.config.Tracing.FlushTimeout)
	defer cancel()
	if err := w.tracing.Shutdown(ctx); err != nil {
		w.logger.Warn("the last spans were not sent", "error", err)
	}
}

// tracingHeaders reads name=value,name=value.
func tracingHeaders(secret config.Secret) (map[string]string, error) {
	headers := make(map[string]string)
	if secret == "" {
		return headers, nil
	}
	for pair := range strings.SplitSeq(secret.Reveal(), ",") {
		name, value, found := strings.Cut(pair, "=")
		name = strings.TrimSpace(name)
		if !found || name == "" || strings.ContainsAny(name, " :\r\n") {
			return nil, fmt.Errorf("tracing.headers: must be name=value, with commas between them")
		}
		headers[name] = strings.TrimSpace(value)
	}
	return headers, nil
}
