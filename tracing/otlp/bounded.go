package otlp

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// boundedProcessor drops spans when too many wait. The batch processor below would do so, too, but
// tells nobody.
type boundedProcessor struct {
	sdk.SpanProcessor

	exporter *countingExporter
	most     int64
}

// OnEnd takes a span that has ended.
func (p *boundedProcessor) OnEnd(s sdk.ReadOnlySpan) {
	if !s.SpanContext().IsSampled() {
		return
	}
	if p.exporter.waiting.Add(1) > p.most {
		p.exporter.waiting.Add(-1)
		p.exporter.lost(1, lostFull, nil)
		return
	}
	p.SpanProcessor.OnEnd(s)
}

// countingExporter counts what is sent and what is lost. It has no error for the SDK, which would
// write it to standard error.
type countingExporter struct {
	sdk.SpanExporter

	waiting atomic.Int64 // spans that have ended and were neither sent nor lost
	logger  *slog.Logger
	sent    prometheus.Counter
	drops   *prometheus.CounterVec

	life    context.Context //nolint:containedctx // of the exporter: ends what is under way
	abandon context.CancelFunc

	unsaid atomic.Int64 // lost since the log last said so
	said   atomic.Int64 // when that was, in Unix nanoseconds
}

// The reasons for which spans are lost.
const (
	lostFull   = "queue-full"
	lostFailed = "not-sent"
)

// sayEvery is how often the log tells of lost spans.
const sayEvery = time.Minute

func newCountingExporter(sink sdk.SpanExporter, s Settings) (*countingExporter, error) {
	e := &countingExporter{
		SpanExporter: sink, logger: s.Logger,
		sent: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "refold_spans_sent_total", Help: "Spans that the collector has taken.",
		}),
		drops: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "refold_spans_lost_total",
			Help: "Spans that were not sent, by reason: queue-full, not-sent.",
		}, []string{"reason"}),
	}
	e.life, e.abandon = context.WithCancel(context.Background())
	for _, c := range []prometheus.Collector{e.sent, e.drops} {
		if err := s.Registerer.Register(c); err != nil {
			return nil, fmt.Errorf("otlp: register metrics: %w", err)
		}
	}
	return e, nil
}

// ExportSpans sends spans.
func (e *countingExporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.life, cancel)()
	err := e.SpanExporter.ExportSpans(ctx, spans)
	e.waiting.Add(-int64(len(spans)))
	if err != nil {
		e.lost(len(spans), lostFailed, err)
	} else {
		e.sent.Add(float64(len(spans)))
	}
	return nil
}

// lost counts lost spans, and says so if that was long ago.
func (e *countingExporter) lost(n int, reason string, err error) {
	e.drops.WithLabelValues(reason).Add(float64(n))
	e.unsaid.Add(int64(n))
	last, now := e.said.Load(), time.Now().UnixNano()
	if now-last < int64(sayEvery) || !e.said.CompareAndSwap(last, now) {
		return
	}
	e.logger.Warn("spans are lost; the work goes on without them", "spans", e.unsaid.Swap(0),
		"reason", reason, "error", err)
}

// report says what was lost since the log last said so.
func (e *countingExporter) report() {
	if n := e.unsaid.Swap(0); n > 0 {
		e.logger.Warn("spans were lost", "spans", n)
	}
}

// tracesURL adds the path that OTLP has if there is none.
func tracesURL(endpoint string) (string, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", fmt.Errorf("otlp: %q is no URL such as http://localhost:4318", endpoint)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/v1/traces"
	}
	return u.String(), nil
}
