package httpapi_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"refold/views"
	"refold/views/httpapi"
)

// Whatever is asked about an account, and whichever pod is asked, the answer is the owner's: status, headers
// and body.
func TestForwardedIsDirect(t *testing.T) {
	town := newTown(t, 3, func(_ *pod, o *httpapi.Options) {
		o.Resources[0].Past = fakePast(func(views.Moment) (views.PastRow, error) {
			return views.PastRow{Row: views.Row{ID: "x", Sequence: 2, State: accountState{Owner: "Bob"}}}, nil
		})
		o.Routes = []httpapi.Route{{
			Pattern: "GET /accounts/{id}/report", Summary: "A report.",
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				fmt.Fprintf(w, "%q %s", r.PathValue("id"), r.URL.RawQuery)
			}),
		}}
	}).spread()
	ids := []string{"alice", "a/b", "/", "ä ö", "a+b", "a%2Fb", "a?b", "a;b", "..", "\xff\x00"}
	town.put(ids...)
	ids = append(ids, "missing")
	tag := town.pods[where("alice")%3].request(t, "GET", "/accounts/alice", "").Header.Get("ETag")
	rapid.Check(t, func(rt *rapid.T) {
		id := rapid.SampledFrom(ids).Draw(rt, "id")
		method, body := "GET", ""
		path := "/accounts/" + strings.ReplaceAll(url.PathEscape(id), "..", "%2E%2E")
		path += rapid.SampledFrom([]string{
			"", "?atLeast=3", "?atLeast=4", "?atLeast=x", "?sequence=2", "?nothing=1", "?", "/events",
			"/events?limit=1&order=newest", "/events?after=%32",
			"/why?field=owner", "/commands/known", "/commands/other?x",
			"/nowhere", "/commands", "/report?a=b+c",
		}).Draw(rt, "path")
		if strings.HasSuffix(path, "/commands") {
			method = rapid.SampledFrom([]string{"POST", "PUT"}).Draw(rt, "method")
			body = rapid.SampledFrom([]string{
				"", `{"type": "DepositMoney", "data": {"amount": 1}}`, `{"type": "Nothing"}`, `{`,
				`{"type": "DepositMoney", "data": {"note": "` + strings.Repeat("x", 70_000) + `"}}`,
			}).Draw(rt, "body")
		} else if rapid.Bool().Draw(rt, "head") {
			method = "HEAD"
		}
		header := []string{"Idempotency-Key: k-1"}
		for _, line := range []string{
			"If-None-Match: " + tag, `If-Match: "2"`, `If-Match: "9"`, "Prefer: wait=0",
			"Prefer: respond-async",
			"Accept: text/plain", "Accept-Encoding: gzip", "Content-Type: text/plain", "Last-Event-ID: 1",
			"Connection: close", "Idempotency-Key: a b",
			"Traceparent: 00-" + strings.Repeat("1", 32) + "-1111111111111111-01",
		} {
			if rapid.IntRange(0, 4).Draw(rt, line) == 0 {
				header = append(header, line)
			}
		}
		owner := town.pods[where(id)%3]
		direct := owner.request(t, method, path, body, header...)
		for _, p := range town.pods {
			if got := p.request(t, method, path, body, header...); !reflect.DeepEqual(got, direct) {
				rt.Fatalf("%s %s %v at %s: %d %v\n%s\nat the owner %s: %d %v\n%s", method, path, header,
					p.name, got.Status, got.Header, got.Text, owner.name, direct.Status,
					direct.Header, direct.Text)
			}
		}
	})
}

// scene is two pods beside the one that is asked, and an account.
type scene struct {
	*town

	asked, first, second *pod
	at                   int32
	path                 string
}

func newScene(t *testing.T, limits httpapi.Limits) *scene {
	t.Helper()
	town := newTown(t, 3, func(_ *pod, o *httpapi.Options) {
		limits.Wait, limits.UnknownWait = o.Limits.Wait, o.Limits.UnknownWait
		o.Limits = limits
	})
	s := &scene{town, town.pods[0], town.pods[1], town.pods[2], where("alice"), "/accounts/alice"}
	town.put("alice")
	s.asked.takeFor(s.at, s.first, s.second)
	return s
}

