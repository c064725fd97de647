package live_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"refold/client"
	"refold/client/wire"
	"refold/console/consoletest"
	"refold/console/live"
)

// fake is a feed. Each item's position is its number; listeners begin behind theirs.
type fake struct {
	items []*client.Item
	asked []client.Listen
	stays bool // the feed goes on when the items are over
	err   error
}

func (f *fake) Listen(ctx context.Context, l client.Listen) iter.Seq2[*client.Item, error] {
	f.asked = append(f.asked, l)
	return func(yield func(*client.Item, error) bool) {
		if f.err != nil {
			yield(nil, f.err)
			return
		}
		for i, item := range f.items {
			position := fmt.Sprintf("p%03d", i+1)
			if position <= l.After {
				continue
			}
			item.Position = position
			if !yield(item, nil) {
				return
			}
		}
		if f.stays {
			<-ctx.Done()
		}
	}
}

func message(m wire.Message) *client.Item {
	m.Time = consoletest.Now
	if m.Data == nil {
		m.Data = json.RawMessage("null")
	}
	raw, _ := json.Marshal(m)
	return &client.Item{Message: &m, Raw: raw}
}

// deposits are n events, the n-th of n cents.
func deposits(n int) (items []*client.Item) {
	for i := 1; i <= n; i++ {
		items = append(items, message(wire.Message{
			Kind: wire.KindEvent, Aggregate: "account", Subject: "alice", Type: "MoneyDeposited",
			Sequence: int64(i), CorrelationID: fmt.Sprintf("trace-%d", i),
			Data: json.RawMessage(fmt.Sprintf(`{"amount":%d,"currency":"EUR"}`, i)),
		}))
	}
	return items
}

func rejection() *client.Item {
	return message(wire.Message{
		Kind: wire.KindResult, Aggregate: "account", Subject: "bob", Outcome: wire.StatusRejected,
		Data: json.RawMessage(`{"commandType":"WithdrawMoney","accepted":false,"code":"insufficient-funds",` +
			`"message":"the balance is 1"}`),
	})
}

func full() error {
	return &client.Problem{Problem: wire.Problem{
		Status: http.StatusServiceUnavailable, Code: wire.CodeTooManyListeners, Detail: "the house is full",
	}}
}

func serve(t *testing.T, f *fake) *consoletest.Console {
	t.Helper()
	return consoletest.Serve(t, live.Part(f, []live.Kind{
		{Name: "account", Plural: "accounts", Money: map[string]string{"amount": "currency"}},
		{Name: "order", Plural: "orders"},
	}, live.Options{Every: time.Millisecond, Rows: 10, Look: time.Second, ExportLines: 20}))
}

func rowsOf(page *consoletest.Page) (texts []string) {
	for _, row := range consoletest.All(page.Root, "tr", "data-row", "") {
		texts = append(texts, consoletest.Text(row))
	}
	return texts
}

// A result is said in a few words.
func TestResults(t *testing.T) {
	for data, want := range map[string]string{
		`{"commandType":"Open","firstSequence":9,"lastSequence":9}`:   "Open: event 9",
		`{"commandType":"Open","firstSequence":9,"lastSequence":12}`:  "Open: events 9 to 12",
		`{"commandType":"Open","firstSequence":10,"lastSequence":9}`:  "Open: it changed nothing",
		`{"commandType":"Open","firstSequence":10,"lastSequence":12}`: "Open: events 10 to 12",
	} {
		items := append(deposits(1), message(wire.Message{
			Kind: wire.KindResult, Outcome: wire.StatusAccepted, Data: json.RawMessage(data),
		}))
		serve(t, &fake{items: items}).Get(t, "/console/live?look=1").Want(http.StatusOK, want)
	}
}

// Without scripts, a page has what comes in a moment, the newest first.
func TestAMomentOfTheFlow(t *testing.T) {
	f := &fake{items: append(deposits(3), rejection())}
	page := serve(t, f).Get(t, "/console/live?look=1").Want(http.StatusOK, "4 shown", "paused",
		"insufficient-funds", "14:05:09.000")
	rows := rowsOf(page)
	if len(rows) != 4 || !strings.Contains(rows[0], "rejected") ||
		!strings.Contains(rows[0], "WithdrawMoney: the balance is 1") ||
		!strings.Contains(rows[1], "amount 0.03 EUR, currency \"EUR\"") {
		t.Errorf("the rows are %q", rows)
	}
	if got := page.Link("trace-3"); got != "/console/traces/trace-3" {
		t.Errorf("the trace is at %s", got)
	}
	page.One("a", "href", "/console/accounts/alice?event=3")
	if got := page.Link("Step: the next message"); got != "/console/live?after=p004&step=1" {
		t.Errorf("it goes on at %s", got)
	}
	serve(t, &fake{}).Get(t, "/console/live?look=1").Want(http.StatusOK, "Nothing that matches has come")
	f.err = full()
	serve(t, f).Get(t, "/console/live?look=1").Want(http.StatusServiceUnavailable,
		"the house is full")
}

