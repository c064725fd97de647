package aggregates_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"testing"
	"time"

	"refold/client"
	"refold/client/wire"
	"refold/codecs/avrojson"
	"refold/codecs/jsondiff"
	"refold/console/aggregates"
	"refold/console/consoletest"
)

// fake is an API that has accounts. Each has the states after its events, in order.
type fake struct {
	accounts map[string][]string // the states, as JSON
	events   []wire.Event        // of all accounts alike
	sent     []client.Send
	answer   *client.Command // to what is sent
	refuse   error
	past     error // of states of the past
}

func notFound() error {
	return &client.Problem{Problem: wire.Problem{
		Title: "Not Found", Status: http.StatusNotFound, Code: wire.CodeNotFound,
		Detail: "there is no such account",
	}}
}

func (f *fake) Get(_ context.Context, _, id string, g client.Get) (*client.Row, error) {
	states := f.accounts[id]
	if len(states) == 0 {
		return nil, notFound()
	}
	n := int64(len(states))
	if g.Sequence > 0 {
		if f.past != nil {
			return nil, f.past
		}
		n = g.Sequence
	}
	row := &client.Row{Row: wire.Row{ID: id, Sequence: n, State: json.RawMessage(states[n-1])}}
	if g.Sequence > 0 {
		at := eventTime(n)
		row.Time = &at
	}
	return row, nil
}

