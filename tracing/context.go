package tracing

import (
	"context"
	"encoding/hex"
	"strings"

	"go.opentelemetry.io/otel/trace"
)

// form is what a traceparent looks like: version, trace, parent, flags.
const form = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// Where the parts of a traceparent are.
const (
	traceAt, traceEnd   = 3, 35
	parentAt, parentEnd = 36, 52
	flagsAt             = 53
)

// Clean returns a traceparent without spaces around it, or nothing if it isn't one: the standard
// asks to go on without it.
func Clean(traceparent string) string {
	h := strings.TrimSpace(traceparent)
	if len(h) != len(form) {
		return ""
	}
	for i := range len(h) {
		isHex := '0' <= h[i] && h[i] <= '9' || 'a' <= h[i] && h[i] <= 'f'
		if form[i] == '-' != (h[i] == '-') || form[i] != '-' && !isHex {
			return ""
		}
	}
	if h[:2] == "ff" || strings.Trim(h[traceAt:traceEnd], "0") == "" ||
		strings.Trim(h[parentAt:parentEnd], "0") == "" {
		return ""
	}
	return h
}

// Parse returns the span that a traceparent names; none that is valid if it isn't one.
func Parse(traceparent string) trace.SpanContext {
	h := Clean(traceparent)
	if h == "" {
		return trace.SpanContext{}
	}
	c := trace.SpanContextConfig{Remote: true}
	var flags [1]byte
	_, _ = hex.Decode(c.TraceID[:], []byte(h[traceAt:traceEnd])) // Clean has looked
	_, _ = hex.Decode(c.SpanID[:], []byte(h[parentAt:parentEnd]))
	_, _ = hex.Decode(flags[:], []byte(h[flagsAt:]))
	c.TraceFlags = trace.TraceFlags(flags[0]) & trace.FlagsSampled
	return trace.NewSpanContext(c)
}

// Format returns the traceparent of a span.
func Format(c trace.SpanContext) string {
	return "00-" + c.TraceID().String() + "-" + c.SpanID().String() + "-" + c.TraceFlags().String()
}

// Under returns a context of the span that a traceparent names, for a child of it; without a
// traceparent a new trace begins.
func Under(ctx context.Context, traceparent string) context.Context {
	if parent := Parse(traceparent); parent.IsValid() {
		return trace.ContextWithRemoteSpanContext(ctx, parent)
	}
	return ctx
}

// IsUnsampled reports whether a traceparent says that nobody wants spans of its trace. It costs less
// than a span that comes to nothing.
func IsUnsampled(traceparent string) bool {
	parent := Parse(traceparent)
	return parent.IsValid() && !parent.IsSampled()
}