func TestFilters(t *testing.T) {
	f := &fake{items: append(deposits(5), rejection())}
	c := serve(t, f)
	c.Get(t, "/console/live?look=1&aggregate=account&id=a,b&kind=event&type=T&correlation=c").
		Want(http.StatusOK)
	want := client.Listen{
		Aggregates: []string{"account"}, IDs: []string{"a,b"}, Types: []string{"T"},
		CorrelationIDs: []string{"c"}, Kinds: []wire.Kind{wire.KindEvent},
	}
	if got := f.asked[0]; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("asked for %+v", got)
	}
	if rows := rowsOf(c.Get(t, "/console/live?look=1&code=insufficient-funds")); len(rows) != 1 {
		t.Errorf("of that code are %q", rows)
	}
	if rows := rowsOf(c.Get(t, "/console/live?look=1&code=other")); len(rows) != 0 {
		t.Errorf("of another code are %q", rows)
	}
	for where, want := range map[string]int{
		`data.amount > 3`: 2, `type == "MoneyDeposited" && data.amount < 2.5`: 2, `kind == "result"`: 1,
		`outcome == "rejected" || sequence == 2`: 2, `has(data.amount) && data.currency == "USD"`: 0,
	} {
		page := c.Get(t, "/console/live?look=1&where="+url.QueryEscape(where)).Want(http.StatusOK)
		if rows := rowsOf(page); len(rows) != want {
			t.Errorf("%s gives %q", where, rows)
		}
	}
	page := c.Get(t, "/console/live?look=1&where=data.amount+%3E+4").Want(http.StatusOK,
		"The expression has no value for 1: no such key: amount")
	again := page.Link("Listen anew for two seconds")
	if again != "/console/live?look=1&where=data.amount+%3E+4" {
		t.Errorf("the filter is lost: %s", again)
	}
	c.Get(t, "/console/live?aggregate=acount").Want(http.StatusBadRequest, "There is no aggregate acount")
	c.Get(t, "/console/live?kind=x").Want(http.StatusBadRequest, "command, event, result, dead-letter")
}

// A mistake in the expression is shown at the field, with what is right.
func TestAMistakeInTheExpression(t *testing.T) {
	c := serve(t, &fake{})
	for where, says := range map[string]string{
		`amount > 3`: "undeclared reference to 'amount'", `data.amount >`: "line 1, column",
		`sequence`: "it must be true or false", `"` + strings.Repeat("x", 2001) + `" == type`: "at most 2000",
	} {
		page := c.Get(t, "/console/live?where="+url.QueryEscape(where)).Want(http.StatusBadRequest, says)
		field := page.One("input", "name", "where")
		hint := page.One("p", "id", consoletest.Attr(field, "aria-describedby"))
		if consoletest.Attr(field, "value") != where || consoletest.Attr(field, "aria-invalid") != "true" ||
			!strings.Contains(consoletest.Text(hint), says) {
			t.Errorf("the field is %+v: %s", field.Attr, consoletest.Text(hint))
		}
		if len(where) < 100 && !strings.Contains(consoletest.Text(hint), "data.amount > 1000") {
			t.Errorf("what would be right is not said: %s", consoletest.Text(hint))
		}
	}
	c.Get(t, "/console/live/export?where=1").Want(http.StatusBadRequest, "true or false")
	c.Get(t, "/console/live/step?where=1").Want(http.StatusBadRequest, "true or false")
}

// An expression that costs too much has no value, and ends nothing.
func TestAnExpressionThatCostsTooMuch(t *testing.T) {
	list := json.RawMessage(`{"n":[` + strings.TrimSuffix(strings.Repeat("1,", 500), ",") + `]}`)
	f := &fake{items: []*client.Item{message(wire.Message{Kind: wire.KindEvent, Data: list}), rejection()}}
	where := `kind == "result" || data.n.all(a, data.n.all(b, a == b))`
	page := serve(t, f).Get(t, "/console/live?look=1&where="+url.QueryEscape(where)).Want(http.StatusOK,
		"has no value for 1", "cost")
	if rows := rowsOf(page); len(rows) != 1 {
		t.Errorf("the rows are %q", rows)
	}
}

