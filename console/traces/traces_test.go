package traces_test

import (
	"context"
	"iter"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"refold/client"
	"refold/client/wire"
	"refold/console/consoletest"
	"refold/console/frame"
	"refold/console/traces"
)

// fake is an API that has one trace.
type fake struct {
	trace *wire.Trace
	late  int // so often it is not known yet
	err   error
	items []*client.Item
}

func (f *fake) Trace(_ context.Context, id string) (*client.Trace, error) {
	f.late--
	switch {
	case f.err != nil:
		return nil, f.err
	case f.late >= 0 || f.trace == nil || f.trace.CorrelationID != id:
		return nil, &client.Problem{Problem: wire.Problem{
			Status: http.StatusNotFound, Code: wire.CodeNotFound, Detail: "no trace of it is known",
		}}
	}
	return &client.Trace{Trace: *f.trace}, nil
}

func (f *fake) Listen(context.Context, client.Listen) iter.Seq2[*client.Item, error] {
	return func(yield func(*client.Item, error) bool) {
		for _, item := range f.items {
			if !yield(item, nil) {
				return
			}
		}
	}
}

func at(ms int) time.Time {
	return consoletest.Now.Add(-time.Hour).Add(time.Duration(ms) * time.Millisecond)
}

// order is an order that was placed, and whose payment was declined.
func order() *wire.Trace {
	return &wire.Trace{
		CorrelationID: "order-7", Commands: 3, Events: 1, Results: 2, First: at(0), Last: at(100),
		DurationMS: 100,
		Roots: []wire.TraceNode{{
			Kind: wire.KindCommand, ID: "order-7", Aggregate: "order", Subject: "o-7", Type: "PlaceOrder",
			Time: at(0), Children: []wire.TraceNode{
				{
					Kind: wire.KindEvent, ID: "o-7/1", CausationID: "order-7", Aggregate: "order",
					Subject: "o-7", Type: "OrderPlaced", Sequence: 1, Time: at(40),
					Children: []wire.TraceNode{{
						Kind: wire.KindCommand, ID: "o-7/1/payments.0", Aggregate: "account",
						Subject: "alice", Type: "ChargeAccount", Time: at(60),
						Children: []wire.TraceNode{{
							Kind: wire.KindResult, ID: "o-7/1/payments.0", Aggregate: "account",
							Subject: "alice", Type: "ChargeAccount", Time: at(100),
							Outcome: wire.StatusRejected, Code: "insufficient-funds",
							Message: "the balance is 12.50",
						}},
					}},
				},
				{
					Kind: wire.KindResult, ID: "order-7", Aggregate: "order", Subject: "o-7",
					Time: at(40), Outcome: wire.StatusAccepted, FirstSequence: 1, LastSequence: 1,
				},
			},
		}},
	}
}

func serve(t *testing.T, f *fake) *consoletest.Console {
	t.Helper()
	return consoletest.Serve(t, traces.Part(f, []traces.Kind{
		{Name: "account", Plural: "accounts", Meanings: map[string]string{
			"insufficient-funds": "The balance does not cover the amount.",
		}},
		{Name: "order", Plural: "orders"},
	}))
}

func TestTheTreeOfATrace(t *testing.T) {
	page := serve(t, &fake{trace: order()}).Get(t, "/console/traces/order-7")
	page.Want(http.StatusOK, "Trace order-7", "3 commands, 1 event, 2 results within 100 ms", "1 rejection",
		"PlaceOrder", "OrderPlaced", "ChargeAccount", "insufficient-funds", "the balance is 12.50",
		"The balance does not cover the amount.", "+40 ms", "+20 ms", "25 ms", "100 ms",
		"Waiting and deciding 80 ms in 2 steps", "Committing and passing on 20 ms in 1 step")
	page.Without("under way", "There are more messages")
	for text, want := range map[string]string{
		"alice": "/console/accounts/alice", "The text alone": "/console/traces/order-7/text",
		"What happens to it now": "/console/live?correlation=order-7",
	} {
		if got := page.Link(text); got != want {
			t.Errorf("%s leads to %s", text, got)
		}
	}
	if page.One("a", "href", "/console/orders/o-7?event=1") == nil {
		t.Error("the event leads nowhere")
	}
	if len(consoletest.All(page.Root, "div", "id", "poll")) > 0 {
		t.Error("a trace that has ended is asked for again and again")
	}
	// The bar of a command goes on until its answer.
	charged := bars(page)[2]
	if consoletest.Attr(charged, "x") != "60.00%" || consoletest.Attr(charged, "width") != "40.00%" ||
		consoletest.Attr(charged, "class") != "decided" {
		t.Errorf("the bar of the third message is %+v", charged.Attr)
	}
}

