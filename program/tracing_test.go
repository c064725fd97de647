package program

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collected are the spans that workers sent.
type collected struct {
	mu    sync.Mutex
	spans []*spans.Span
	keys  []string
}

// String lists them.
func (c *collected) String() string {
	var b strings.Builder
	for _, s := range c.all() {
		fmt.Fprintf(&b, "%x %x below %x: %s %v\n", s.TraceId, s.SpanId, s.ParentSpanId, s.Name, s.Attributes)
	}
	return b.String()
}

func (c *collected) all() []*spans.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*spans.Span(nil), c.spans...)
}

// find returns the span of a name that has an attribute.
func (c *collected) find(name, attribute, value string) *spans.Span {
	for _, s := range c.all() {
		for _, a := range s.Attributes {
			if s.Name == name && a.Key == attribute && a.Value.GetStringValue() == value {
				return s
			}
		}
	}
	return nil
}

func startCollector(t *testing.T) (*collected, string) {
	t.Helper()
	c := new(collected)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var request collector.ExportTraceServiceRequest
		if err := proto.Unmarshal(body, &request); err != nil {
			t.Error(err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.keys = append(c.keys, r.Header.Get("X-Key"))
		for _, resource := range request.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				c.spans = append(c.spans, scope.Spans...)
			}
		}
	}))
	t.Cleanup(server.Close)
	return c, server.URL
}

// A client's trace goes through HTTP and the topic into the processor: request, handle, and the
// transaction that leads back to it. Its traceparent is in the event.
func TestTracing(t *testing.T) {
	t.Setenv("REFOLD_TRACING_HEADERS", "") // of whoever runs the tests
	got, url := startCollector(t)
	w := newTestbed(t).start("--tracing.endpoint", url, "--tracing.interval", "10ms")
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	w.send("/accounts/alice", "k-1", "OpenAccount", `{"owner": "Alice", "currency": "EUR"}`,
		"Traceparent", parent)
	var request, handle, transaction *spans.Span
	eventually(t, func() bool {
		request = got.find("POST /accounts/{id}/commands", "refold.id", "k-1")
		handle = got.find("handle OpenAccount", "refold.outcome", "accepted")
		transaction = got.find("transaction", "refold.outcome", "committed")
		return request != nil && handle != nil && transaction != nil
	}, got)
	text := func(b []byte) string { return fmt.Sprintf("%x", b) }
	if text(request.TraceId) != parent[3:35] || text(request.ParentSpanId) != parent[36:52] {
		t.Errorf("the request's span is not the client's child:\n%s", got)
	}
	if text(handle.TraceId) != parent[3:35] || text(handle.ParentSpanId) != text(request.SpanId) {
		t.Errorf("the handling's span is not the request's child:\n%s", got)
	}
	if len(transaction.Links) != 1 || text(transaction.Links[0].SpanId) != text(request.SpanId) {
		t.Errorf("the transaction doesn't lead to the command: %v", transaction.Links)
	}
	w.send("/accounts/alice", "k-2", "DepositMoney", `{"amount": 1, "currency": "EUR"}`,
		"Traceparent", parent[:54]+"0") // nobody wants its spans
	w.stop()
	if s := got.find("handle DepositMoney", "refold.id", "k-2"); s != nil {
		t.Errorf("an unsampled trace has a span: %v", s)
	}
}

// A collector that isn't there keeps nobody from working, or from stopping.
func TestTracingWithoutCollector(t *testing.T) {
	t.Parallel()
	w := newTestbed(t).start("--tracing.endpoint", "http://127.0.0.1:1",
		"--tracing.flush-timeout", "10ms", "--tracing.queue", "8", "--tracing.batch", "8")
	w.send("/accounts/alice", "k-1", "OpenAccount", `{"owner": "Alice", "currency": "EUR"}`)
	w.stop()
}
