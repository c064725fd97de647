package exactlyonce

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"refold/kafka"
	"refold/tracing"
)

// maxLinks is how many traces the span of a transaction links to: enough to find its records by. A batch may
// have 20,000 records.
const maxLinks = 8

// headerTraceparent is the header of a record that carries its trace context (W3C).
const headerTraceparent = "traceparent"

// links are the links from the span of a transaction to the traces of some of its input records.
type links []trace.Link

// add adds links to the sampled traces of the records, up to maxLinks.
func (l *links) add(records []*kgo.Record) {
	for _, r := range records {
		if len(*l) == maxLinks {
			return
		}
		if of := tracing.Parse(string(kafka.Header(r.Headers, headerTraceparent))); of.IsSampled() {
			*l = append(*l, trace.Link{SpanContext: of})
		}
	}
}

// startSpan starts the span of a batch's transaction; nil without a tracer.
func (e *engine) startSpan(b *batch, of links) trace.Span {
	if e.cfg.Tracer == nil {
		return nil
	}
	_, span := e.cfg.Tracer.Start(context.Background(), "transaction", trace.WithLinks(of...),
		trace.WithAttributes(
			attribute.String("refold.group", e.group),
			attribute.Int("refold.batch.records", b.records),
			attribute.Int("refold.batch.bytes", b.bytes),
			attribute.Int("refold.batch.partitions", len(b.next)),
		))
	return span
}

func endSpan(span trace.Span, o outcome, err error) {
	if span == nil {
		return
	}
	span.SetAttributes(attribute.String("refold.outcome", o.String()))
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
	}
	span.End()
}
