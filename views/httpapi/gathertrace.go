package httpapi

import (
	"context"
	"errors"

	"refold/views"
)

// traces finds traces of all partitions.
func (s *Server) traces() Traces {
	if s.peers == nil {
		return s.options.Traces
	}
	return everywhere{s}
}

// Trace puts the messages together that the owners of all partitions have.
func (e everywhere) Trace(ctx context.Context, correlationID string) (trace views.Trace, err error) {
	err = settled(ctx, func() error {
		shares, err := e.shares(e.names()...)
		if err != nil {
			return err
		}
		ask := func(ctx context.Context, own *share) (views.TracePart, error) {
			return e.traceOf(ctx, own, correlationID)
		}
		parts, err := ofAll(ctx, e.Server, shares, ask)
		if err != nil {
			return err
		}
		trace, err = views.JoinTrace(correlationID, e.limits.TraceNodes, parts...)
		return err //nolint:wrapcheck // it is the reader's
	})
	return trace, err
}

func (e everywhere) traceOf(ctx context.Context, own *share, id string) (views.TracePart, error) {
	question := partTraceQuestion{Partitions: own.of, ID: exact(id)}
	if own.place.Here {
		part, err := e.traceHere(ctx, &question)
		return part, movedFromHere(own, err)
	}
	answer, err := askPeer[partTrace](ctx, e.Server, own, "trace", &question, 0)
	part := views.TracePart{
		Truncated: answer.Truncated, Messages: make([]views.Message, len(answer.Messages)),
	}
	for i := range answer.Messages {
		part.Messages[i] = answer.Messages[i].message()
	}
	return part, err
}

// partTrace answers another pod.
func (s *Server) partTrace(ctx context.Context, q *partTraceQuestion) (*partTrace, error) {
	part, err := s.traceHere(ctx, q)
	if err != nil {
		return nil, err
	}
	answer := &partTrace{Truncated: part.Truncated, Messages: make([]partMessage, len(part.Messages))}
	for i := range part.Messages {
		answer.Messages[i] = newPartMessage(part.Messages[i])
	}
	return answer, nil
}

// traceHere returns the messages of a trace that are here, of the partitions and perhaps of others: who puts
// the parts together takes each message once.
func (s *Server) traceHere(ctx context.Context, q *partTraceQuestion) (views.TracePart, error) {
	return readHere(s, q.Partitions, func() (views.TracePart, error) {
		trace, err := s.options.Traces.Trace(ctx, string(q.ID))
		if errors.Is(err, views.ErrNotFound) {
			return views.TracePart{}, nil
		}
		return trace.Part(), err //nolint:wrapcheck // it is the reader's
	})
}