func bars(page *consoletest.Page) []*html.Node { return consoletest.All(page.Root, "rect", "rx", "2") }

func TestATraceThatIsUnderWayAsksAgain(t *testing.T) {
	trace := order()
	trace.Roots[0].Children[0].Children[0].Children = nil
	trace.First, trace.Last = consoletest.Now.Add(-time.Minute), consoletest.Now.Add(-time.Minute)
	page := serve(t, &fake{trace: trace}).Get(t, "/console/traces/order-7").Want(http.StatusOK,
		"under way", "1 command without an answer", "no answer yet")
	poll := page.One("div", "id", "poll")
	if consoletest.Attr(poll, "hx-get") != "/console/traces/order-7" ||
		consoletest.Attr(poll, "hx-select") != "#trace" {
		t.Errorf("it polls by %+v", poll.Attr)
	}
	trace.First, trace.Last = at(0), at(0) // an hour ago: nobody waits for that any more
	serve(t, &fake{trace: trace}).Get(t, "/console/traces/order-7").Want(http.StatusOK,
		"without an answer").Without("under way")
}

func TestWhatIsOddInATrace(t *testing.T) {
	trace := order()
	trace.Truncated, trace.Limit, trace.DeadLetters = true, 1000, 1
	trace.Roots = append(trace.Roots, wire.TraceNode{
		Kind: wire.KindCommand, ID: "x", CausationID: "gone", Orphan: true, Repeated: true, Type: "Close",
		Time: at(50), Children: []wire.TraceNode{{
			Kind: wire.KindDeadLetter, ID: "x", Reason: "not-wire-format", Topic: "dead-letters",
			Partition: 3, Offset: 17, Time: at(45),
		}},
	})
	page := serve(t, &fake{trace: trace}).Get(t, "/console/traces/order-7").Want(http.StatusOK,
		"There are more messages than these 1,000", "http.trace-nodes", "1 dead letter", "not-wire-format",
		"repeated", "Its cause is not in here: gone", "−5 ms", "clocks differ")
	if got := page.Link("not-wire-format"); got != "/console/dead-letters/3/17" {
		t.Errorf("the dead letter is at %s", got)
	}
}

func TestALargeTraceHasPages(t *testing.T) {
	trace := order()
	trace.Roots = nil
	for i := range 450 {
		trace.Roots = append(trace.Roots, wire.TraceNode{
			Kind: wire.KindCommand, ID: "c", Aggregate: "account", Subject: "alice",
			Type: "Command" + string(rune('A'+i/200)), Time: at(i),
		})
	}
	c := serve(t, &fake{trace: trace})
	page := c.Get(t, "/console/traces/order-7").Want(http.StatusOK, "CommandA").Without("CommandB")
	if len(page.Body) > 150_000 {
		t.Errorf("the page has %d bytes", len(page.Body))
	}
	page = c.Get(t, page.Link("Next →")).Want(http.StatusOK, "CommandB").Without("CommandA", "CommandC")
	page = c.Get(t, page.Link("Next →")).Want(http.StatusOK, "CommandC").Without("CommandB")
	c.Get(t, page.Link("← Previous")).Want(http.StatusOK, "CommandB")
	c.Get(t, "/console/traces/order-7?from=-1").Want(http.StatusBadRequest, "whole number")
	c.Get(t, "/console/traces/order-7?from=9999").Want(http.StatusOK)
}

