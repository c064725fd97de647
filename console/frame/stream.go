package frame

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/a-h/templ"
)

// Stream is a live part of a page: server-sent events that htmx puts in, see hx-sse:connect.
type Stream struct {
	mu      sync.Mutex
	w       http.ResponseWriter
	control *http.ResponseController
	limit   time.Duration
	ctx     context.Context //nolint:containedctx // of the request that the stream answers
}

// Streamer answers a request with a stream until ctx ends, which it does when the browser leaves or the
// server stops. An error ends the stream, and the page is told by the event "failed".
type Streamer func(ctx context.Context, s *Stream, r *http.Request, p *Page) error

// Stream adds a live stream under a pattern, as Handle adds a page.
func (s *Site) Stream(pattern string, right Right, h Streamer) {
	s.patterns = append(s.patterns, pattern)
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(withCaller(r.Context(), r))
		defer cancel()
		r = r.WithContext(ctx)
		p := s.page(r)
		if err := s.permit(p, right); err != nil {
			s.fail(w, r, p, err)
			return
		}
		select {
		case s.streams <- struct{}{}:
			defer func() { <-s.streams }()
		default:
			s.fail(w, r, p, &Problem{
				Status: http.StatusServiceUnavailable, Title: "Too many live pages",
				Detail: "This worker serves as many live pages as it may (console.streams).",
				Do:     "Close some, or ask another worker.",
			})
			return
		}
		out := &Stream{w: w, control: http.NewResponseController(w), limit: s.options.WriteTimeout, ctx: ctx}
		defer context.AfterFunc(s.stopping, func() {
			cancel()
			_ = out.control.SetWriteDeadline(time.Now()) // a write under way would hold up the stop
		})()
		if err := out.begin(); err != nil {
			return
		}
		go out.beat(ctx, s.options.Heartbeat)
		if err := h(ctx, out, r, p); err != nil && ctx.Err() == nil {
			// It is said in the page; htmx connects again after its own pause.
			_ = out.Event("failed", ProblemOf(err).Title)
		}
		out.end()
	})
}

// begin sends the header: the browser knows that it is connected.
func (s *Stream) begin() error {
	s.w.Header().Set("Content-Type", "text/event-stream")
	s.w.Header().Set("X-Accel-Buffering", "no") // nginx would keep messages back
	return s.write(": begun\n\n")
}

// Send puts a component into the page. With hx-partial elements in it, it may change several parts at once.
func (s *Stream) Send(content templ.Component) error { return s.SendAt("", content) }

// SendAt is Send with a position: a browser that connects again tells it as Last-Event-ID.
func (s *Stream) SendAt(position string, content templ.Component) error {
	var b bytes.Buffer
	if err := content.Render(s.ctx, &b); err != nil {
		return fmt.Errorf("render a message: %w", err)
	}
	text := message("", b.String())
	if position != "" {
		text = "id: " + position + "\n" + text
	}
	return s.write(text)
}

// Event tells the page's scripts something: an event of that name on the element that is connected.
func (s *Stream) Event(name, data string) error { return s.write(message(name, data)) }

// message writes a message; a line break in the data begins a new line of data.
func message(name, data string) string {
	var b strings.Builder
	if name != "" {
		b.WriteString("event: " + name + "\n")
	}
	for line := range strings.Lines(strings.ReplaceAll(data, "\r", "\n")) {
		b.WriteString("data: " + strings.TrimSuffix(line, "\n") + "\n")
	}
	if data == "" {
		b.WriteString("data: \n")
	}
	return b.String() + "\n"
}

// beat shows now and then that the connection is alive.
func (s *Stream) beat(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if s.write(": alive\n\n") != nil {
				return
			}
		}
	}
}

func (s *Stream) write(text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.w == nil {
		return context.Canceled
	}
	_ = s.control.SetWriteDeadline(time.Now().Add(s.limit)) // test recorders have none
	if err := s.ctx.Err(); err != nil {
		return err //nolint:wrapcheck // the caller's own
	}
	if _, err := s.w.Write([]byte(text)); err != nil {
		return fmt.Errorf("write to the browser: %w", err)
	}
	if err := s.control.Flush(); err != nil {
		return fmt.Errorf("write to the browser: %w", err)
	}
	return nil
}

// end keeps the heartbeat from writing once the handler has returned.
func (s *Stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.w = nil
}
