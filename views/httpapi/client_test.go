package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"refold/client"
	"refold/client/wire"
	"refold/views"
	"refold/views/httpapi"
)

// served is a bench behind a port, and a client of it.
func served(t *testing.T, change func(*httpapi.Options)) (*bench, *client.Client) {
	t.Helper()
	b := newBench(t, change)
	server := httptest.NewServer(b.server.Handler())
	t.Cleanup(server.Close)
	c, err := client.New([]string{server.URL}, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return b, c
}

// What the server answers is what its client reads: commands.
func TestClientOfCommands(t *testing.T) {
	b, c := served(t, nil)
	send := client.Send{
		Type: "DepositMoney", Data: json.RawMessage(`{"amount": 5}`), ID: "c-1", Expect: new(int64(3)),
		Wait: time.Second,
	}
	decided := views.Command{Type: "DepositMoney", Status: views.Accepted, FirstSequence: 4, LastSequence: 4}
	b.commands.WaitCommandFn = func(_ context.Context, key views.CommandKey, _ views.Status) (
		views.Command, error,
	) {
		decided.CommandKey = key
		return decided, nil
	}
	got, err := c.Send(t.Context(), "accounts", "alice", send)
	if err != nil || got.Status != wire.StatusAccepted || got.LastSequence != 4 || got.ID != "c-1" {
		t.Errorf("got %+v, %v", got, err)
	}
	sent := b.sender.Sent()
	if len(sent) != 1 || *sent[0].ExpectedSequence != 3 || sent[0].Subject != "alice" {
		t.Errorf("sent %+v", sent)
	}
	decided.Status, decided.Code, decided.Message = views.Rejected, "insufficient-funds", "not enough"
	got, err = c.Send(t.Context(), "accounts", "alice", send)
	if err != nil || got.Status != wire.StatusRejected || got.Code != decided.Code ||
		got.Message != decided.Message || got.HTTPStatus != 422 {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := c.Send(t.Context(), "accounts", "alice", client.Send{Type: "Fly"}); !client.HasCode(err,
		wire.CodeInvalidCommand) {
		t.Errorf("got %v", err)
	}
	b.commands.CommandFn = func(views.CommandKey) (views.Command, error) { return decided, nil }
	got, err = c.Command(t.Context(), "accounts", "alice", "c-1", 0)
	if err != nil || got.Code != decided.Code {
		t.Errorf("got %+v, %v", got, err)
	}
	b.commands.CommandsOfFn = func(string) (views.Namesakes, error) {
		return views.Namesakes{Commands: []views.Command{decided, decided}, More: true}, nil
	}
	found, err := c.CommandsOf(t.Context(), "c-1", 0)
	if err != nil || len(found.Commands) != 2 || !found.More {
		t.Errorf("got %+v, %v", found, err)
	}
}

// States, lists and histories.
func TestClientOfAggregates(t *testing.T) {
	b, c := served(t, func(o *httpapi.Options) {
		o.Resources[0].Past = fakePast(func(m views.Moment) (views.PastRow, error) {
			return views.PastRow{Row: alice(m.Sequence), Time: at}, nil
		})
	})
	b.rows.GetFn = func(string) (views.Row, error) { return alice(3), nil }
	row, err := c.Get(t.Context(), "accounts", "a/b", client.Get{})
	if err != nil || row.Sequence != 3 || row.ETag == "" {
		t.Fatalf("got %+v, %v", row, err)
	}
	if state, err := client.State[accountState](row); err != nil || state.Owner == "" {
		t.Errorf("got %+v, %v", state, err)
	}
	row, err = c.Get(t.Context(), "accounts", "alice", client.Get{Sequence: 2})
	if err != nil || row.Sequence != 2 || !row.Time.Equal(at) {
		t.Errorf("got %+v, %v", row, err)
	}
	if _, err := c.Get(t.Context(), "accounts", "alice", client.Get{Time: at}); err != nil {
		t.Error(err)
	}
	_, err = c.Get(t.Context(), "accounts", "alice", client.Get{AtLeast: 9})
	if !client.HasCode(err, wire.CodeNotYet) || !client.IsRetriable(err) {
		t.Errorf("got %v", err)
	}
	ids := []string{"a", "b/c", "d e"}
	b.rows.ListFn = func(after string, _ int) (views.Page, error) {
		i := slices.Index(ids, after) + 1
		page := views.Page{Rows: []views.Row{{ID: ids[i], Sequence: 1}}}
		if i+1 < len(ids) {
			page.Next = ids[i]
		}
		return page, nil
	}
	var listed []string
	for row, err := range c.List(t.Context(), "accounts", "") {
		if err != nil {
			t.Fatal(err)
		}
		listed = append(listed, row.ID)
	}
	if !slices.Equal(listed, ids) {
		t.Errorf("listed %q", listed)
	}
	b.events.EventsFn = func(_ string, q views.EventQuery) (views.EventPage, error) {
		page := views.EventPage{Sequence: 3, Next: q.After + 1, Events: []views.Event{{
			Sequence: q.After + 1, ID: "x", Time: at, Data: json.RawMessage(`{"amount":5}`),
		}}}
		if page.Next == 3 {
			page.Next = 0
		}
		return page, nil
	}
	var sequences []int64
	for event, err := range c.History(t.Context(), "accounts", "alice", client.Events{Limit: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		sequences = append(sequences, event.Sequence)
	}
	if fmt.Sprint(sequences) != "[1 2 3]" {
		t.Errorf("events %v", sequences)
	}
	if _, err := c.EventPage(t.Context(), "accounts", "alice", client.Events{Limit: -1}); err != nil {
		t.Error(err)
	}
}

// What is for operators, and traces.
func TestClientOfOperators(t *testing.T) {
	_, c := served(t, everything)
	if ready, err := c.Ready(t.Context()); err != nil || !ready.Ready {
		t.Errorf("got %+v, %v", ready, err)
	}
	if _, err := c.Trace(t.Context(), "c-1"); !client.IsNotFound(err) {
		t.Errorf("got %v", err)
	}
	views, err := c.Views(t.Context())
	if err != nil || len(views.Views.Views) == 0 {
		t.Fatalf("got %+v, %v", views, err)
	}
	name := views.Views.Views[0].Name
	if view, err := c.RebuildView(t.Context(), name, "me", 1); err != nil || view.Name != name {
		t.Errorf("got %+v, %v", view, err)
	}
	if view, err := c.CancelViewRebuild(t.Context(), name); err != nil || view.Rebuild == nil {
		t.Errorf("got %+v, %v", view, err)
	}
	asked, err := c.AskRebuild(t.Context(), "accounts", true, "me")
	if err != nil || asked.By != "me" {
		t.Fatalf("got %+v, %v", asked, err)
	}
	if rebuild, err := c.Rebuild(t.Context(), asked.ID); err != nil || len(rebuild.Partitions) == 0 {
		t.Errorf("got %+v, %v", rebuild, err)
	}
	if all, err := c.Rebuilds(t.Context(), "accounts"); err != nil || len(all.Aggregates) != 1 {
		t.Errorf("got %+v, %v", all, err)
	}
	if ended, err := c.CancelRebuild(t.Context(), asked.ID, "me"); err != nil || ended.ID != asked.ID {
		t.Errorf("got %+v, %v", ended, err)
	}
}
