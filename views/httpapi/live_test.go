package httpapi_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"refold/views/httpapi"
	"refold/views/livefeed"
)

// fakeFeed has one listener, which gets what is sent to items.
type fakeFeed struct {
	items  chan livefeed.Item
	closed chan struct{} // when the listener is
	err    error

	mu       sync.Mutex
	filter   livefeed.Filter
	after    string
	position string
}

func newFakeFeed() *fakeFeed {
	return &fakeFeed{
		items: make(chan livefeed.Item), closed: make(chan struct{}), position: "p0",
	}
}

func (f *fakeFeed) Listen(_ context.Context, filter livefeed.Filter, after string) (
	httpapi.Listener, error,
) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.filter, f.after = filter, after
	return f, f.err
}

func (f *fakeFeed) Next(ctx context.Context, patience time.Duration) ([]livefeed.Item, error) {
	select {
	case item := <-f.items:
		f.moveTo(item.Position)
		return []livefeed.Item{item}, nil
	case <-time.After(patience):
		return nil, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (f *fakeFeed) Position() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.position
}

func (f *fakeFeed) moveTo(position string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.position = position
}

func (f *fakeFeed) Close() { close(f.closed) }

// event is the n-th event, with so many bytes of data.
func event(n, size int) livefeed.Item {
	return livefeed.Item{Position: fmt.Sprintf("p%d", n), Message: &livefeed.Message{
		Kind: livefeed.Event, Topic: "account-events", Offset: int64(n), Aggregate: "account",
		Subject: "alice", ID: fmt.Sprintf("alice/%d", n), Type: "MoneyDeposited", Time: at,
		Data: []byte(`"` + strings.Repeat("x", size) + `"`),
	}}
}

// listening is a client of the stream.
type listening struct {
	response *http.Response
	lines    *bufio.Scanner
	leave    context.CancelFunc
}

func (s *serving) listen(t *testing.T, query string, header ...string) *listening {
	t.Helper()
	r := request(t, http.MethodGet, s.url+"/events/live"+query, "", header...)
	r.RequestURI = ""
	ctx, cancel := context.WithCancel(t.Context())
	response, err := s.client.Do(r.WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = response.Body.Close()
	})
	return &listening{response, bufio.NewScanner(response.Body), cancel}
}

// want reads lines of the stream.
func (l *listening) want(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	for range want {
		if !l.lines.Scan() {
			t.Fatalf("the stream ended after %q: %v", got, l.lines.Err())
		}
		got = append(got, l.lines.Text())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("the stream (-want +got):\n%s", diff)
	}
}

// Each message goes out at once, with its kind and position; what the filter left out moves the
// position in a heartbeat; and neither the limits of a request nor the server's end the stream.
func TestLive(t *testing.T) {
	feed := newFakeFeed()
	s := serve(t, func(o *httpapi.Options) {
		o.Live = feed.Listen
		o.Limits.ReadTimeout, o.Limits.RequestTimeout = 20*time.Millisecond, 20*time.Millisecond
		o.Limits.Wait, o.Limits.WriteTimeout = 20*time.Millisecond, 20*time.Millisecond
		o.Limits.Heartbeat = 300 * time.Millisecond // beyond all of them together
	})
	l := s.listen(t, "?kind=event,result&kind=command&id=alice,a%2Cb&correlationId=c", "Last-Event-ID: p0")
	if got := l.response.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("Content-Type is %q", got)
	}
	l.want(t, "retry: 2000", "id: p0", "")
	feed.items <- event(1, 2)
	l.want(t, "event: event", "id: p1", `data: {"kind":"event","topic":"account-events","partition":0,`+
		`"offset":1,"aggregate":"account","subject":"alice","id":"alice/1","type":"MoneyDeposited",`+
		`"time":"2026-02-03T04:05:06Z","data":"xx"}`, "")
	l.want(t, ":", "") // a heartbeat
	feed.moveTo("p2")
	l.want(t, ":", "id: p2", "")
	feed.items <- livefeed.Item{Position: "p9", Missed: &livefeed.Missed{
		Kind: "missed", Records: 6, Reason: "backlog",
		Partitions: []livefeed.Span{{Topic: "account-events", From: 3, To: 9}},
	}}
	l.want(t, "event: missed", "id: p9", `data: {"kind":"missed","records":6,"reason":"backlog",`+
		`"partitions":[{"topic":"account-events","partition":0,"from":3,"to":9}]}`, "")
	want := livefeed.Filter{
		IDs: []string{"alice", "a,b"}, CorrelationIDs: []string{"c"},
		Kinds: []livefeed.Kind{livefeed.Event, livefeed.Result, livefeed.Command},
	}
	if diff := cmp.Diff(want, feed.filter); diff != "" || feed.after != "p0" {
		t.Errorf("listened after %q to (-want +got):\n%s", feed.after, diff)
	}
	l.leave()
	<-feed.closed // as soon as the client is gone
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	// How long somebody listened is no time that an answer took.
	count, err := testutil.GatherAndCount(s.registry, "refold_http_request_seconds")
	if err != nil || count != 0 {
		t.Errorf("%d series of request times, %v; want none", count, err)
	}
}