func TestTheTextOfATrace(t *testing.T) {
	trace := order()
	trace.Roots[0].Subject = "o\x1b[31m"
	text := serve(t, &fake{trace: trace}).Get(t, "/console/traces/order-7/text")
	if got := text.Header.Get("Content-Type"); got != "text/plain; charset=utf-8" {
		t.Errorf("it is a %s", got)
	}
	for _, line := range []string{
		"trace order-7: 3 commands, 1 event, 2 results within 100 ms, from 2026-03-01T13:05:09.000Z",
		"    40 ms    * OrderPlaced      order o-7, event 1",
		"   100 ms        = rejected", "account alice, insufficient-funds: the balance is 12.50",
	} {
		if !strings.Contains(text.Body, line) {
			t.Errorf("there is no %q:\n%s", line, text.Body)
		}
	}
	if strings.Contains(text.Body, "\x1b") {
		t.Error("a control character is in the text")
	}
}

func TestATraceThatIsNotKnown(t *testing.T) {
	f := &fake{}
	page := serve(t, f).Get(t, "/console/traces/nothing").Want(http.StatusNotFound,
		"Nothing is known of the trace nothing", "correlation ID", "no trace of it is known")
	if got := page.Link("Listen for it"); got != "/console/live?correlation=nothing" {
		t.Errorf("it leads to %s", got)
	}
	// One that is a moment behind is found by the second look.
	serve(t, &fake{trace: order(), late: 1}).Get(t, "/console/traces/order-7").Want(http.StatusOK)
	f.err = &client.Problem{Problem: wire.Problem{
		Status: http.StatusServiceUnavailable,
		Code:   wire.CodeNoTraces, Detail: "this server keeps no traces",
	}}
	serve(t, f).Get(t, "/console/traces/x").Want(http.StatusServiceUnavailable, "It is not kept here")
}

func TestTracesOfThisMoment(t *testing.T) {
	f := &fake{}
	c := serve(t, f)
	page := c.Get(t, "/console/traces").Want(http.StatusOK, "ID of the trace", "Listening for a moment")
	page.One("section", "hx-get", "/console/traces?look=1")
	if got := c.Get(t, "/console/traces?id=a/b").Header.Get("Location"); got != "/console/traces/a%2Fb" {
		t.Errorf("it leads to %s", got)
	}
	c.Get(t, "/console/traces?look=1").Want(http.StatusOK, "Nothing happens at the moment")
	for _, m := range []wire.Message{
		{Kind: wire.KindCommand, ID: "a", Type: "OpenAccount", Aggregate: "account", Subject: "alice"},
		{Kind: wire.KindEvent, ID: "alice/1", CorrelationID: "a", Type: "AccountOpened"},
		{Kind: wire.KindResult, CorrelationID: "b", Outcome: wire.StatusRejected},
	} {
		m.Time = consoletest.Now
		f.items = append(f.items, &client.Item{Message: &m})
	}
	page = c.Get(t, "/console/traces?look=1").Want(http.StatusOK, "OpenAccount", "alice", "rejected")
	if got := page.Link("a"); got != "/console/traces/a" {
		t.Errorf("a leads to %s", got)
	}
	rows := consoletest.All(page.Root, "tr", "data-row", "")
	if len(rows) != 2 || !strings.HasSuffix(consoletest.Text(rows[1]), "2") {
		t.Errorf("there are %d rows", len(rows))
	}
}

func TestMarkupInATrace(t *testing.T) {
	trace := order()
	trace.CorrelationID = consoletest.Markup
	root := &trace.Roots[0]
	root.Subject, root.Type, root.CausationID, root.Orphan = consoletest.Markup, consoletest.Markup,
		consoletest.Markup, true
	root.Children[0].Children[0].Children[0].Message = consoletest.Markup
	root.Children[0].Children[0].Children[0].Code = consoletest.Markup
	c := serve(t, &fake{trace: trace})
	c.Get(t, frame.Path("traces", consoletest.Markup)).Want(http.StatusOK).Escaped()
	c.Get(t, frame.Path("traces", consoletest.Markup+"?")).Want(http.StatusNotFound).Escaped()
}
