package httpapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"refold/views"
)

// traceBody is a trace as JSON.
type traceBody struct {
	CorrelationID string          `json:"correlationId"`
	Commands      int             `json:"commands" doc:"How many there are in the tree."`
	Events        int             `json:"events"`
	Results       int             `json:"results"`
	DeadLetters   int             `json:"deadLetters"`
	First         time.Time       `json:"first" doc:"Time of the first message."`
	Last          time.Time       `json:"last" doc:"Time of the last message."`
	DurationMS    int64           `json:"durationMs" doc:"From first to last, in milliseconds."`
	Truncated     bool            `json:"truncated" doc:"There are more messages; these are the first."`
	Limit         int             `json:"limit,omitempty" doc:"If truncated: how many it may have."`
	Roots         []traceNodeBody `json:"roots" nullable:"false" doc:"What nothing in here has caused."`
}

// traceNodeBody is a message of a trace, and what it has caused.
type traceNodeBody struct {
	Kind        string    `json:"kind" enum:"command,event,result,dead-letter"`
	ID          string    `json:"id" doc:"Of a dead letter that of the record that was set aside."`
	CausationID string    `json:"causationId,omitempty"`
	Aggregate   string    `json:"aggregate,omitempty"`
	Subject     string    `json:"subject,omitempty" doc:"The aggregate's ID."`
	Type        string    `json:"type,omitempty" doc:"Of a result that of its command."`
	Sequence    int64     `json:"sequence,omitempty" doc:"Of an event."`
	Time        time.Time `json:"time" doc:"When it was written, in milliseconds."`

	Outcome       string `json:"outcome,omitempty" enum:"accepted,rejected" doc:"Of a result."`
	FirstSequence int64  `json:"firstSequence,omitempty" doc:"Of the events, if accepted."`
	LastSequence  int64  `json:"lastSequence,omitempty" doc:"Less than first: no event."`
	Code          string `json:"code,omitempty" doc:"Why it was rejected, for programs."`
	Message       string `json:"message,omitempty" doc:"Why it was rejected, for people."`
	Reason        string `json:"reason,omitempty" doc:"Why a dead letter was set aside."`

	Repeated bool `json:"repeated,omitempty" doc:"The command, or its result, was there before."`
	Orphan   bool `json:"orphan,omitempty" doc:"Its cause is not in here, such as one too old to be kept."`

	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`

	Children []traceNodeBody `json:"children,omitempty" nullable:"false" doc:"In the order of time."`
}

type traceInput struct {
	ID string `path:"id"`
}

type traceOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         traceBody
}

func (s *Server) registerTraces() {
	if s.options.Traces == nil {
		return
	}
	register(s, huma.Operation{
		OperationID: "get-trace", Method: http.MethodGet, Path: "/traces/{id}",
		Tags: []string{"traces"}, Summary: "Everything that a command has led to",
		Description: "Commands, events, results and dead letters of all aggregates, as a tree: each " +
			"below the one that has caused it. Results are below their commands.",
		Parameters: []*huma.Param{
			param("path", "id", "The correlation ID: that of the command at the beginning; a \"/\" in "+
				"it is escaped, %2F.", commandIDSchema(), nil),
		},
		Responses: s.responses(map[string]*huma.Response{
			"200": answer("The trace, as far as it has come.", schemaOf[traceBody](s), nil),
		}, map[int]string{
			http.StatusBadRequest: "The ID is malformed.",
			http.StatusNotFound:   "Unknown; traces are forgotten after a while.",
			http.StatusServiceUnavailable: "Not readable here now (not-ready), or this server keeps " +
				"no traces (no-traces).",
		}),
	}, s.getTrace)
}

// getTrace answers GET /traces/{id}.
func (s *Server) getTrace(ctx context.Context, in *traceInput) (*traceOutput, error) {
	if !validCommandID(in.ID) {
		return nil, invalid(mistake{Path: "path.id", Allowed: commandIDAllowed, Found: in.ID})
	}
	trace, err := s.options.Traces.Trace(ctx, in.ID)
	switch {
	case errors.Is(err, views.ErrNotFound):
		return nil, problem(http.StatusNotFound, codeNotFound, "no trace of %q is known; either no "+
			"command of that ID was sent, or so long ago that it is no longer kept, or another "+
			"command began the chain: then the trace is called after that", in.ID)
	case err != nil:
		return nil, err
	}
	body := traceBody{
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

func nodeBodies(nodes []*views.Node) []traceNodeBody {
	bodies := make([]traceNodeBody, len(nodes))
	for i, n := range nodes {
		bodies[i] = traceNodeBody{
			Kind: n.Kind.String(), ID: n.ID, CausationID: n.CausationID, Aggregate: n.Aggregate,
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
