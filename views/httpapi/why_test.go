package httpapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"refold/client"
	"refold/client/wire"
	"refold/views"
	"refold/views/httpapi"
)

// remembered is a server with an account of n events. Its owner changed with event 2, its balance with each
// event of a sequence that changes says.
func remembered(t *testing.T, n int64, changes func(sequence int64) bool) (*bench, *client.Client) {
	t.Helper()
	balances := make([]int64, n+1)
	for s := int64(1); s <= n; s++ {
		if balances[s] = balances[s-1]; changes(s) {
			balances[s] = s
		}
	}
	b, c := served(t, func(o *httpapi.Options) {
		o.Resources[0].Past = fakePast(func(m views.Moment) (views.PastRow, error) {
			last := m.Sequence
			if last == 0 {
				last = n
			}
			if n == 0 {
				return views.PastRow{}, views.ErrNotFound
			}
			if last > n {
				return views.PastRow{Row: alice(n)}, views.ErrNotYet
			}
			state := accountState{Owner: "Alice", Balance: balances[last]}
			if last >= 2 {
				state.Owner = "Alicia"
			}
			return views.PastRow{Row: views.Row{ID: "alice", Sequence: last, State: state}, Time: at}, nil
		})
	})
	b.events.EventsFn = func(_ string, q views.EventQuery) (views.EventPage, error) {
		return views.EventPage{Sequence: n, Events: []views.Event{{
			Type: "MoneyDeposited", Sequence: q.After + 1, Time: at, CausationID: "c-1", CorrelationID: "t-1",
			Data: json.RawMessage(`{"amount":1}`),
		}}}, nil
	}
	b.commands.CommandFn = func(key views.CommandKey) (views.Command, error) {
		if key.ID != "c-1" || key.Subject != "alice" {
			return views.Command{}, views.ErrNotFound
		}
		return views.Command{CommandKey: key, Type: "DepositMoney", Source: "billing"}, nil
	}
	return b, c
}

// The event that last set a field is found, be it the last one or far back, with what was before and who sent
// its command.
func TestWhy(t *testing.T) {
	_, c := remembered(t, 3000, func(s int64) bool { return s == 3 || s == 1200 || s == 2999 })
	for _, test := range []struct {
		sequence, event int64
		before          string
	}{{0, 2999, "1200"}, {2999, 2999, "1200"}, {2998, 1200, "3"}, {1199, 3, "0"}, {2, 1, ""}, {1, 1, ""}} {
		why, err := c.Why(t.Context(), "accounts", "alice",
			client.Why{Fields: []string{"balance", "owner"}, Sequence: test.sequence})
		if err != nil {
			t.Fatal(err)
		}
		got := why.Fields[0]
		if got.Field != "balance" || got.Event == nil || got.Event.Sequence != test.event ||
			string(got.Before) != test.before {
			t.Errorf("sequence %d: %s", test.sequence, why.Raw)
		}
		if got.Source != "billing" || got.CommandType != "DepositMoney" || got.Event.CorrelationID != "t-1" {
			t.Errorf("nobody sent it: %s", why.Raw)
		}
		if owner := why.Fields[1]; test.sequence != 1 &&
			(owner.Event.Sequence != 2 || string(owner.Before) != `"Alice"`) {
			t.Errorf("the owner: %+v", owner)
		}
	}
}

// Without a field, all of them are explained; one that nothing has set since is asked for further back.
func TestWhyLooksBackInSteps(t *testing.T) {
	b, c := remembered(t, 21_500, func(s int64) bool { return s == 21_400 })
	why, err := c.Why(t.Context(), "accounts", "alice", client.Why{})
	if err != nil || len(why.Fields) != 2 || why.Fields[0].Field != "owner" {
		t.Fatalf("got %+v, %v", why, err)
	}
	owner := why.Fields[0]
	for tries := 0; owner.Event == nil && tries < 100; tries++ {
		if owner.From < 2 {
			t.Fatalf("looked back from %d", owner.From)
		}
		why, err := c.Why(t.Context(), "accounts", "alice",
			client.Why{Fields: []string{"owner"}, Sequence: owner.From - 1})
		if err != nil {
			t.Fatal(err)
		}
		owner = why.Fields[0]
	}
	if owner.Event == nil || owner.Event.Sequence != 2 {
		t.Errorf("got %+v", owner)
	}
	// A command that is forgotten does not hide the event.
	b.commands.CommandFn = nil
	why, err = c.Why(t.Context(), "accounts", "alice", client.Why{Fields: []string{"balance"}})
	if err != nil || why.Fields[0].Source != "" || why.Fields[0].Event.Sequence != 21_400 {
		t.Errorf("got %+v, %v", why, err)
	}
}

func TestWhyProblems(t *testing.T) {
	b, c := remembered(t, 3, func(s int64) bool { return s == 3 })
	_, err := c.Why(t.Context(), "accounts", "alice", client.Why{Fields: []string{"saldo", "owner.name"}})
	if !client.HasCode(err, wire.CodeNoField) || !strings.Contains(err.Error(), "owner, balance") {
		t.Errorf("got %v", err)
	}
	_, err = c.Why(t.Context(), "accounts", "alice", client.Why{Fields: []string{"owner.name"}})
	if !client.HasCode(err, wire.CodeNoField) ||
		!strings.Contains(err.Error(), "owner, which has no fields") {
		t.Errorf("got %v", err)
	}
	for path, status := range map[string]int{
		"?field=a..b": http.StatusBadRequest, "?field=owner,": http.StatusBadRequest,
		"?field=owner&field=balance": http.StatusBadRequest, "?sequence=0": http.StatusBadRequest,
		"?field=" + strings.Repeat("owner,", 64) + "owner": http.StatusBadRequest,
		"?sequence=4":         http.StatusServiceUnavailable,
		"?field=[%22a,b%22]":  http.StatusNotFound,
		"?field=owner&after=": http.StatusBadRequest,
	} {
		b.ask(t, "GET", "/accounts/alice/why"+path, "").want(t, status)
	}
	b, _ = remembered(t, 0, func(int64) bool { return false })
	a := b.ask(t, "GET", "/accounts/alice/why", "")
	a.want(t, http.StatusNotFound)
	a.wantJSON(t, map[string]any{"code": "not-found", "detail": `there is no account "alice"`})
	newBench(t, func(o *httpapi.Options) {
		o.Resources[0].NoHistory, o.Resources[0].Events = true, nil
	}).ask(t, "GET", "/accounts/alice/why", "").want(t, http.StatusNotFound)
}
