package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/avro"
	"go.uber.org/goleak"

	"refold/codecs/avrojson"
	"refold/codecs/avrotype"
	"refold/codecs/jsonvalue"
	"refold/eventsourcing"
	"refold/views"
	"refold/views/httpapi"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// accountState is the state of the aggregate of these tests.
type accountState struct {
	Owner   string `json:"owner"`
	Balance int64  `json:"balance"`
}

// fakeRows reads rows from a function for each question.
type fakeRows struct {
	GetFn     func(id string) (views.Row, error)
	WaitForFn func(ctx context.Context, id string, atLeast int64) (views.Row, error)
	ListFn    func(after string, limit int) (views.Page, error)
}

func (f *fakeRows) Get(id string) (views.Row, error) { return f.GetFn(id) }

func (f *fakeRows) WaitFor(ctx context.Context, id string, atLeast int64) (views.Row, error) {
	return f.WaitForFn(ctx, id, atLeast)
}

func (f *fakeRows) List(after string, limit int) (views.Page, error) {
	return f.ListFn(after, limit)
}

// fakeEvents reads histories from functions.
type fakeEvents struct {
	EventsFn     func(id string, q views.EventQuery) (views.EventPage, error)
	WaitEventsFn func(ctx context.Context, id string, q views.EventQuery) (views.EventPage, error)
}

func (f *fakeEvents) Events(_ context.Context, id string, q views.EventQuery) (
	views.EventPage, error,
) {
	return f.EventsFn(id, q)
}

func (f *fakeEvents) WaitEvents(ctx context.Context, id string, q views.EventQuery) (
	views.EventPage, error,
) {
	return f.WaitEventsFn(ctx, id, q)
}

// fakeSender keeps what was sent.
type fakeSender struct {
	Err       error
	DiffersFn func(command eventsourcing.Envelope[any]) (bool, error)

	mu   sync.Mutex
	sent []eventsourcing.Envelope[any]
}

func (f *fakeSender) Send(_ context.Context, command eventsourcing.Envelope[any]) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent = append(f.sent, command)
	return f.Err
}

func (f *fakeSender) Differs(command eventsourcing.Envelope[any]) (bool, error) {
	if f.DiffersFn == nil {
		return false, nil
	}
	return f.DiffersFn(command)
}

func (f *fakeSender) Sent() []eventsourcing.Envelope[any] {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sent
}

// fakeCommands knows commands by functions; without, it knows none and waits in vain.
type fakeCommands struct {
	CommandFn        func(key views.CommandKey) (views.Command, error)
	WaitCommandFn    func(ctx context.Context, key views.CommandKey, s views.Status) (views.Command, error)
	CommandsOfFn     func(id string) (views.Namesakes, error)
	WaitCommandsOfFn func(ctx context.Context, id string) (views.Namesakes, error)
}

func (f *fakeCommands) Command(_ context.Context, key views.CommandKey) (views.Command, error) {
	if f.CommandFn == nil {
		return views.Command{}, views.ErrNotFound
	}
	return f.CommandFn(key)
}

func (f *fakeCommands) WaitCommand(ctx context.Context, key views.CommandKey, s views.Status) (
	views.Command, error,
) {
	if f.WaitCommandFn == nil {
		return views.Command{}, views.ErrNotYet
	}
	return f.WaitCommandFn(ctx, key, s)
}

func (f *fakeCommands) CommandsOf(_ context.Context, id string) (views.Namesakes, error) {
	if f.CommandsOfFn == nil {
		return views.Namesakes{}, views.ErrNotFound
	}
	return f.CommandsOfFn(id)
}

func (f *fakeCommands) WaitCommandsOf(ctx context.Context, id string) (views.Namesakes, error) {
	if f.WaitCommandsOfFn == nil {
		return views.Namesakes{}, views.ErrNotYet
	}
	return f.WaitCommandsOfFn(ctx, id)
}

// fakeTypes knows one command, DepositMoney with an amount.
type fakeTypes struct{ err error }

func (fakeTypes) Types() []string { return []string{"OpenAccount", "DepositMoney"} }

func (f fakeTypes) FromText(name string, text jsonvalue.Text) (string, any, error) {
	if f.err != nil {
		return "", nil, f.err
	}
	var value map[string]any
	err := json.Unmarshal(text.Bytes(), &value)
	return name, value, err
}

func (fakeTypes) WrittenType(any) string { return "" }

func (fakeTypes) DescribeJSON(
	name string, named func(string, *avrojson.Schema) string,
) *avrojson.Schema {
	return describeJSON(`{"type": "record", "name": "`+name+`", "namespace": "refold.accounts", "fields": [
		{"name": "amount", "type": "long", "doc": "In minor units."},
		{"name": "note", "type": ["null", "string"], "default": null}]}`, named)
}

// describeJSON describes the JSON of an Avro schema.
func describeJSON(schema string, named func(string, *avrojson.Schema) string) *avrojson.Schema {
	parsed, err := avro.Parse(schema)
	if err != nil {
		panic(err)
	}
	return avrojson.Describe(avrotype.Of(parsed), named)
}

// bench is a server and the fakes below it.
type bench struct {
	server   *httpapi.Server
	rows     *fakeRows
	events   *fakeEvents
	sender   *fakeSender
	commands *fakeCommands
	registry *prometheus.Registry
}

