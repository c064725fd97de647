package processors

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/kafka"
	"refold/tracing"
)

// verdict is the outcome of handling a record, for its span. The code says more about an outcome that is
// not the good one.
type verdict struct{ outcome, code string }

// The outcomes of a verdict.
const (
	outcomeAccepted   = "accepted"
	outcomeRepeated   = "repeated"
	outcomeRejected   = "rejected"
	outcomeReacted    = "reacted"
	outcomeDeadLetter = "dead-letter"
)

// verdictOn returns the verdict on a command that has a result.
func verdictOn(r eventsourcing.Result) verdict {
	switch {
	case r.Repeated:
		return verdict{outcomeRepeated, r.Code}
	case r.Accepted:
		return verdict{outcome: outcomeAccepted}
	}
	return verdict{outcomeRejected, r.Code}
}

// traced calls work in a span. The span is a child of the one that the record's traceparent names, or
// the first of a new trace. There is no span if the trace isn't sampled, or if the tracer is nil. A
// record that is handled again, since its transaction was aborted, gets another span.
//
// Work neither sees nor emits the span, whose time and ID differ each time.
func traced(
	tracer trace.Tracer, records kafka.Records, record *received, doing, by string,
	work func(kafka.Records, *received) verdict,
) {
	if tracer == nil || tracing.IsUnsampled(record.traceparent()) {
		work(records, record)
		return
	}
	metadata, err := codecs.MetadataFromRecord(record.Headers)
	name := doing
	if written, _ := readAs(record.value); err == nil && written != "" && metadata.Type == written {
		name += " " + metadata.Type // a known type, so that the number of names is bounded
	}
	parent := tracing.Under(context.Background(), metadata.Traceparent)
	_, span := tracer.Start(parent, name, trace.WithSpanKind(trace.SpanKindConsumer))
	defer span.End()
	if !span.IsRecording() {
		work(records, record)
		return
	}
	span.SetAttributes(
		attribute.String("refold.by", by),
		attribute.String("refold.id", metadata.ID),
		attribute.String("refold.type", metadata.Type),
		attribute.String("refold.subject", string(record.Key)),
		attribute.String("refold.correlation_id", metadata.CorrelationID),
		attribute.String("messaging.destination.name", record.Topic),
		attribute.Int("messaging.destination.partition.id", int(record.Partition)),
		attribute.Int64("messaging.kafka.offset", record.Offset),
	)
	span.SetStatus(codes.Error, "it failed, and is handled again") // unless work returns
	say(span, work(records, record))
}

// traceparent returns the traceparent among the record's headers; empty if there is none.
func (r *received) traceparent() string {
	return string(kafka.Header(r.Headers, codecs.HeaderTraceparent))
}

// say writes a verdict into a span. A rejection is an answer, and no error.
func say(span trace.Span, v verdict) {
	span.SetAttributes(attribute.String("refold.outcome", v.outcome))
	if v.code != "" {
		span.SetAttributes(attribute.String("refold.code", v.code))
	}
	if v.outcome == outcomeDeadLetter {
		span.SetStatus(codes.Error, v.code)
	} else {
		span.SetStatus(codes.Ok, "")
	}
}
