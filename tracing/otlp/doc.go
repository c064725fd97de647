// Package otlp sends spans to a collector, by OTLP over HTTP.
//
// It takes the worker's time only to put a span into a queue, and its memory only up to a limit: a
// collector that is slow or away costs spans, never commands. Spans that are lost are counted, and
// the log says so once in a while.
package otlp
