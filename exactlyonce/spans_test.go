package exactlyonce_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"refold/tracing"
)

// Each transaction has a span, which leads to the traces of some of its records: sampled ones, and
// no more than eight.
func TestSpans(t *testing.T) {
	c := startCluster(t, 2, topic("in", 1), topic("out", 1))
	for i := range 20 {
		flags := i % 2
		c.put(record("in", "key", "x", kgo.RecordHeader{
			Key:   "traceparent",
			Value: fmt.Appendf(nil, "00-%032x-%016x-%02x", i+1, i+1, flags),
		}))
	}
	spans := tracetest.NewInMemoryExporter()
	cfg := c.config("worker")
	cfg.Tracer = sdk.NewTracerProvider(sdk.WithSyncer(spans)).Tracer("test")
	c.work(cfg, counter("spans", "in"))
	eventually(t, "a span", func() bool { return len(spans.GetSpans()) > 0 })
	span := spans.GetSpans()[0]
	attributes := make(map[string]string)
	for _, a := range span.Attributes {
		attributes[string(a.Key)] = a.Value.String()
	}
	if span.Name != "transaction" || attributes["refold.group"] != "spans" ||
		attributes["refold.outcome"] != "committed" || attributes["refold.batch.records"] != "20" {
		t.Errorf("%s: %v", span.Name, attributes)
	}
	if len(span.Links) != 8 {
		t.Errorf("%d links", len(span.Links))
	}
	for i, link := range span.Links {
		want := fmt.Sprintf("00-%032x-%016x-01", 2*i+2, 2*i+2)
		if got := tracing.Format(link.SpanContext); got != want {
			t.Errorf("link %d leads to %s, want %s", i, got, want)
		}
	}
}

// The span of a transaction that fails says so, and the next one has the records again, once.
func TestSpanOfAnAbort(t *testing.T) {
	c := startCluster(t, 2, topic("in", 1), topic("out", 1))
	c.put(record("in", "key", "x", kgo.RecordHeader{
		Key: "traceparent", Value: fmt.Appendf(nil, "00-%032x-%016x-01", 1, 1),
	}))
	c.Kafka().Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.UnknownServerError, Count: 1,
	})
	spans := tracetest.NewInMemoryExporter()
	cfg := c.config("worker")
	cfg.Tracer = sdk.NewTracerProvider(sdk.WithSyncer(spans)).Tracer("test")
	c.work(cfg, counter("spans", "in"))
	eventually(t, "two spans", func() bool { return len(spans.GetSpans()) > 1 })
	for i, outcome := range []string{"aborted", "committed"} {
		span := spans.GetSpans()[i]
		if !strings.Contains(fmt.Sprint(span.Attributes), outcome) || len(span.Links) != 1 ||
			(span.Status.Code == codes.Error) != (i == 0) {
			t.Errorf("span %d: %v %v, %d links", i, span.Attributes, span.Status, len(span.Links))
		}
	}
}
