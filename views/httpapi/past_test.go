package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"refold/views"
	"refold/views/httpapi"
)

// fakePast knows the past from a function.
type fakePast func(m views.Moment) (views.PastRow, error)

func (f fakePast) At(_ context.Context, _ string, m views.Moment) (views.PastRow, error) {
	return f(m)
}

func (f fakePast) Each(
	ctx context.Context, id string, first, last int64, fn func(views.PastRow) error,
) error {
	for n := first; n <= last; n++ {
		row, err := f.At(ctx, id, views.Moment{Sequence: n})
		if err != nil {
			return err
		}
		row.Sequence = n
		if err := fn(row); err != nil {
			return err
		}
	}
	return nil
}

func TestPast(t *testing.T) {
	when := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		query  string
		err    error
		asked  string
		status int
		want   map[string]any
	}{
		{"sequence=2", nil, "2 0001-01-01T00:00:00Z", 200, map[string]any{
			"sequence": 2, "state.balance": 20, "time": "2026-01-31T12:00:00Z",
		}},
		{"time=2026-01-31T23:59:59.5Z", nil, "0 2026-01-31T23:59:59.5Z", 200, nil},
		{"time=2026-01-31T23:59:59%2B01:00", nil, "0 2026-01-31T22:59:59Z", 200, nil},
		{"sequence=2", views.ErrNotFound, "2 0001-01-01T00:00:00Z", 404, map[string]any{
			"code": "not-found", "detail": `there was no account "alice" then`,
		}},
		{"sequence=9", views.ErrNotYet, "9 0001-01-01T00:00:00Z", 503, map[string]any{
			"code": "not-yet",
		}},
		{
			"sequence=9", fmt.Errorf("%w: event 3", views.ErrUnfoldable), "9 0001-01-01T00:00:00Z", 500,
			map[string]any{
				"code": "history-unfoldable", "detail": "the history can't be folded: event 3",
			},
		},
		{"sequence=9", views.ErrNoHistory, "9 0001-01-01T00:00:00Z", 503, nil},
		{"sequence=1&time=2026-01-31T23:59:59Z", nil, "", 400, map[string]any{
			"errors.0.path": "query.time", "errors.0.allowed": "either sequence or time",
		}},
		{"sequence=0", nil, "", 400, map[string]any{"errors.0.path": "query.sequence"}},
		{"sequence=", nil, "", 400, map[string]any{"errors.0.path": "query.sequence"}},
		{"sequence=02", nil, "", 400, map[string]any{"errors.0.path": "query.sequence"}},
		{"time=yesterday", nil, "", 400, map[string]any{"errors.0.path": "query.time"}},
		{"time=2026-01-31T23:59:59+01:00", nil, "", 400, map[string]any{"errors.0.path": "query.time"}},
		{"time=", nil, "", 400, map[string]any{"errors.0.path": "query.time"}},
		{"sequence=1&atLeast=1", nil, "", 400, map[string]any{"errors.0.path": "query.atLeast"}},
	} {
		t.Run(test.query, func(t *testing.T) {
			asked := ""
			b := newBench(t, func(o *httpapi.Options) {
				o.Resources[0].Past = fakePast(func(m views.Moment) (views.PastRow, error) {
					asked = fmt.Sprint(m.Sequence, " ", m.Time.UTC().Format(time.RFC3339Nano))
					if test.err != nil {
						return views.PastRow{}, test.err
					}
					return views.PastRow{Row: alice(2), Time: when}, nil
				})
			})
			a := b.ask(t, "GET", "/accounts/alice?"+test.query, "")
			a.want(t, test.status)
			if test.want != nil {
				a.wantJSON(t, test.want)
			}
			if asked != test.asked {
				t.Errorf("asked for %s", asked)
			}
			if test.status == http.StatusOK {
				a.want(t, test.status)
				b.ask(t, "GET", "/accounts/alice?"+test.query, "", "If-None-Match: "+a.tag(t, 2)).want(t, 304)
			}
		})
	}
	b := newBench(t, nil) // knows no past
	b.rows.GetFn = func(string) (views.Row, error) { return views.Row{}, errors.New("asked") }
	b.ask(t, "GET", "/accounts/alice?sequence=1", "").want(t, http.StatusBadRequest)
}