// at is when everything happens.
var at = time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)

// newBench makes a server of fakes; change may alter its options.
func newBench(tb testing.TB, change func(*httpapi.Options)) *bench {
	tb.Helper()
	b := &bench{
		rows: &fakeRows{
			GetFn: func(string) (views.Row, error) { return views.Row{}, views.ErrNotFound },
			WaitForFn: func(ctx context.Context, _ string, _ int64) (views.Row, error) {
				<-ctx.Done()
				return views.Row{}, views.ErrNotYet
			},
			ListFn: func(string, int) (views.Page, error) { return views.Page{}, nil },
		},
		events: &fakeEvents{
			EventsFn: func(string, views.EventQuery) (views.EventPage, error) {
				return views.EventPage{}, views.ErrNotFound
			},
			WaitEventsFn: func(ctx context.Context, _ string, _ views.EventQuery) (
				views.EventPage, error,
			) {
				<-ctx.Done()
				return views.EventPage{}, views.ErrNotYet
			},
		},
		sender: &fakeSender{}, commands: &fakeCommands{}, registry: prometheus.NewRegistry(),
	}
	options := httpapi.Options{
		Resources: []httpapi.Resource{{
			Name: "account", Plural: "accounts", Rows: b.rows, Sender: b.sender,
			Events: b.events, Commands: fakeTypes{}, State: reflect.TypeFor[accountState](),
			Example: accountState{Owner: "Alice", Balance: 1250},
			CommandExamples: map[string]json.RawMessage{
				"DepositMoney": json.RawMessage(`{"amount": 1250}`),
			},
		}},
		Commands: b.commands, Version: "test",
		Gatherer: b.registry, Registerer: b.registry, Logger: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return at },
	}
	if change != nil {
		change(&options)
	}
	var err error
	if b.server, err = httpapi.NewServer(options); err != nil {
		tb.Fatal(err)
	}
	return b
}

// request makes a request; header lines are "Name: value".
func request(t *testing.T, method, path, body string, header ...string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Content-Type" {
			r.Header.Del(name)
		}
		r.Header.Add(name, value)
	}
	return r
}

// ask returns the answer to a request.
func (b *bench) ask(t *testing.T, method, path, body string, header ...string) *answer {
	t.Helper()
	w := httptest.NewRecorder()
	b.server.Handler().ServeHTTP(w, request(t, method, path, body, header...))
	return newAnswer(t, w.Result())
}

// answer is a response with its body read.
type answer struct {
	Status int
	Header http.Header
	Text   string
	JSON   map[string]any
}

func newAnswer(tb testing.TB, response *http.Response) *answer {
	tb.Helper()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		tb.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		tb.Fatal(err)
	}
	a := &answer{Status: response.StatusCode, Header: response.Header, Text: string(text)}
	if strings.Contains(response.Header.Get("Content-Type"), "json") && len(text) > 0 {
		if err := json.Unmarshal(text, &a.JSON); err != nil {
			tb.Fatalf("the body says that it is JSON: %v\n%s", err, text)
		}
	}
	return a
}

// want checks the status and header lines "Name: value"; an empty value means: no such header.
func (a *answer) want(t *testing.T, status int, header ...string) {
	t.Helper()
	if a.Status != status {
		t.Errorf("status %d, want %d; body: %s", a.Status, status, a.Text)
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		name = strings.TrimSuffix(name, ":")
		if got := a.Header.Get(name); got != value {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
	if status >= http.StatusBadRequest {
		a.wantProblem(t)
	}
}

// tag returns the ETag, which must be that of a state at the sequence.
func (a *answer) tag(t *testing.T, sequence int64) string {
	t.Helper()
	tag := a.Header.Get("ETag")
	form := fmt.Sprintf(`^"%d-[A-Za-z0-9_-]{16}"$`, sequence)
	if !regexp.MustCompile(form).MatchString(tag) {
		t.Errorf("the ETag is %s, want one of sequence %d", tag, sequence)
	}
	return tag
}

// wantProblem checks that the body is a whole problem (RFC 9457).
func (a *answer) wantProblem(t *testing.T) {
	t.Helper()
	if got := a.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("Content-Type is %q, want application/problem+json; body: %s", got, a.Text)
	}
	if a.JSON["status"] != float64(a.Status) || a.JSON["title"] != http.StatusText(a.Status) {
		t.Errorf("the problem's status and title are not the answer's: %s", a.Text)
	}
	for _, member := range []string{"code", "detail"} {
		if text, is := a.JSON[member].(string); !is || text == "" {
			t.Errorf("the problem has no %s: %s", member, a.Text)
		}
	}
}

// wantJSON checks members of the body, named by path: "errors.0.path".
func (a *answer) wantJSON(t *testing.T, want map[string]any) {
	t.Helper()
	for path, value := range want {
		var at any = a.JSON
		for part := range strings.SplitSeq(path, ".") {
			switch v := at.(type) {
			case map[string]any:
				at = v[part]
			case []any:
				at = nil
				if i := int(part[0] - '0'); i < len(v) {
					at = v[i]
				}
			}
		}
		if n, is := value.(int); is {
			value = float64(n)
		}
		if at != value {
			t.Errorf("%s is %v, want %v; body: %s", path, at, value, a.Text)
		}
	}
}
