package otlp_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"refold/tracing/otlp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// collector keeps what it is sent.
type collector struct {
	*httptest.Server

	mu     sync.Mutex
	bodies []byte
	asked  []string // path and key of each request
	status int
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{status: http.StatusOK}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.bodies = append(c.bodies, body...)
		c.asked = append(c.asked, r.URL.Path+" "+r.Header.Get("X-Key"))
		w.WriteHeader(c.status)
	}))
	t.Cleanup(c.Close)
	return c
}

// bench is a provider and what is seen of it.
type bench struct {
	*otlp.Provider
	metrics *prometheus.Registry
	logs    *bytes.Buffer // read after Shutdown
}

func newBench(t *testing.T, s otlp.Settings) *bench {
	t.Helper()
	b := &bench{metrics: prometheus.NewRegistry(), logs: new(bytes.Buffer)}
	s.Registerer, s.Logger = b.metrics, slog.New(slog.NewTextHandler(b.logs, nil))
	var err error
	if b.Provider, err = otlp.New(s); err != nil {
		t.Fatal(err)
	}
	return b
}

// spans makes so many.
func (b *bench) spans(t *testing.T, n int) {
	t.Helper()
	for range n {
		_, span := b.Tracer().Start(t.Context(), "a span")
		span.End()
	}
}

func (b *bench) wantMetrics(t *testing.T, want string) {
	t.Helper()
	if err := testutil.GatherAndCompare(b.metrics, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

const sentHelp = `# HELP refold_spans_sent_total Spans that the collector has taken.
# TYPE refold_spans_sent_total counter
`

const lostHelp = `# HELP refold_spans_lost_total Spans that were not sent, by reason: queue-full, not-sent.
# TYPE refold_spans_lost_total counter
`

func TestSpansAreSent(t *testing.T) {
	c := newCollector(t)
	b := newBench(t, otlp.Settings{
		Endpoint: c.URL, Headers: map[string]string{"X-Key": "open"}, ServiceName: "shop",
		Version: "v7", SampleRatio: 1, Interval: time.Hour,
	})
	b.spans(t, 3)
	if err := b.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if strings.Join(c.asked, ",") != "/v1/traces open" {
		t.Errorf("asked: %v", c.asked)
	}
	for _, want := range []string{"service.name", "shop", "v7", "a span"} {
		if !bytes.Contains(c.bodies, []byte(want)) {
			t.Errorf("%q was not sent", want)
		}
	}
	b.wantMetrics(t, sentHelp+"refold_spans_sent_total 3\n")
}

// The beginning of a trace decides whether it is sampled; of those that begin here, the ratio.
func TestSampling(t *testing.T) {
	b := newBench(t, otlp.Settings{Endpoint: newCollector(t).URL, SampleRatio: 0})
	defer func() {
		if err := b.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	under := func(flags trace.TraceFlags) bool {
		parent := trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}, TraceFlags: flags, Remote: true,
		})
		_, span := b.Tracer().Start(trace.ContextWithRemoteSpanContext(t.Context(), parent), "x")
		return span.IsRecording()
	}
	_, root := b.Tracer().Start(t.Context(), "x")
	if !under(trace.FlagsSampled) || under(0) || root.IsRecording() {
		t.Error("a trace is sampled that should not be, or the reverse")
	}
}

// A collector that hangs costs spans, not time: the queue fills, what comes then is dropped and
// counted, and a stop waits no longer than it is told to.
func TestCollectorThatHangs(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	defer server.Close()
	defer close(release)
	b := newBench(t, otlp.Settings{
		Endpoint: server.URL, SampleRatio: 1, Queue: 10, Batch: 2, Timeout: time.Hour,
	})
	b.spans(t, 1000)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := b.Shutdown(ctx); err == nil {
		t.Error("the last spans were sent")
	}
	b.wantMetrics(t, lostHelp+`refold_spans_lost_total{reason="not-sent"} 10
refold_spans_lost_total{reason="queue-full"} 990
`+sentHelp+"refold_spans_sent_total 0\n")
	// Once in a while, not a thousand times.
	if n := strings.Count(b.logs.String(), "level=WARN"); n != 2 {
		t.Errorf("%d warnings:\n%s", n, b.logs.String())
	}
}

// A collector that is away, or refuses, costs the spans of that time.
func TestCollectorThatRefuses(t *testing.T) {
	c := newCollector(t)
	c.status = http.StatusServiceUnavailable
	b := newBench(t, otlp.Settings{Endpoint: c.URL, SampleRatio: 1, Queue: 1, Interval: time.Millisecond})
	b.spans(t, 1)
	deadline := time.Now().Add(time.Minute)
	for testutil.CollectAndCount(b.metrics, "refold_spans_lost_total") == 0 && time.Now().Before(deadline) {
		<-time.After(time.Millisecond)
	}
	c.mu.Lock()
	c.status = http.StatusOK
	c.mu.Unlock()
	b.spans(t, 1)
	if err := b.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	b.wantMetrics(t, lostHelp+"refold_spans_lost_total{reason=\"not-sent\"} 1\n"+
		sentHelp+"refold_spans_sent_total 1\n")
}

// BenchmarkSpan is what a span costs who makes it; sending it is the collector's connection's, and
// counted in the CPU time, not in the time.
func BenchmarkSpan(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	p, err := otlp.New(otlp.Settings{
		Endpoint: server.URL, SampleRatio: 1, Queue: 1 << 20,
		Registerer: prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	tracer := p.Tracer()
	b.ReportAllocs()
	for b.Loop() {
		_, span := tracer.Start(b.Context(), "handle DepositMoney")
		span.SetAttributes(attribute.String("a", "1"), attribute.String("b", "2"),
			attribute.String("c", "3"), attribute.String("d", "4"), attribute.String("e", "5"),
			attribute.String("f", "6"), attribute.Int("g", 7), attribute.Int("h", 8))
		span.SetAttributes(attribute.String("i", "9"))
		span.SetStatus(codes.Ok, "")
		span.End()
	}
	b.StopTimer()
	if err := p.Shutdown(context.WithoutCancel(b.Context())); err != nil {
		b.Fatal(err)
	}
}

func TestMistakes(t *testing.T) {
	for _, s := range []otlp.Settings{
		{},
		{Endpoint: "localhost:4318"},
		{Endpoint: "ftp://x"},
		{Endpoint: "http://x", SampleRatio: 2},
		{Endpoint: "http://x", Queue: 1, Batch: 2},
	} {
		s.Registerer, s.Logger = prometheus.NewRegistry(), slog.New(slog.DiscardHandler)
		if _, err := otlp.New(s); err == nil {
			t.Errorf("%+v was taken", s)
		}
	}
}
