package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path"
	"runtime/debug"
	"strings"
	"time"

	"refold/client/wire"
	"refold/views/httpapi/endpoint"
	"refold/views/httpapi/problem"
)

// recorder notes what becomes of a request. It holds the status back until the first byte of the
// body, so that an answer that fails in its making can still become a problem.
type recorder struct {
	http.ResponseWriter
	route  string // the pattern, without method
	status int    // 0 until the handler gives one
	sent   bool   // the header is out
	bytes  int
	stream bool // the answer has no end of its own
	// instance is this pod's name, for an answer to another pod; empty: a client's.
	instance string
}

// unmatched is the route of requests that match none.
const unmatched = "unmatched"

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= http.StatusOK {
		r.status = status
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	r.send()
	n, err := r.ResponseWriter.Write(b)
	r.bytes += n
	return n, err //nolint:wrapcheck // the handler's own writer
}

// send lets the header out.
func (r *recorder) send() {
	if !r.sent && r.status != 0 {
		r.sent = true
		if r.instance != "" {
			r.Header().Set(headerAnswered, r.instance)
		}
		r.ResponseWriter.WriteHeader(r.status)
	}
}

// FlushError lets the header out before anything else: without it, ResponseController.Flush would find the
// connection, which takes a status that it has not been given for 200. A proxy flushes before its first byte.
func (r *recorder) FlushError() error {
	r.WriteHeader(http.StatusOK)
	r.send()
	return http.NewResponseController(r.ResponseWriter).Flush() //nolint:wrapcheck // the handler's own writer
}

// restart forgets an answer of which nothing is out yet, and reports whether that could be done.
func (r *recorder) restart() bool {
	if !r.sent {
		r.status = 0
		clear(r.Header())
	}
	return !r.sent
}

// Unwrap lets http.ResponseController find the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// statusClientGone is counted when the client left before the answer (nginx's habit).
const statusClientGone = 499

// observe counts and logs every request.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		rec := &recorder{ResponseWriter: w, route: unmatched}
		if marked(r) {
			rec.instance = s.options.Instance
		}
		defer func() {
			status := rec.status
			if r.Context().Err() != nil {
				status = statusClientGone
			}
			took := time.Since(start)
			if !rec.stream { // the time of a stream is not that of an answer
				s.metrics.observe(rec.route, r.Method, status, took)
			}
			s.logger.DebugContext(r.Context(), "HTTP request", "method", r.Method,
				"path", r.URL.Path, "route", rec.route, "status", status, "bytes", rec.bytes,
				"took", took, "remote", r.RemoteAddr)
		}()
		s.metrics.inFlight.Inc()
		defer s.metrics.inFlight.Dec()
		next.ServeHTTP(rec, r)
		rec.send()
	})
}

// recovered answers a panic with a problem that tells nothing of our inside, and logs the rest.
func (s *Server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if err, is := p.(error); is && errors.Is(err, http.ErrAbortHandler) {
				panic(http.ErrAbortHandler) // a handler wants the connection cut
			}
			s.logger.ErrorContext(r.Context(), "panic in an HTTP handler", "method", r.Method,
				"path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
			if rec, is := w.(*recorder); is && !rec.restart() {
				panic(http.ErrAbortHandler) // half an answer is out: cut it off visibly
			}
			problem.Write(w, problem.Of(fmt.Errorf("panic: %v", p)))
		}()
		next.ServeHTTP(w, r)
	})
}

// admit checks the limits of what comes in and takes in the whole body, so that behind it nothing
// waits for the client.
func (s *Server) admit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		headerLimit, bodyLimit := s.allowed(r)
		if n := headerBytes(r); n > headerLimit {
			problem.Write(w, problem.New(http.StatusRequestHeaderFieldsTooLarge, wire.CodeHeaderTooLarge,
				"the header has %d bytes, %d are allowed", n, headerLimit))
			return
		}
		body, err := s.readBody(w, r, bodyLimit)
		if err != nil {
			problem.Write(w, problem.Of(err))
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		for _, name := range []string{"Prefer", "If-Match", "If-None-Match"} {
			if lines := r.Header[name]; len(lines) > 1 {
				r.Header[name] = []string{strings.Join(lines, ", ")} // what several lines mean
			}
		}
		next.ServeHTTP(w, r)
	})
}

