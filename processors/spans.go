package processors

import (
	"context"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/kafka"
	"refold/tracing"
)

// verdict is what became of a record, for its span: an outcome, and a code if it is not the good
// one.
type verdict struct{ outcome, code string }

// The outcomes of a verdict.
const (
	outcomeAccepted   = "accepted"
	outcomeRepeated   = "repeated"
	outcomeRejected   = "rejected"
	outcomeReacted    = "reacted"
	outcomeDeadLetter = "dead-letter"
)

// verdictOn is what became of a command that has a result.
func verdictOn(r eventsourcing.Result) verdict {
	switch {
	case r.Repeated:
		return verdict{outcomeRepeated, r.Code}
	case r.Accepted:
		return verdict{outcome: outcomeAccepted}
	}
	return verdict{outcomeRejected, r.Code}
}

// traced calls work in a span: a child of the one that the record's traceparent names, or the first
// of a trace if it names none. There is none if the trace isn't sampled, or the tracer is nil. A
// record that is handled again, since its transaction was aborted, has another span.
//
// What work does and emits doesn't depend on the span, which has a clock and an ID of its own.
func traced(
	tracer trace.Tracer, ctx goka.Context, record *received, doing, by string,
	work func(goka.Context, *received) verdict,
) {
	if tracer == nil || tracing.IsUnsampled(record.traceparent(ctx)) {
		work(ctx, record)
		return
	}
	metadata, err := record.metadata(ctx)
	name := doing
	if err == nil && record.value != nil && metadata.Type == eventsourcing.TypeName(record.value) {
		name += " " + metadata.Type // one of ours: not just anything that somebody wrote
	}
	parent := tracing.Under(context.Background(), metadata.Traceparent)
	_, span := tracer.Start(parent, name, trace.WithSpanKind(trace.SpanKindConsumer))
	defer span.End()
	if !span.IsRecording() {
		work(ctx, record)
		return
	}
	span.SetAttributes(
		attribute.String("refold.by", by),
		attribute.String("refold.id", metadata.ID),
		attribute.String("refold.type", metadata.Type),
		attribute.String("refold.subject", ctx.Key()),
		attribute.String("refold.correlation_id", metadata.CorrelationID),
		attribute.String("messaging.destination.name", string(ctx.Topic())),
		attribute.Int("messaging.destination.partition.id", int(ctx.Partition())),
		attribute.Int64("messaging.kafka.offset", ctx.Offset()),
	)
	span.SetStatus(codes.Error, "it failed, and is handled again") // unless work returns
	say(span, work(ctx, record))
}

// traceparent is that of the record's headers.
func (r *received) traceparent(ctx goka.Context) string {
	if r.frame == nil {
		return string(ctx.Headers()[codecs.HeaderTraceparent])
	}
	var room [headersGuess]kgo.RecordHeader
	split, err := kafka.SplitFrame(room[:0], r.frame)
	if err != nil {
		return ""
	}
	return string(kafka.Header(split.Headers, codecs.HeaderTraceparent))
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