// dies cuts the connection.
func dies(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func TestOwnerIsNotWhereItWasThought(t *testing.T) {
	const send = `{"type": "DepositMoney", "data": {"amount": 1}}`
	for _, test := range []struct {
		name   string
		given  func(t *testing.T, s *scene)
		method string
		status int
		header []string
		code   string
		misled int // pods that are not asked again
	}{
		{
			"nobody is known", func(_ *testing.T, s *scene) { s.asked.takeFor(s.at) }, "GET",
			503,
			[]string{"Retry-After: 1"},
			"no-owner", 0,
		},
		{
			"the first refuses, the second has it",
			func(_ *testing.T, s *scene) { s.second.have(s.at, true) }, "GET",
			200, nil, "", 1,
		},
		{"both refuse", func(*testing.T, *scene) {}, "GET", 503, []string{"Retry-After: 1"}, "no-owner", 2},
		{
			"both refuse a command: it needs no owner to be sent", func(*testing.T, *scene) {}, "POST",
			202,
			[]string{"Idempotency-Key: k-1"},
			"", 2,
		},
		{
			"nobody is known for a command", func(_ *testing.T, s *scene) { s.asked.takeFor(s.at) }, "POST",
			202,
			[]string{"Idempotency-Key: k-1"},
			"", 0,
		},
		{"the first address leads nowhere", func(t *testing.T, s *scene) {
			t.Helper()
			s.second.have(s.at, true)
			s.asked.takeFor(s.at, nowhere(t), s.second)
		}, "POST", 202, []string{"Idempotency-Key: k-1"}, "", 1},
		{"all addresses lead nowhere", func(t *testing.T, s *scene) {
			t.Helper()
			s.asked.takeFor(s.at, nowhere(t))
		}, "GET", 503, []string{"Retry-After: 1"}, "no-owner", 1},
		{"another program has the address", func(_ *testing.T, s *scene) {
			s.second.have(s.at, true)
			s.first.instead(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, "hello")
			})
		}, "GET", 200, nil, "", 1},
		{"another pod has the address", func(_ *testing.T, s *scene) {
			s.second.have(s.at, true)
			s.asked.takeFor(s.at, &pod{name: "pod-7", http: s.second.http}, s.second)
		}, "GET", 200, nil, "", 1},
		{
			"the owner dies, and dies again", func(_ *testing.T, s *scene) { s.first.instead(dies) }, "GET",
			503,
			[]string{"Retry-After: 1"},
			"no-owner", 0,
		},
		{
			"the owner dies over a command, and dies again",
			func(_ *testing.T, s *scene) { s.first.instead(dies) },
			"POST", 504,
			[]string{"Retry-After: 1", "Idempotency-Key: k-1"},
			"outcome-unknown", 0,
		},
		{"the pod becomes the owner while it asks", func(_ *testing.T, s *scene) {
			s.first.instead(func(http.ResponseWriter, *http.Request) {
				s.asked.have(s.at, true)
				panic(http.ErrAbortHandler)
			})
		}, "POST", 202, []string{"Idempotency-Key: k-1"}, "", 0},
		{"two pods believe to have it: the one that is asked answers", func(_ *testing.T, s *scene) {
			s.first.have(s.at, true)
			s.second.have(s.at, true)
		}, "GET", 200, nil, "", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newScene(t, httpapi.Limits{})
			test.given(t, s)
			path, body := s.path, ""
			if test.method == "POST" {
				path, body = s.path+"/commands", send
			}
			got := s.asked.request(t, test.method, path, body, "Idempotency-Key: k-1")
			got.want(t, test.status, test.header...)
			if test.code != "" {
				got.wantJSON(t, map[string]any{"code": test.code})
			}
			if len(s.asked.misled) != test.misled {
				t.Errorf("the directory hears %v", s.asked.misled)
			}
			for _, p := range []*pod{s.first, s.second} {
				if p.asked.Load() > 2 {
					t.Errorf("%s was asked %d times", p.name, p.asked.Load())
				}
			}
		})
	}
}

// A forwarded request is answered by the pod that gets it, or refused: pods that each take the other for the
// owner ask each other once.
func TestLoopsAreImpossible(t *testing.T) {
	town := newTown(t, 2)
	town.put("alice")
	a, b := town.pods[0], town.pods[1]
	a.takeFor(where("alice"), b)
	b.takeFor(where("alice"), a)
	a.request(t, "GET", "/accounts/alice", "").want(t, http.StatusServiceUnavailable)
	if a.asked.Load() != 1 || b.asked.Load() != 1 {
		t.Errorf("a was asked %d times, b %d times, once each is right", a.asked.Load(), b.asked.Load())
	}
	got := b.request(t, "GET", "/accounts/alice", "", "Refold-Forwarded: somebody")
	got.want(t, http.StatusMisdirectedRequest, "Refold-Answered: pod-1",
		fmt.Sprintf("Refold-Not-Here: account/%d", where("alice")))
	got.wantJSON(t, map[string]any{"code": "not-here"})
}

// A command that may have been taken by a pod that died is sent again under the same ID, also when the client
// has given none: the aggregate decides it once.
func TestCommandIsSentAgainUnderItsID(t *testing.T) {
	for _, header := range []string{"Idempotency-Key: k-1", "X: y"} {
		s := newScene(t, httpapi.Limits{})
		s.first.have(s.at, true)
		var died atomic.Bool
		s.first.instead(func(w http.ResponseWriter, r *http.Request) {
			if died.Swap(true) {
				s.first.server.Handler().ServeHTTP(w, r)
				return
			}
			s.first.server.Handler().ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		})
		got := s.asked.request(t, "POST", s.path+"/commands",
			`{"type": "DepositMoney", "data": {"amount": 1}}`, header)
		got.want(t, http.StatusAccepted)
		sent := s.first.sender.Sent()
		if len(sent) != 2 || sent[0].ID != sent[1].ID || sent[0].ID != got.Header.Get("Idempotency-Key") {
			t.Errorf("sent were %v", sent)
		}
	}
}

