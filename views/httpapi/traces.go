package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"refold/client/wire"
	"refold/views"
	"refold/views/httpapi/endpoint"
	"refold/views/httpapi/problem"
)

func init() { ofServer = append(ofServer, registerTrace) }

type traceInput struct {
	ID traceID `path:"id"`
}

// traceID is the ID of a trace.
type traceID string

// Describe returns its description.
func (traceID) Describe(endpoint.Context) *huma.Param {
	return endpoint.Param("The correlation ID: that of the command at the beginning; a \"/\" in it is "+
		"escaped, %2F.", endpoint.IDSchema(), nil)
}

type traceOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         wire.Trace
}

func registerTrace(s *Server) error {
	if s.options.Traces == nil {
		return nil
	}
	register(s, nil, huma.Operation{
		OperationID: "get-trace", Method: http.MethodGet, Path: "/traces/{id}",
		Tags: []string{"traces"}, Summary: "Everything that a command has led to",
		Description: "Commands, events, results and dead letters of all aggregates, as a tree: each " +
			"below the one that has caused it. Results are below their commands.",
		Responses: s.endpoints.Responses(map[string]*huma.Response{
			"200": endpoint.Answer("The trace, as far as it has come.",
				endpoint.SchemaOf[wire.Trace](s.endpoints), nil),
		}, map[int]string{
			http.StatusBadRequest: "There is a parameter in the query.",
			http.StatusNotFound:   "Unknown; traces are forgotten after a while.",
			http.StatusServiceUnavailable: "Not readable here now (not-ready), or this server keeps " +
				"no traces (no-traces).",
		}),
	}, s.getTrace)
	return nil
}

// getTrace answers GET /traces/{id}.
func (s *Server) getTrace(ctx context.Context, _ *Resource, in *traceInput) (*traceOutput, error) {
	trace, err := s.traces().Trace(ctx, string(in.ID))
	switch {
	case errors.Is(err, views.ErrNotFound):
		return nil, problem.New(http.StatusNotFound, wire.CodeNotFound, "no trace of %q is known; either no "+
			"command of that ID was sent, or so long ago that it is no longer kept, or another "+
			"command began the chain: then the trace is called after that%s",
			string(in.ID), s.untracedNames())
	case err != nil:
		return nil, err
	}
	body := wire.Trace{
		CorrelationID: trace.CorrelationID, First: trace.First, Last: trace.Last,
		DurationMS: trace.Last.Sub(trace.First).Milliseconds(), Truncated: trace.Truncated,
		Commands: trace.Nodes[views.KindCommand], Events: trace.Nodes[views.KindEvent],
		Results: trace.Nodes[views.KindResult], DeadLetters: trace.Nodes[views.KindDeadLetter],
		Roots: nodeBodies(trace.Roots),
	}
	if trace.Truncated {
		body.Limit = body.Commands + body.Events + body.Results + body.DeadLetters
	}
	return &traceOutput{CacheControl: revalidate, Body: body}, nil
}

// untracedNames says which aggregates keep no traces.
func (s *Server) untracedNames() string {
	var settings []string
	for _, r := range s.options.Resources {
		if r.NoTraces {
			settings = append(settings, "of the "+r.Plural+" none are kept ("+r.setting("traces")+")")
		}
	}
	if len(settings) == 0 {
		return ""
	}
	return "; " + strings.Join(settings, "; ")
}

func nodeBodies(nodes []*views.Node) []wire.TraceNode {
	bodies := make([]wire.TraceNode, len(nodes))
	for i, n := range nodes {
		bodies[i] = wire.TraceNode{
			Kind: wire.Kind(n.Kind.String()), ID: n.ID, CausationID: n.CausationID, Aggregate: n.Aggregate,
			Subject: n.Subject, Type: n.Type, Sequence: n.Sequence, Time: n.Time,
			FirstSequence: n.FirstSequence, LastSequence: n.LastSequence, Code: n.Code,
			Message: n.Detail, Reason: n.Reason, Repeated: n.Repeated, Orphan: n.Orphan,
			Topic: n.Place.Topic, Partition: n.Place.Partition, Offset: n.Place.Offset,
			Children: nodeBodies(n.Children),
		}
		if n.Status != views.Unknown {
			bodies[i].Outcome = n.Status.String()
		}
	}
	return bodies
}
