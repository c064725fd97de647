package processors

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"refold/codecs"
	"refold/kafka"
)

// idle is a graph whose work is nothing, so that what is left is the cost of a span.
type idle struct {
	tracer trace.Tracer
	worked int
}

func (i *idle) work(kafka.Records, *received) verdict {
	i.worked++
	return verdict{}
}

func (i *idle) handle(records kafka.Records, record *received) {
	traced(i.tracer, records, record, "handle", "idle", i.work)
}

// Without a tracer, a record costs nothing more.
func TestNoTracerAllocatesNothing(t *testing.T) {
	i, record := new(idle), new(received)
	if n := testing.AllocsPerRun(100, func() { i.handle(nil, record) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if i.worked == 0 {
		t.Error("the work was not done")
	}
}

// recordOf is a command with a traceparent of these flags.
func recordOf(flags string) *received {
	record := &kgo.Record{Key: []byte("c1"), Value: []byte("x")}
	for _, h := range [][2]string{
		{codecs.HeaderID, "k-1"},
		{codecs.HeaderType, "Count"},
		{codecs.HeaderSubject, "c1"},
		{codecs.HeaderTraceparent, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-" + flags},
	} {
		record.Headers = append(record.Headers, kgo.RecordHeader{Key: h[0], Value: []byte(h[1])})
	}
	return &received{Record: record, value: "x"}
}

// BenchmarkSpan measures what a span of a record costs: without a tracer, of a trace that isn't
// sampled, and with a tracer that does nothing itself. What the SDK adds is measured in
// tracing/otlp.
func BenchmarkSpan(b *testing.B) {
	b.Run("off", func(b *testing.B) {
		i, record := new(idle), new(received)
		b.ReportAllocs()
		for b.Loop() {
			i.handle(nil, record)
		}
	})
	for name, flags := range map[string]string{"unsampled": "00", "noop": "01"} {
		b.Run(name, func(b *testing.B) {
			i, record := &idle{tracer: noop.NewTracerProvider().Tracer("")}, recordOf(flags)
			b.ReportAllocs()
			for b.Loop() {
				i.handle(nil, record)
			}
		})
	}
}