// allowed returns the limits of a request's header and body.
func (s *Server) allowed(r *http.Request) (header int, body int64) {
	header, body = s.limits.HeaderBytes, s.limits.BodyBytes
	if s.peers != nil && marked(r) {
		header += forwardedHeaderBytes
		if strings.HasPrefix(r.URL.Path, partsPath) {
			body = max(body, partsBodyBytes)
		}
	}
	return header, body
}

// headerBytes returns the size of a request's line and header.
func headerBytes(r *http.Request) int {
	n := len(r.Method) + len(r.RequestURI) + len(r.Host)
	for name, values := range r.Header {
		for _, value := range values {
			n += len(name) + len(value) + len(": \r\n")
		}
	}
	return n
}

// readBody takes in the body within its limits of size and time.
//
// Then it lifts the connection's read deadline. net/http goes on reading behind the body, to learn
// that the client has left; were the deadline to pass there while a request waits for a result,
// net/http would take the client for gone and cancel the request.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	control := http.NewResponseController(w)
	if r.Body == nil || r.Body == http.NoBody {
		_ = control.SetReadDeadline(time.Time{}) // not supported by test recorders, not needed there
		return nil, nil
	}
	_ = control.SetReadDeadline(time.Now().Add(s.limits.ReadTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	var network net.Error
	switch {
	case errors.As(err, &tooLarge):
		return nil, problem.New(http.StatusRequestEntityTooLarge, wire.CodeTooLarge,
			"the body is larger than %d bytes", limit)
	case errors.As(err, &network) && network.Timeout():
		return nil, problem.New(http.StatusRequestTimeout, wire.CodeBodyTimeout,
			"the body did not arrive within %v", s.limits.ReadTimeout)
	case err != nil:
		return nil, problem.New(http.StatusBadRequest, wire.CodeInvalid,
			"the body could not be read").Because(err)
	}
	_ = control.SetReadDeadline(time.Time{})
	return body, nil
}

// route finds the handler, or says with a problem that there is none. It gives the request its
// deadline, unless its answer is a stream.
func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	if escaped := r.URL.EscapedPath(); !isClean(escaped) {
		// The mux would redirect to the path without them, where the client has nothing to look for.
		problem.Write(w, problem.New(http.StatusNotFound, wire.CodeNoRoute,
			"the path %q has an empty or a dot segment, perhaps in place of an ID", problem.Cut(escaped)))
		return
	}
	if s.options.Pages != nil && (r.URL.Path == PagesPath || strings.HasPrefix(r.URL.Path, PagesPath+"/")) {
		s.servePages(w, r)
		return
	}
	r = endpoint.WithSlashes(r)
	handler, pattern := s.mux.Handler(r)
	if pattern == "" {
		// The mux's own answer is made for people; its status and Allow are what we need of it.
		answer := &probe{header: http.Header{}}
		handler.ServeHTTP(answer, r)
		if answer.status != http.StatusMethodNotAllowed {
			problem.Write(w, problem.New(http.StatusNotFound, wire.CodeNoRoute,
				"there is nothing at this path; GET / lists what there is"))
			return
		}
		p := problem.New(answer.status, wire.CodeMethod, "%s is not possible here, only %s",
			r.Method, answer.header.Get("Allow"))
		p.Set("Allow", answer.header.Get("Allow"))
		problem.Write(w, p)
		return
	}
	if rec, is := w.(*recorder); is {
		_, route, _ := strings.Cut(pattern, " ")
		rec.route = strings.TrimSuffix(route, "{$}")
	}
	if pattern != "GET "+livePath {
		ctx, cancel := context.WithTimeout(r.Context(), s.limits.RequestTimeout+s.limits.Wait)
		defer cancel()
		r = r.WithContext(ctx)
	}
	if s.peers != nil && marked(r) {
		r = r.WithContext(context.WithValue(r.Context(), markedKey{}, true))
	}
	r, end := s.startSpan(w, r, pattern)
	defer end()
	s.mux.ServeHTTP(w, r)
}

// isClean reports whether a path has neither empty segments nor dots for one; it may end in a slash.
func isClean(escaped string) bool {
	cleaned := path.Clean(escaped)
	return escaped == cleaned || cleaned != "/" && escaped == cleaned+"/"
}

// probe takes an answer's status and header, and drops the rest.
type probe struct {
	header http.Header
	status int
}

func (p *probe) Header() http.Header         { return p.header }
func (p *probe) Write(b []byte) (int, error) { return len(b), nil }
func (p *probe) WriteHeader(status int)      { p.status = status }
