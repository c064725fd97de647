package codecs_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"refold/codecs"
)

// A registry that goes on refusing one ID, or failing to answer for it, while it answers for others says
// something about that ID, after a time that is set: its records are poison. One that answers for nothing
// says something about us: however long that lasts, no record is poison. Before the time is over, and when
// the right comes back, it is as if nothing had been.
func TestOneIDIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		all    bool
		after  time.Duration
		want   error
	}{
		"forbidden, the ID alone":               {403, false, time.Millisecond, codecs.ErrSchemaRefused},
		"unauthorized, the ID alone":            {401, false, time.Millisecond, codecs.ErrSchemaRefused},
		"gone, the ID alone":                    {410, false, time.Millisecond, codecs.ErrSchemaRefused},
		"unprocessable, the ID alone":           {422, false, time.Millisecond, codecs.ErrSchemaRefused},
		"fails, the ID alone":                   {500, false, time.Millisecond, codecs.ErrSchemaRefused},
		"forbidden, the ID alone, not for long": {403, false, time.Hour, codecs.ErrRegistryUnavailable},
		"forbidden, the ID alone, for ever":     {403, false, -1, codecs.ErrRegistryUnavailable},
		"forbidden, all":                        {403, true, time.Millisecond, codecs.ErrRegistryUnavailable},
		"unauthorized, all":                     {401, true, time.Millisecond, codecs.ErrRegistryUnavailable},
		"fails, all":                            {503, true, time.Millisecond, codecs.ErrRegistryUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			s := server(t)
			r := client(t, s.URL(), func(s *codecs.RegistrySettings) { s.RefusedAfter = test.after })
			set(t, r, codecs.Record[Closed](closedSchema)) // so that there is another ID
			id := register(t, s, "bank.Other", strings.Replace(closedSchema, "Closed", "Other", 1))
			var refusing atomic.Bool
			refusing.Store(true)
			s.Intercept(func(w http.ResponseWriter, q *http.Request) bool {
				mine := strings.HasPrefix(q.URL.Path, fmt.Sprintf("/schemas/ids/%d", id))
				if !refusing.Load() || !test.all && !mine {
					return false
				}
				http.Error(w, `{"error_code": 40301}`, test.status)
				return true
			})
			poison := errors.Is(test.want, codecs.ErrSchemaRefused)
			_, err := r.Schema(t.Context(), id)
			for range 20 { // each of which takes longer than the shortest limit
				if _, err = r.Schema(t.Context(), id); poison && errors.Is(err, test.want) {
					break
				}
				<-time.After(time.Millisecond)
			}
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if fault := errors.Is(err, codecs.ErrRegistryUnavailable); fault == poison {
				t.Errorf("a fault: %v, poison: %v", fault, poison)
			}
			refusing.Store(false)
			again := client(t, s.URL())
			if !poison { // else it is believed for a while
				again = r
			}
			if _, err := again.Schema(t.Context(), id); err != nil {
				t.Errorf("the right came back: %v", err)
			}
		})
	}
}
