package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"refold/tracing"
	"refold/views"
	"refold/views/httpapi"
)

const (
	sampledParent   = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	unsampledParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
)

// tracedBench is a bench whose spans are kept.
func tracedBench(t *testing.T, sampler sdk.Sampler) (*bench, *tracetest.InMemoryExporter) {
	t.Helper()
	spans := tracetest.NewInMemoryExporter()
	provider := sdk.NewTracerProvider(sdk.WithSyncer(spans), sdk.WithSampler(sdk.ParentBased(sampler)))
	return newBench(t, func(o *httpapi.Options) { o.Tracer = provider.Tracer("test") }), spans
}

// A request has a span, below the client's if it has one; and the command that it sends belongs to
// that span.
func TestSpans(t *testing.T) {
	for _, parent := range []string{"", sampledParent, "nonsense"} {
		b, spans := tracedBench(t, sdk.AlwaysSample())
		b.ask(t, http.MethodPost, "/accounts/alice/commands", deposit, "Traceparent: "+parent,
			"Idempotency-Key: k-1").want(t, http.StatusAccepted)
		got := spans.GetSpans()
		if len(got) != 1 {
			t.Fatalf("%q: %d spans", parent, len(got))
		}
		attributes := make(map[string]string)
		for _, a := range got[0].Attributes {
			attributes[string(a.Key)] = a.Value.String()
		}
		want := map[string]string{
			"http.request.method": "POST", "http.route": "/accounts/{id}/commands",
			"url.path": "/accounts/alice/commands", "http.response.status_code": "202",
			"refold.id": "k-1", "refold.type": "DepositMoney",
		}
		if diff := cmp.Diff(want, attributes); diff != "" {
			t.Errorf("%s (-want +got):\n%s", got[0].Name, diff)
		}
		if got[0].Name != "POST /accounts/{id}/commands" || got[0].SpanKind != trace.SpanKindServer ||
			!got[0].Parent.Equal(tracing.Parse(parent)) {
			t.Errorf("%q: %s below %v", parent, got[0].Name, got[0].Parent)
		}
		if sent := b.sender.Sent()[0].Traceparent; sent != tracing.Format(got[0].SpanContext) {
			t.Errorf("%q: the command belongs to %s, not to %v", parent, sent, got[0].SpanContext)
		}
	}
}

// A trace that isn't sampled has no spans, and what follows is told.
func TestSpansAreSampled(t *testing.T) {
	b, spans := tracedBench(t, sdk.NeverSample())
	for _, parent := range []string{unsampledParent, ""} {
		b.ask(t, http.MethodPost, "/accounts/alice/commands", deposit, "Traceparent: "+parent).
			want(t, http.StatusAccepted)
	}
	sent := b.sender.Sent()
	if sent[0].Traceparent != unsampledParent {
		t.Errorf("the client's traceparent became %q", sent[0].Traceparent)
	}
	if made := tracing.Parse(sent[1].Traceparent); !made.IsValid() || made.IsSampled() {
		t.Errorf("the traceparent that was made is %q", sent[1].Traceparent)
	}
	if got := spans.GetSpans(); len(got) != 0 {
		t.Errorf("spans: %v", got)
	}
}

// Without a tracer the client's traceparent goes on as it is, and none is made up.
func TestNoSpans(t *testing.T) {
	b := newBench(t, nil)
	for _, parent := range []string{sampledParent, unsampledParent, ""} {
		b.ask(t, http.MethodPost, "/accounts/alice/commands", deposit, "Traceparent: "+parent).
			want(t, http.StatusAccepted)
		sent := b.sender.Sent()
		if got := sent[len(sent)-1].Traceparent; got != parent {
			t.Errorf("%q became %q", parent, got)
		}
	}
}

// Probes have no spans; a problem of ours is one in the span, too.
func TestSpansOfOtherRequests(t *testing.T) {
	b, spans := tracedBench(t, sdk.AlwaysSample())
	for _, path := range []string{"/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/nothing"} {
		b.ask(t, http.MethodGet, path, "")
	}
	if got := spans.GetSpans(); len(got) != 0 {
		t.Errorf("spans: %v", got)
	}
	b.rows.GetFn = func(string) (views.Row, error) { panic("a bug") }
	b.ask(t, http.MethodGet, "/accounts/alice", "").want(t, http.StatusInternalServerError)
	if got := spans.GetSpans(); len(got) != 1 || got[0].Status.Code != codes.Error {
		t.Errorf("spans: %v", got)
	}
}
