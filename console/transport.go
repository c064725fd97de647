package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"refold/console/frame"
)

// ServerURL is what a client with a [NewTransport] asks: it stands for this process, and is never looked up.
const ServerURL = "http://worker.invalid"

// transport asks a handler of this process.
type transport struct{ handler func() http.Handler }

// NewTransport returns a transport that answers requests by a handler of this process, without a connection:
// the console's client of the worker's own API. The answer is passed on as it is written, so streams work.
// The credentials of the page's user go with each request. The handler is asked for with each request, since
// the server has the console in it and comes after it.
func NewTransport(handler func() http.Handler) http.RoundTripper { return &transport{handler} }

// errAborted says that the handler broke its answer off.
var errAborted = errors.New("the API broke its answer off")

// RoundTrip answers a request.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(r.Context())
	asked := r.Clone(ctx)
	asked.RequestURI, asked.RemoteAddr = r.URL.RequestURI(), "console"
	asked.Host = r.URL.Host
	for name, values := range frame.Credentials(ctx) {
		if _, has := asked.Header[name]; !has {
			asked.Header[name] = values
		}
	}
	if asked.Body == nil {
		asked.Body = http.NoBody
	}
	body, answer := io.Pipe()
	w := &writer{header: http.Header{}, body: answer, begun: make(chan struct{})}
	go func() {
		defer func() {
			err := error(nil)
			if p := recover(); p != nil {
				err = fmt.Errorf("%w: %v", errAborted, p)
			}
			w.WriteHeader(http.StatusOK)
			answer.CloseWithError(err)
		}()
		t.handler().ServeHTTP(w, asked)
	}()
	select {
	case <-w.begun:
	case <-ctx.Done():
		cancel()
		_ = body.CloseWithError(ctx.Err())
		return nil, fmt.Errorf("ask the worker's API: %w", context.Cause(ctx))
	}
	return &http.Response{
		Status: http.StatusText(w.status), StatusCode: w.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.sent, ContentLength: -1, Request: r, Body: &answerBody{body, cancel},
	}, nil
}

// answerBody ends the handler's work when it is closed.
type answerBody struct {
	*io.PipeReader

	cancel context.CancelFunc
}

// Close ends the handler's work.
func (b *answerBody) Close() error {
	b.cancel()
	return b.PipeReader.Close()
}

// writer is what the handler answers with.
type writer struct {
	header, sent http.Header
	body         *io.PipeWriter
	once         sync.Once
	status       int
	begun        chan struct{} // closed with the status
}

func (w *writer) Header() http.Header { return w.header }

func (w *writer) WriteHeader(status int) {
	if status < http.StatusOK {
		return
	}
	w.once.Do(func() {
		w.status, w.sent = status, w.header.Clone()
		close(w.begun)
	})
}

func (w *writer) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// Flush lets the header out; what is written is with the reader at once.
func (w *writer) Flush() { w.WriteHeader(http.StatusOK) }