// connectRaw asks for the stream and reads nothing of it.
func (s *serving) connectRaw(t *testing.T) net.Conn {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := io.WriteString(c, "GET /events/live HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	return c
}

// flood sends until the connection's buffers are full, and then a little more, or the listener
// has left.
func (f *fakeFeed) flood() {
	for n := 1; ; n++ {
		select {
		case f.items <- event(n, 1<<20):
		case <-f.closed:
			return
		}
	}
}

// A client that is there but doesn't read is dropped after the write time-out.
func TestLive_clientThatDoesNotRead(t *testing.T) {
	feed := newFakeFeed()
	s := serve(t, func(o *httpapi.Options) {
		o.Live, o.Limits.WriteTimeout = feed.Listen, 50*time.Millisecond
	})
	s.connectRaw(t)
	feed.flood()
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}

// A stop ends streams at once: those that wait for messages, and those that are stuck in a write
// whose own time-out is far away.
func TestLive_stop(t *testing.T) {
	for name, stuck := range map[string]bool{"waiting": false, "stuck": true} {
		t.Run(name, func(t *testing.T) {
			feed := newFakeFeed()
			s := serve(t, func(o *httpapi.Options) {
				o.Live, o.Limits.WriteTimeout = feed.Listen, time.Hour
				o.Limits.Shutdown = time.Minute
			})
			if stuck {
				s.connectRaw(t)
				for n := range 1 << 10 { // until nobody takes the next
					select {
					case feed.items <- event(n, 1<<20):
						continue
					case <-time.After(200 * time.Millisecond):
					}
					break
				}
			} else {
				s.listen(t, "").want(t, "retry: 2000", "id: p0", "")
			}
			stopped := make(chan error, 1)
			go func() { stopped <- s.stop() }()
			select {
			case err := <-stopped:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(30 * time.Second):
				t.Error("the stop is held up by a stream")
			}
			<-feed.closed
		})
	}
}

func TestLive_refused(t *testing.T) {
	feed := newFakeFeed()
	b := newBench(t, func(o *httpapi.Options) { o.Live = feed.Listen })
	for query, wrong := range map[string]string{
		"?kind=Event":        "query.kind",
		"?kind=":             "query.kind",
		"?aggregate=nothing": "query.aggregate",
		"?id=a,,b":           "query.id",
		"?since=1":           "query.since",
		"?id=%":              "query",
	} {
		a := b.ask(t, http.MethodGet, "/events/live"+query, "")
		a.want(t, http.StatusBadRequest)
		a.wantJSON(t, map[string]any{"code": "invalid-request", "errors.0.path": wrong})
	}
	for err, want := range map[error]string{
		fmt.Errorf("%w: 16", livefeed.ErrTooMany): "503 too-many-listeners",
		livefeed.ErrUnavailable:                   "503 not-ready",
		context.DeadlineExceeded:                  "503 not-ready",
		livefeed.ErrPosition:                      "400 invalid-request",
		errors.New("?"):                           "500 internal",
	} {
		feed.err = err
		a := b.ask(t, http.MethodGet, "/events/live", "", "Last-Event-ID: xyz")
		if got := fmt.Sprint(a.Status, " ", a.JSON["code"]); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
		a.want(t, a.Status)
		if a.Status == http.StatusBadRequest {
			a.wantJSON(t, map[string]any{
				"errors.0.path": "header.Last-Event-ID", "errors.0.found": "xyz",
			})
		}
	}
	newBench(t, nil).ask(t, http.MethodGet, "/events/live", "").want(t, http.StatusNotFound)
}

// A HEAD request learns that there is a stream, and doesn't wait for its end.
func TestLive_head(t *testing.T) {
	feed := newFakeFeed()
	b := newBench(t, func(o *httpapi.Options) { o.Live = feed.Listen })
	a := b.ask(t, http.MethodHead, "/events/live", "")
	a.want(t, http.StatusOK, "Content-Type: text/event-stream")
	<-feed.closed
	a = b.ask(t, http.MethodGet, "/openapi.json", "")
	for _, text := range []string{`"/events/live"`, `"text/event-stream"`, `"Last-Event-ID"`, `"Missed"`} {
		if !strings.Contains(a.Text, text) {
			t.Errorf("the description lacks %s", text)
		}
	}
}
