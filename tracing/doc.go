// Package tracing is what the packages that make spans share: trace context as text, which travels
// with every record (W3C traceparent). It knows the API of OpenTelemetry and nothing else of it.
//
// There is no global state: who makes spans is given a trace.Tracer, and nil makes none. What
// sends them away is package tracing/otlp.
//
// The traceparent of a record is part of what happened: a command's is passed unchanged into its
// events and its result, and into commands that follow from them. So handling it again gives the
// same bytes, and all spans of a chain are children of the one that sent its first command.
package tracing

// Name is the instrumentation scope of all our spans.
const Name = "refold"