// A route of the program's own that changes something has no ID: it is never sent twice.
func TestRouteIsNotSentAgain(t *testing.T) {
	town := newTown(t, 2, func(_ *pod, o *httpapi.Options) {
		o.Routes = []httpapi.Route{{
			Pattern: "POST /accounts/{id}/letters", Summary: "Writes a letter.",
			Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
		}}
	})
	town.own(where("alice"), 1)
	town.pods[1].instead(dies)
	got := town.pods[0].request(t, "POST", "/accounts/alice/letters", "{}")
	got.want(t, http.StatusGatewayTimeout, "Retry-After:")
	got.wantJSON(t, map[string]any{"code": "outcome-unknown"})
	if n := town.pods[1].asked.Load(); n != 1 {
		t.Errorf("it was sent %d times", n)
	}
}

func TestOwnerIsLate(t *testing.T) {
	for method, code := range map[string]string{"GET": "timeout", "POST": "outcome-unknown"} {
		s := newScene(t, httpapi.Limits{ForwardTimeout: 30 * time.Millisecond})
		s.first.instead(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadAll(r.Body) // net/http sees that the client leaves only behind the body
			<-r.Context().Done()
		})
		path, body := s.path, ""
		if method == "POST" {
			path, body = s.path+"/commands", `{"type": "DepositMoney", "data": {"amount": 1}}`
		}
		got := s.asked.request(t, method, path, body)
		got.want(t, http.StatusGatewayTimeout, "Retry-After: 1")
		got.wantJSON(t, map[string]any{"code": code})
		if n := s.first.asked.Load(); n != 1 {
			t.Errorf("%s: the owner was asked %d times", method, n)
		}
	}
}

// A long answer is passed on while it comes. If it breaks off, so does the client's.
func TestOwnerDiesInALongAnswer(t *testing.T) {
	s := newScene(t, httpapi.Limits{ForwardBytes: 1000})
	s.first.instead(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Refold-Answered", s.first.name)
		w.Header().Set("Content-Length", "5000")
		_, _ = w.Write(bytes.Repeat([]byte("x"), 4000))
		panic(http.ErrAbortHandler)
	})
	if got := s.asked.request(t, "GET", s.path, ""); got != nil {
		t.Errorf("the client takes %d %.50s for a whole answer", got.Status, got.Text)
	}
}

// A stream is passed on message by message.
func TestStreamIsForwarded(t *testing.T) {
	next := make(chan string)
	town := newTown(t, 2, func(_ *pod, o *httpapi.Options) {
		o.Routes = []httpapi.Route{{
			Pattern: "GET /accounts/{id}/ticker", Summary: "A stream.",
			Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
				for text := range next {
					fmt.Fprintf(w, "data: %s\n\n", text)
					_ = http.NewResponseController(w).Flush()
				}
			}),
		}}
	})
	town.own(where("alice"), 1)
	go func() { next <- "one" }()
	ticker := town.pods[0].http.URL + "/accounts/alice/ticker"
	response, err := http.Get(ticker)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	for _, text := range []string{"one", "two", "three"} {
		if text != "one" {
			next <- text
		}
		message := make([]byte, len("data: \n\n")+len(text))
		_, err := io.ReadFull(response.Body, message)
		if err != nil || string(message) != "data: "+text+"\n\n" {
			t.Fatalf("the client gets %q, %v", message, err)
		}
	}
	close(next)
}

// As many requests as may wait for other pods do.
func TestForwardsAreLimited(t *testing.T) {
	s := newScene(t, httpapi.Limits{Forwards: 1})
	s.first.have(s.at, true)
	asked, goOn := make(chan struct{}), make(chan struct{})
	s.first.instead(func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-goOn
		s.first.server.Handler().ServeHTTP(w, r)
	})
	first := make(chan *answer)
	go func() { first <- s.asked.request(t, "GET", s.path, "") }()
	<-asked
	got := s.asked.request(t, "GET", s.path, "")
	got.want(t, http.StatusServiceUnavailable, "Retry-After: 1")
	got.wantJSON(t, map[string]any{"code": "busy"})
	close(goOn)
	(<-first).want(t, http.StatusOK)
	go func() { <-asked }()
	s.asked.request(t, "GET", s.path, "").want(t, http.StatusOK)
}

func TestOwners(t *testing.T) {
	town := newTown(t, 2).spread()
	town.pods[0].takeFor(1)
	got := town.pods[0].request(t, "GET", "/owners", "")
	got.want(t, http.StatusOK, "Cache-Control: no-store")
	got.wantJSON(t, map[string]any{
		"instance": "pod-0", "aggregates.0.aggregate": "account",
		"aggregates.0.partitions.0.here": true, "aggregates.0.partitions.0.instance": "pod-0",
		"aggregates.0.partitions.1.here": false, "aggregates.0.partitions.1.instance": nil,
		"aggregates.0.partitions.3.instance": "pod-1", "aggregates.0.partitions.3.partition": 3,
		"aggregates.0.partitions.3.address": town.pods[1].address(),
		"aggregates.0.partitions.3.since":   "2026-02-03T04:05:06Z",
	})
}
