package processors_test

import (
	"strings"
	"testing"

	"github.com/lovoo/goka"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/tracing"
)

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// told is what a span says, in a line.
func told(s tracetest.SpanStub) string {
	text := s.Name + " " + s.Status.Code.String()
	for _, a := range s.Attributes {
		switch a.Key {
		case "refold.by", "refold.id", "refold.outcome", "refold.code", "refold.subject":
			text += " " + a.Value.String()
		}
	}
	return text
}

// Each record that is handled has a span, below the one that its traceparent names, which says what
// became of it; and what is emitted has the traceparent of the command, not of the span: handling
// again gives the same bytes.
func TestSpans(t *testing.T) {
	s := newStory(t)
	s.send("k-1", 5, goka.Headers{codecs.HeaderTraceparent: []byte(traceparent)})
	s.send("k-1", 5, goka.Headers{codecs.HeaderTraceparent: []byte(traceparent)})
	s.send("k-2", -5)
	s.send("k-3", 13)
	s.sendRaw("c1", []byte("junk"), codecs.Headers(eventsourcing.Metadata{ID: "k-4", Type: "Junk"}))
	want := []string{
		"handle Count Ok counter k-1 c1 accepted", "handle Count Ok counter k-1 c1 repeated",
		"handle Count Ok counter k-2 c1 rejected by-not-positive",
		"handle Count Error counter k-3 c1 dead-letter bug",
		"handle Error counter k-4 c1 dead-letter not-wire-format",
	}
	spans := s.spans.GetSpans()
	var got []string
	for _, span := range spans {
		got = append(got, told(span))
	}
	equal(t, "spans", strings.Join(got, "\n"), strings.Join(want, "\n"))
	for i, span := range spans {
		if i < 2 {
			equal(t, "parent", tracing.Format(span.Parent), traceparent)
		} else if span.Parent.IsValid() {
			t.Errorf("span %d is a child of %v", i, span.Parent)
		}
	}
	headers, _ := s.next(s.topics.Events)
	equal(t, "event's", string(headers[codecs.HeaderTraceparent]), traceparent)
	headers, _ = s.next(s.topics.Results)
	equal(t, "result's", string(headers[codecs.HeaderTraceparent]), traceparent)
	if headers, _ := s.next(s.topics.Results); headers[codecs.HeaderTraceparent] == nil {
		t.Error("the repeated result has no traceparent")
	}
	if headers, _ := s.next(s.topics.Results); headers[codecs.HeaderTraceparent] != nil {
		t.Error("a traceparent was made up")
	}
}

// Of a trace that isn't sampled there are no spans.
func TestSpansAreSampled(t *testing.T) {
	s := newStory(t)
	s.send("k-1", 5, goka.Headers{codecs.HeaderTraceparent: []byte(traceparent[:54] + "0")})
	s.next(s.topics.Results)
	equal(t, "spans", len(s.spans.GetSpans()), 0)
}
