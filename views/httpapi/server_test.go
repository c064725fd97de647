package httpapi_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"refold/views"
	"refold/views/httpapi"
)

// serving is a bench whose server answers on loopback.
type serving struct {
	*bench
	url    string
	client *http.Client
	stop   func() error // once
}

func serve(t *testing.T, change func(*httpapi.Options)) *serving {
	t.Helper()
	b := newBench(t, change)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.server.Serve(ctx, listener) }()
	transport := &http.Transport{}
	s := &serving{
		bench: b, url: "http://" + listener.Addr().String(),
		client: &http.Client{Transport: transport},
		stop: func() error {
			cancel()
			return <-done
		},
	}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		cancel()
	})
	return s
}

func (s *serving) do(t *testing.T, method, path, body string, header ...string) *answer {
	t.Helper()
	r := request(t, method, s.url+path, body, header...)
	r.RequestURI = "" // the field is a server's
	response, err := s.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return newAnswer(t, response)
}

// A wait may be longer than the read time-out: the connection's read deadline is lifted in time,
// or net/http would take the client for gone and cut the wait off.
func TestServe_waitBeyondReadTimeout(t *testing.T) {
	s := serve(t, func(o *httpapi.Options) { o.Limits.ReadTimeout = 50 * time.Millisecond })
	s.rows.WaitForFn = func(ctx context.Context, _ string, _ int64) (views.Row, error) {
		select {
		case <-ctx.Done(): // the client is taken for gone
			return views.Row{}, ctx.Err()
		case <-time.After(300 * time.Millisecond): // the time-out has passed several times
			return alice(5), nil
		}
	}
	s.commands.WaitCommandFn = func(ctx context.Context, key views.CommandKey, _ views.Status) (
		views.Command, error,
	) {
		row, err := s.rows.WaitForFn(ctx, "alice", 5)
		return views.Command{CommandKey: key, Status: views.Accepted, LastSequence: row.Sequence}, err
	}
	s.do(t, "GET", "/accounts/alice?atLeast=5", "", "Prefer: wait=9").want(t, http.StatusOK)
	s.do(t, "POST", "/accounts/alice/commands", deposit, "Prefer: wait=9").want(t, http.StatusOK)
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}

// When the server stops, those who wait are answered early, and readiness is red meanwhile.
func TestServe_stop(t *testing.T) {
	s := serve(t, nil)
	waiting := make(chan struct{}, 2)
	s.rows.WaitForFn = func(ctx context.Context, _ string, _ int64) (views.Row, error) {
		waiting <- struct{}{}
		<-ctx.Done()
		return views.Row{}, fmt.Errorf("%w: %w", views.ErrNotYet, context.Cause(ctx))
	}
	s.commands.WaitCommandFn = func(ctx context.Context, _ views.CommandKey, _ views.Status) (
		views.Command, error,
	) {
		_, err := s.rows.WaitForFn(ctx, "", 0)
		return views.Command{}, err
	}
	read, sent := make(chan *answer, 1), make(chan *answer, 1)
	go func() { read <- s.do(t, "GET", "/accounts/alice?atLeast=5", "", "Prefer: wait=30") }()
	go func() { sent <- s.do(t, "POST", "/accounts/alice/commands", deposit, "Prefer: wait=30") }()
	<-waiting
	<-waiting
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	a := <-read
	a.want(t, http.StatusServiceUnavailable, "Retry-After: 1")
	a.wantJSON(t, map[string]any{"code": "stopping"})
	(<-sent).want(t, http.StatusAccepted)
	a = s.ask(t, "GET", "/readyz", "")
	a.want(t, http.StatusServiceUnavailable)
	a.wantJSON(t, map[string]any{"checks.0.name": "server", "checks.0.ready": false})
}

// A connection on which no request was ever sent does not hold the stop up. Without its being closed, it does
// for 5 s, and the stop fails.
func TestServe_unusedConnection(t *testing.T) {
	s := serve(t, func(o *httpapi.Options) { o.Limits.Shutdown = 3 * time.Second })
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	s.do(t, "GET", "/healthz", "").want(t, http.StatusOK) // accepted behind it
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}

// A request that doesn't end holds the stop up for no longer than the limit.
func TestServe_stopIsBounded(t *testing.T) {
	s := serve(t, func(o *httpapi.Options) { o.Limits.Shutdown = 20 * time.Millisecond })
	inside, leave := make(chan struct{}), make(chan struct{})
	s.rows.GetFn = func(string) (views.Row, error) {
		close(inside)
		<-leave
		return alice(1), nil
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		r := request(t, "GET", s.url+"/accounts/alice", "")
		r.RequestURI = ""
		if response, err := s.client.Do(r); err == nil {
			_ = response.Body.Close()
			t.Error("an answer, though the server closed the connection")
		}
	}()
	<-inside
	if err := s.stop(); err == nil || !strings.Contains(err.Error(), "within 20ms") {
		t.Errorf("the stop must report that it was not clean, got: %v", err)
	}
	<-gone
	close(leave)
}

// Limits of the connection itself: a body that doesn't come, a header that doesn't end.
func TestServe_slowAndLarge(t *testing.T) {
	s := serve(t, func(o *httpapi.Options) {
		o.Limits.ReadTimeout, o.Limits.HeaderBytes = 50*time.Millisecond, 1000
	})
	for name, test := range map[string]struct{ request, status, problem string }{
		"slow body": {
			"POST /accounts/a/commands HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{",
			"408", "body-timeout",
		},
		"half a body": {
			"POST /accounts/a/commands HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
			"400", "invalid-request",
		},
		"large header": {
			"GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 1000) + "\r\n\r\n",
			"431", "header-too-large",
		},
		// These net/http refuses by itself, before any handler.
		"very large header": {
			"GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 20_000) + "\r\n\r\n",
			"431", "header-too-large",
		},
		"no HTTP":     {"GARBAGE\r\n\r\n", "400", "invalid-request"},
		"no host":     {"GET / HTTP/1.1\r\n\r\n", "400", "invalid-request"},
		"bad escape":  {"GET /accounts/%zz HTTP/1.1\r\nHost: x\r\n\r\n", "400", "invalid-request"},
		"half a line": {"GET /acc", "400", "invalid-request"},
	} {
		t.Run(name, func(t *testing.T) {
			text := s.raw(t, test.request)
			if !strings.HasPrefix(text, "HTTP/1.1 "+test.status) ||
				!strings.Contains(text, "Content-Type: application/problem+json") ||
				!strings.Contains(text, `"code":"`+test.problem+`"`) {
				t.Errorf("the answer is no problem %s: %s", test.problem, text)
			}
		})
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}

// raw sends bytes and returns the bytes of the answer, up to the end of its body.
func (s *serving) raw(t *testing.T, bytes string) string {
	t.Helper()
	connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.url[len("http://"):])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	if err := connection.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(connection, bytes); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	response, err := http.ReadResponse(bufio.NewReader(io.TeeReader(connection, &text)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// A listener that fails is reported.
func TestServe_listenerFails(t *testing.T) {
	b := newBench(t, nil)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.server.Serve(t.Context(), listener); err == nil {
		t.Error("no error from a listener that is closed")
	}
}