func (f *fake) List(_ context.Context, _, after string) iter.Seq2[*client.Row, error] {
	return func(yield func(*client.Row, error) bool) {
		var ids []string
		for id := range f.accounts {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		for _, id := range ids {
			states := f.accounts[id]
			row := &client.Row{Row: wire.Row{
				ID: id, Sequence: int64(len(states)), State: json.RawMessage(states[len(states)-1]),
				Links: &wire.Links{Self: "/accounts/" + wire.Segment(id)},
			}}
			if id > after && !yield(row, nil) {
				return
			}
		}
	}
}

func (f *fake) EventPage(_ context.Context, _, id string, e client.Events) (*client.EventPage, error) {
	if f.past != nil {
		return nil, f.past
	}
	page := &client.EventPage{}
	for i := range f.accounts[id] {
		n := int64(i + 1)
		if n <= e.After || e.Before > 0 && n >= e.Before {
			continue
		}
		page.Events = append(page.Events, &client.Event{Event: f.event(id, n)})
	}
	if e.Newest {
		slices.Reverse(page.Events)
	}
	if e.Limit > 0 && len(page.Events) > e.Limit {
		page.Events = page.Events[:e.Limit]
	}
	return page, nil
}

func eventTime(n int64) time.Time {
	return consoletest.Now.Add(time.Duration(n) * time.Minute).Add(-time.Hour)
}

func (f *fake) event(id string, n int64) wire.Event {
	e := wire.Event{
		ID: fmt.Sprintf("%s/%d", id, n), Type: "MoneyDeposited", Sequence: n, Time: eventTime(n),
		CorrelationID: fmt.Sprintf("correlation-%d", n), CausationID: fmt.Sprintf("command-%d", n),
		Data: json.RawMessage(`{"amount":100,"currency":"EUR"}`),
	}
	if int(n) <= len(f.events) {
		e = f.events[n-1]
	}
	return e
}

func (f *fake) Command(_ context.Context, _, _, commandID string, _ time.Duration) (*client.Command, error) {
	if f.answer == nil || f.answer.ID != commandID {
		return nil, notFound()
	}
	return f.answer, nil
}

// Why looks back through 256 events.
func (f *fake) Why(_ context.Context, _, id string, w client.Why) (*client.Reasons, error) {
	path, err := jsondiff.ParsePath(w.Fields[0])
	if err != nil {
		return nil, err
	}
	if w.Fields[0] == "saldo" {
		return nil, &client.Problem{Problem: wire.Problem{
			Status: http.StatusNotFound, Code: wire.CodeNoField, Detail: "there is no field saldo",
			Errors: []wire.Mistake{{Allowed: "a field of the state: balance"}},
		}}
	}
	at := func(n int64) *jsondiff.Value {
		if n == 0 {
			return nil
		}
		state, _ := jsondiff.Parse([]byte(f.accounts[id][n-1]))
		return state.At(path)
	}
	reason := wire.Reason{Field: w.Fields[0], Value: json.RawMessage(at(w.Sequence).String())}
	for n := w.Sequence; n > 0; n-- {
		if w.Sequence-n == 256 {
			reason.From = n + 1
			break
		}
		if was := at(n - 1); !at(n).Equal(was) {
			event := f.event(id, n)
			reason.Event = &event
			if was != nil {
				reason.Before = json.RawMessage(was.String())
			}
			if f.answer != nil && f.answer.ID == event.CausationID {
				reason.Source = f.answer.Source
			}
			break
		}
	}
	return &client.Reasons{Why: wire.Why{Sequence: w.Sequence, Fields: []wire.Reason{reason}}}, nil
}

func (f *fake) Send(_ context.Context, _, _ string, s client.Send) (*client.Command, error) {
	f.sent = append(f.sent, s)
	if f.refuse != nil {
		return nil, f.refuse
	}
	answer := *f.answer
	answer.ID = s.ID
	return &answer, nil
}

func account(balance int, owner string) string {
	name, _ := json.Marshal(owner)
	return fmt.Sprintf(`{"status":"open","owner":%s,"currency":"EUR","balance":%d,`+
		`"charges":[{"reference":"order-1","refundable":%d}]}`, name, balance, balance)
}

// bank has alice, whose owner changed with event 2, and whose balance with events 1 and 3.
func bank() *fake {
	return &fake{accounts: map[string][]string{
		"alice": {account(500, "Alice"), account(500, "Alicia"), account(1250, "Alicia")},
	}}
}

// schemas are those of two commands: one of simple fields, and one with all that forms know.
func schemas(
	name string, named func(string, *avrojson.Schema) string,
) *avrojson.Schema {
	text := &avrojson.Schema{Type: "string"}
	whole := &avrojson.Schema{Type: "integer", Description: "In minor units."}
	if name == "DepositMoney" {
		return &avrojson.Schema{Ref: named("DepositMoney", &avrojson.Schema{
			Type: "object", Required: []string{"amount", "currency"},
			Properties: map[string]*avrojson.Schema{"currency": text, "amount": whole},
		})}
	}
	line := named("Line", &avrojson.Schema{
		Type: "object", Required: []string{"sku", "quantity"},
		Properties: map[string]*avrojson.Schema{"sku": text, "quantity": whole},
	})
	return &avrojson.Schema{
		Type: "object", Required: []string{"lines", "kind", "gift", "note", "any"},
		Properties: map[string]*avrojson.Schema{
			"lines": {Type: "array", Items: &avrojson.Schema{Ref: line}},
			"kind":  {Enum: []string{"FAST", "SLOW"}},
			"gift":  {Type: "boolean"},
			"note":  {AnyOf: []*avrojson.Schema{{Type: "null"}, text}},
			"more":  {Ref: line},
			"any":   {AnyOf: []*avrojson.Schema{text, whole, {Type: "null"}}},
		},
	}
}

func kinds() []aggregates.Kind {
	return []aggregates.Kind{{
		Name: "account", Plural: "accounts",
		Money: map[string]string{
			"balance": "currency", "charges[].refundable": "currency",
			"amount": "currency",
		},
		Meanings: map[string]string{"currency-mismatch": "It is another currency."},
		Commands: []aggregates.Command{
			aggregates.NewCommand("DepositMoney", json.RawMessage(`{"amount":500,"currency":"EUR"}`),
				schemas),
			aggregates.NewCommand("PlaceOrder", json.RawMessage(`{"lines":[{"sku":"tea","quantity":2}],`+
				`"kind":"SLOW","gift":true,"note":"hello","any":5}`), schemas),
		},
	}}
}

func serve(t *testing.T, f *fake) *consoletest.Console {
	t.Helper()
	return consoletest.Serve(t, aggregates.Part(f, kinds()))
}