func TestPauseAndStep(t *testing.T) {
	c := serve(t, &fake{items: deposits(3)})
	page := c.Get(t, "/console/live?type=MoneyDeposited").Want(http.StatusOK, "live", "Pause")
	page.One("div", "hx-sse:connect", "/console/live/stream?type=MoneyDeposited")
	page = c.Get(t, "/console/live?type=MoneyDeposited&after=p001&paused=1").Want(http.StatusOK, "paused")
	if len(consoletest.All(page.Root, "div", "id", "feed")) > 0 {
		t.Error("a page that is paused is connected")
	}
	page = c.Get(t, page.Link("Step: the next message")).Want(http.StatusOK, "1 shown")
	if rows := rowsOf(page); len(rows) != 1 || !strings.Contains(rows[0], "amount 0.02 EUR currency EUR") {
		t.Errorf("the rows are %q", rows)
	}
	page = c.Get(t, page.Link("Step: the next message")).Want(http.StatusOK, "0.03 EUR")
	page = c.Get(t, page.Link("Step: the next message")).Want(http.StatusOK, "Nothing that matches has come")
	if got := page.Link("Go on"); got != "/console/live?after=p003&type=MoneyDeposited" {
		t.Errorf("it goes on at %s", got)
	}
	// The same as parts of a page.
	part := c.Get(t, "/console/live/step?after=p001").Want(http.StatusOK, "paused")
	if strings.Contains(part.Body, "<html") || !strings.Contains(part.Body, `hx-target="#rows"`) ||
		!strings.Contains(part.Body, "event=2") {
		t.Errorf("the part is %s", part.Body)
	}
	part = c.Get(t, "/console/live/controls?after=p002&paused=1").Want(http.StatusOK, "paused")
	part.Without("Listening")
	part = c.Get(t, "/console/live/controls?after=p002")
	part.One("div", "hx-sse:connect", "/console/live/stream?after=p002")
}

// A page is told of as many as it may show at once, and how many were left out.
func TestTheStreamIsSampled(t *testing.T) {
	items := deposits(500)
	items = append(items[:400:400], append([]*client.Item{{
		Missed: &wire.Missed{Kind: wire.KindMissed, Records: 77, Reason: wire.MissedBacklog},
	}}, items[400:]...)...)
	f := &fake{items: items, stays: true}
	c := serve(t, f)
	server := httptest.NewServer(c)
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/console/live/stream", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	rows, last := 0, ""
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		line := lines.Text()
		rows += strings.Count(line, "<tr data-row")
		if strings.Contains(line, "left out") {
			last = line
		}
		if strings.Contains(line, "after=p501") {
			break
		}
	}
	said := fmt.Sprintf("%d left out", 500-rows)
	if rows < 10 || rows >= 500 || !strings.Contains(last, said) ||
		!strings.Contains(last, "Up to 77 missed") || !strings.Contains(last, "too far behind") {
		t.Errorf("%d rows came; it was said: %s", rows, last)
	}
}

// A page is told why nothing comes.
func TestAStreamThatCannotBegin(t *testing.T) {
	page := serve(t, &fake{err: full()}).Get(t, "/console/live/stream")
	for _, text := range []string{"the house is full", "event: failed"} {
		if !strings.Contains(page.Body, text) {
			t.Errorf("there is no %q in %s", text, page.Body)
		}
	}
}

func TestExport(t *testing.T) {
	f := &fake{items: deposits(50)}
	answer := serve(t, f).Get(t, "/console/live/export?after=p010&where="+
		url.QueryEscape("data.amount % 2 == 0")).Want(http.StatusOK)
	if got := answer.Header.Get("Content-Type"); got != "application/x-ndjson" {
		t.Errorf("it is a %s", got)
	}
	if got := answer.Header.Get("Content-Disposition"); !strings.HasPrefix(got, "attachment") {
		t.Errorf("it is no download: %s", got)
	}
	lines := strings.Split(strings.TrimSpace(answer.Body), "\n")
	if len(lines) != 20 { // the limit
		t.Fatalf("there are %d lines", len(lines))
	}
	var m wire.Message
	if err := json.Unmarshal([]byte(lines[19]), &m); err != nil || m.Sequence != 50 {
		t.Errorf("the last line is %s, %v", lines[19], err)
	}
	empty := serve(t, &fake{}).Get(t, "/console/live/export").Want(http.StatusOK)
	if empty.Body != "" {
		t.Errorf("an empty export is %q", empty.Body)
	}
}

func TestMarkupInMessages(t *testing.T) {
	quoted, _ := json.Marshal(map[string]string{"owner": consoletest.Markup})
	f := &fake{items: []*client.Item{message(wire.Message{
		Kind: wire.KindEvent, Aggregate: "account", Subject: consoletest.Markup, Type: consoletest.Markup,
		CorrelationID: consoletest.Markup, Data: quoted,
	}), message(wire.Message{
		Kind: wire.KindDeadLetter, Subject: "x", Undecodable: consoletest.Markup,
		Aside: &wire.Aside{Reason: consoletest.Markup},
	})}}
	c := serve(t, f)
	c.Get(t, "/console/live?look=1").Want(http.StatusOK).Escaped()
	c.Get(t, "/console/live?look=1&id="+url.QueryEscape(consoletest.Markup)).Escaped()
	c.Get(t, "/console/live?where="+url.QueryEscape(consoletest.Markup)).Want(http.StatusBadRequest).Escaped()
	c.Get(t, "/console/live?step=1").Want(http.StatusOK).Escaped()
}
