package httpapi_test

import (
	"errors"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"refold/codecs"
	"refold/views"
	"refold/views/httpapi"
	"refold/views/livefeed"
)

// measured is a state with all that encoding/json has trouble with.
type measured struct {
	Value float64   `json:"value"`
	At    time.Time `json:"at"`
}

// A state that has no JSON, or none that is small enough, and a row that can't be decoded are marked;
// they hide neither themselves nor others.
func TestStatesThatCannotBeShown(t *testing.T) {
	rows := []views.Row{
		{ID: "nan", Sequence: 1, State: measured{Value: math.NaN()}},
		{ID: "infinite", Sequence: 2, State: measured{Value: math.Inf(-1)}},
		{ID: "late", Sequence: 3, State: measured{At: time.Date(12345, 1, 1, 0, 0, 0, 0, time.UTC)}},
		{ID: "large", Sequence: 4, State: strings.Repeat("x", 9<<20)},
		{ID: "function", Sequence: 5, State: func() {}},
		{ID: "damaged", Unreadable: &codecs.Malformed{
			Reason: codecs.ReasonUndecodable, Err: errors.New("half a string"),
		}},
		alice(6),
	}
	b := newBench(t, nil)
	b.rows.ListFn = func(string, int) (views.Page, error) { return views.Page{Rows: rows}, nil }
	b.rows.GetFn = func(id string) (views.Row, error) {
		for _, r := range rows {
			switch {
			case r.ID == id && r.Unreadable != nil:
				return r, r.Unreadable
			case r.ID == id:
				return r, nil
			}
		}
		return views.Row{}, views.ErrNotFound
	}
	a := b.ask(t, "GET", "/accounts", "")
	a.want(t, http.StatusOK)
	a.wantJSON(t, map[string]any{
		"items.0.state.value": "NaN", "items.1.state.value": "-Infinity",
		"items.2.state": nil, "items.2.sequence": 3, "items.2.unreadable.code": "no-json",
		"items.3.state": nil, "items.3.unreadable.code": "too-large",
		"items.4.state": nil, "items.4.unreadable.code": "no-json",
		"items.5.state": nil, "items.5.id": "damaged", "items.5.unreadable.code": "undecodable",
		"items.6.state.owner": "Alice", "items.6.unreadable": nil,
	})
	a = b.ask(t, "GET", "/accounts/nan", "")
	a.want(t, http.StatusOK)
	a.wantJSON(t, map[string]any{"state.value": "NaN"})
	a = b.ask(t, "GET", "/accounts/late", "")
	a.want(t, http.StatusOK)
	a.wantJSON(t, map[string]any{"state": nil, "sequence": 3, "unreadable.code": "no-json"})
	a = b.ask(t, "GET", "/accounts/damaged", "")
	a.want(t, http.StatusInternalServerError)
	a.wantJSON(t, map[string]any{"code": "row-unreadable"})
}

// A page of large states has fewer of them, and goes on behind.
func TestPagesHaveALimit(t *testing.T) {
	b := newBench(t, nil)
	b.rows.ListFn = func(string, int) (views.Page, error) {
		large := strings.Repeat("x", 7<<20)
		return views.Page{Rows: []views.Row{
			{ID: "a", Sequence: 1, State: large},
			{ID: "b", Sequence: 1, State: large},
			{ID: "c", Sequence: 1, State: large},
			{ID: "d", Sequence: 1, State: large},
		}}, nil
	}
	a := b.ask(t, "GET", "/accounts", "")
	a.want(t, http.StatusOK)
	items, _ := a.JSON["items"].([]any)
	if next, _ := a.JSON["next"].(string); len(items) != 3 || !strings.Contains(next, "after=c") {
		t.Errorf("%d items, next %s", len(items), next)
	}
}

// A message that has no JSON doesn't end the stream: its client would come again for it.
func TestMessagesThatCannotBeShown(t *testing.T) {
	feed := newFakeFeed()
	s := serve(t, func(o *httpapi.Options) { o.Live = feed.Listen })
	l := s.listen(t, "")
	l.want(t, "retry: 2000", "id: p0", "")
	feed.items <- livefeed.Item{Position: "p", Message: &livefeed.Message{
		Kind: livefeed.Event, Topic: "t", Offset: 7, Time: time.Date(12345, 1, 1, 0, 0, 0, 0, time.UTC),
	}}
	l.want(t, "event: event", "id: p", `data: {"kind":"event","topic":"t","partition":0,"offset":7,`+
		`"time":"0001-01-01T00:00:00Z","data":null,"undecodable":"time: it has no JSON: `+
		`Time.MarshalJSON: year outside of range [0,9999]"}`, "")
	feed.items <- event(8, 1)
	l.want(t, "event: event", "id: p8")
}
