package frame_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"refold/console/frame"
)

// trail remembers in memory; it can fail.
type trail struct {
	said       []string
	begin, end error
}

func (t *trail) Begin(_ context.Context, d frame.Deed) (
	func(context.Context, frame.Deed, int, string) error, error,
) {
	if t.begin != nil {
		return nil, t.begin
	}
	t.said = append(t.said, fmt.Sprintf("begun %s on %s by %s with %v", d.What, d.On, d.User, d.Parameters))
	return func(_ context.Context, d frame.Deed, status int, words string) error {
		said := fmt.Sprintf("%d on %s at %s %s", status, d.On, d.Path, words)
		t.said = append(t.said, strings.TrimSpace(said))
		return t.end
	}, nil
}

func TestTrailOfWhatIsDone(t *testing.T) {
	remembered := &trail{}
	done, recorded := 0, false
	site, err := frame.New(frame.Options{
		Access: frame.Configured{Allow: []frame.Right{frame.Operate}, UserHeader: "X-User"},
		Logger: slog.New(slog.DiscardHandler), Trail: remembered,
	}, func(s *frame.Site) {
		s.Handle("POST /console/things/{id}/turn", frame.Operate,
			func(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
				done++
				recorded = frame.Recorded(r.Context())
				switch r.PostForm.Get("way") {
				case "wrong":
					return frame.Invalid("It turns left or right.")
				case "both":
					p.Concerns("two things", "/console/things?two")
				}
				return p.Back(w, r, "/console/things/x")
			})
		s.Handle("POST /console/commands", frame.Command,
			func(http.ResponseWriter, *http.Request, *frame.Page) error { return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	post := func(path, way string) int {
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(url.Values{"way": {way}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("X-User", "alice")
		w := httptest.NewRecorder()
		site.ServeHTTP(w, r)
		return w.Code
	}
	if got := post("/console/things/a%2Fb/turn", "left"); got != http.StatusSeeOther || !recorded {
		t.Errorf("the status is %d; recorded: %v", got, recorded)
	}
	post("/console/things/x/turn", "wrong")
	post("/console/things/x/turn", "both")
	post("/console/commands", "forbidden")
	post("/console/preferences", "theme")
	want := []string{
		"begun things/turn on things/a/b by alice with map[way:left]",
		"303 on things/a/b at /console/things/a%2Fb",
		"begun things/turn on things/x by alice with map[way:wrong]",
		"400 on things/x at /console/things/x The request is not valid: It turns left or right.",
		"begun things/turn on things/x by alice with map[way:both]",
		"303 on two things at /console/things?two",
	}
	if got := strings.Join(remembered.said, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("remembered is\n%s", got)
	}
	remembered.begin = errors.New("away")
	if got := post("/console/things/x/turn", "left"); got != http.StatusServiceUnavailable || done != 3 {
		t.Errorf("without a record the status is %d, and %d were done", got, done)
	}
	remembered.begin, remembered.end = nil, errors.New("away")
	if got := post("/console/things/x/turn", "left"); got != http.StatusInternalServerError || done != 4 {
		t.Errorf("without a record of the end the status is %d", got)
	}
}
