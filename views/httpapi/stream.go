package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"refold/codecs/jsonvalue"
	"refold/views/httpapi/problem"
	"refold/views/livefeed"
)

const mediaEvents = "text/event-stream"

// stream writes server-sent events. Each write has Limits.WriteTimeout: the server's own limit, for
// the whole of an answer, would cut the stream off, and without any a client that doesn't read
// would hold it for ever.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	limit   time.Duration
	// ctx ends when the client is gone or the server stops.
	ctx context.Context //nolint:containedctx // of the request that the stream answers
}

// newStream prepares a stream; call end when it is over.
func (s *Server) newStream(w http.ResponseWriter, r *http.Request) (_ *stream, end func()) {
	ctx, cancel := context.WithCancelCause(r.Context())
	out := &stream{w, http.NewResponseController(w), s.limits.WriteTimeout, ctx}
	unregister := context.AfterFunc(s.stopping, func() {
		cancel(problem.ErrStopping)
		// A write that is under way would hold up the stop.
		_ = out.control.SetWriteDeadline(time.Now())
	})
	return out, func() {
		unregister()
		cancel(nil)
	}
}

// begin tells how long to wait before coming again, and from where.
func (s *stream) begin(retry time.Duration, id string) error {
	if err := s.write("retry: %d\nid: %s\n\n", retry.Milliseconds(), id); err != nil {
		return err
	}
	return s.flush()
}

// items writes what a listener got.
func (s *stream) items(items []livefeed.Item) error {
	for _, item := range items {
		var err error
		if item.Missed != nil {
			err = s.message(string(item.Missed.Kind), item.Position, item.Missed)
		} else {
			err = s.message(string(item.Message.Kind), item.Position, item.Message)
		}
		if err != nil {
			return err
		}
	}
	return s.flush()
}

// message writes a message, of which data is one line of JSON. One that has none, such as a record of a
// time that can't be written, is reduced to its place: the client would come again for it without end.
func (s *stream) message(event, id string, data any) error {
	text, err := jsonvalue.Marshal(data, maxPageBytes)
	if m, is := data.(*livefeed.Message); err != nil && is {
		text, err = jsonvalue.Marshal(livefeed.Message{
			Kind: m.Kind, Topic: m.Topic, Partition: m.Partition, Offset: m.Offset,
			Undecodable: problem.Cut(err.Error()),
		}, maxPageBytes)
	}
	if err != nil {
		return fmt.Errorf("encode a message: %w", err)
	}
	return s.write("event: %s\nid: %s\ndata: %s\n\n", event, id, text)
}

// heartbeat writes a comment, which shows both sides that the connection is alive. An id in it is
// one to go on from, without a message.
func (s *stream) heartbeat(id string) error {
	text := ":\n\n"
	if id != "" {
		text = ":\nid: " + id + "\n\n"
	}
	if err := s.write("%s", text); err != nil {
		return err
	}
	return s.flush()
}

func (s *stream) write(format string, args ...any) error {
	// The deadline first: were it set after a stop had set its own, the stop would wait for it.
	_ = s.control.SetWriteDeadline(time.Now().Add(s.limit)) // test recorders have none
	if s.ctx.Err() != nil {
		return context.Cause(s.ctx)
	}
	_, err := fmt.Fprintf(s.w, format, args...)
	return err //nolint:wrapcheck // the client is gone
}

func (s *stream) flush() error { return s.control.Flush() }
