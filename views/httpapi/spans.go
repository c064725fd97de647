package httpapi

import (
	"context"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"refold/eventsourcing"
	"refold/tracing"
)

// untraced are the routes without spans: probes come every few seconds and would be most of what
// is there, and a stream is no piece of work.
var untraced = map[string]bool{
	"GET /{$}": true, "GET /healthz": true, "GET /readyz": true, "GET /metrics": true,
	"GET /openapi.json": true, "GET " + livePath: true,
}

// startSpan begins the span of a request: a child of the client's, or the first of a new trace.
func (s *Server) startSpan(
	w http.ResponseWriter, r *http.Request, pattern string,
) (_ *http.Request, end func()) {
	if s.options.Tracer == nil || untraced[pattern] {
		return r, func() {}
	}
	parent := tracing.Under(r.Context(), r.Header.Get("Traceparent"))
	ctx, span := s.options.Tracer.Start(parent, pattern, trace.WithSpanKind(trace.SpanKindServer))
	if span.IsRecording() {
		_, route, _ := strings.Cut(pattern, " ")
		span.SetAttributes(
			attribute.String("http.request.method", r.Method),
			attribute.String("http.route", route), attribute.String("url.path", r.URL.Path))
	}
	return r.WithContext(ctx), func() {
		defer span.End()
		rec, is := w.(*recorder)
		if !is || !span.IsRecording() {
			return
		}
		span.SetAttributes(attribute.Int("http.response.status_code", rec.status))
		if rec.status == 0 || rec.status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, http.StatusText(rec.status))
		}
	}
}

// carryOn makes a command part of its request's trace: what happens to it is a child of the
// request's span. Of a trace that isn't sampled the client's own traceparent goes on, which says so.
func carryOn(ctx context.Context, command *eventsourcing.Metadata) {
	span := trace.SpanFromContext(ctx)
	own := span.SpanContext()
	if !own.IsValid() || own.IsRemote() {
		return
	}
	if command.Traceparent == "" || span.IsRecording() {
		command.Traceparent = tracing.Format(own)
	}
	if span.IsRecording() {
		span.SetAttributes(attribute.String("refold.id", command.ID),
			attribute.String("refold.type", command.Type))
	}
}
