package httpapi_test

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"refold/client/wire"
	"refold/codecs"
	"refold/views"
	"refold/views/httpapi"
)

// anyID is an ID as a record can have it: any bytes, up to the greatest length.
func anyID(longest int) *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{
			".", "..", "/", "//", "%", "%2F", "?", "#", "a b", "+", "&", ";", "a,b", "é", "\u2028", "\x00",
			"\xff", "\xc3\x28", "commands", "events", "a/../b", `"`, "\\", "\r\n", "a/1", "%zz", ":", "@",
			strings.Repeat("\xff", longest), strings.Repeat("/", longest), strings.Repeat("a", longest),
		}),
		rapid.StringN(1, 40, longest),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 1, 40), func(b []byte) string { return string(b) }),
	)
}

// world are aggregates with one command each.
type world map[string]views.CommandKey // by ID

// serve lets the fakes know the world.
func (w world) serve(b *bench) {
	row := func(id string) (views.Row, error) {
		if _, known := w[id]; !known {
			return views.Row{}, views.ErrNotFound
		}
		return views.Row{ID: id, Sequence: 3}, nil
	}
	b.rows.GetFn = row
	b.rows.WaitForFn = func(_ context.Context, id string, _ int64) (views.Row, error) { return row(id) }
	b.rows.ListFn = func(after string, limit int) (page views.Page, err error) {
		for _, id := range slices.Sorted(maps.Keys(w)) {
			if id <= after && after != "" {
				continue
			}
			if len(page.Rows) == limit {
				page.Next = page.Rows[limit-1].ID
				break
			}
			page.Rows = append(page.Rows, views.Row{ID: id, Sequence: 3})
		}
		return page, nil
	}
	b.events.EventsFn = func(id string, q views.EventQuery) (page views.EventPage, err error) {
		if _, err := row(id); err != nil {
			return page, err
		}
		page.Sequence = 3
		if q.After < 3 {
			page.Events = []views.Event{{ID: id, Sequence: q.After + 1}}
		}
		if q.After < 2 {
			page.Next = q.After + 1
		}
		return page, nil
	}
	command := func(key views.CommandKey) views.Command {
		return views.Command{CommandKey: key, Status: views.Accepted, FirstSequence: 3, LastSequence: 3}
	}
	b.commands.CommandFn = func(key views.CommandKey) (views.Command, error) {
		if w[key.Subject] != key {
			return views.Command{}, views.ErrNotFound
		}
		return command(key), nil
	}
	b.commands.CommandsOfFn = func(id string) (found views.Namesakes, err error) {
		for _, subject := range slices.Sorted(maps.Keys(w)) {
			if w[subject].ID == id {
				found.Commands = append(found.Commands, command(w[subject]))
			}
		}
		if len(found.Commands) == 0 {
			return found, views.ErrNotFound
		}
		return found, nil
	}
}

// linksIn are all the addresses in a body, wherever they are.
func linksIn(body any) (found []string) {
	switch v := body.(type) {
	case map[string]any:
		for name, member := range v {
			if text, is := member.(string); is && (name == "self" || name == "next" || name == "subject") &&
				strings.HasPrefix(text, "/accounts") {
				found = append(found, text)
			}
			found = append(found, linksIn(member)...)
		}
	case []any:
		for _, member := range v {
			found = append(found, linksIn(member)...)
		}
	}
	return found
}

// Each link and token of each answer leads to an answer, whatever the IDs are; and by next a reader comes
// to each aggregate once.
func TestLinks(t *testing.T) {
	const longest = views.MaxIDBytes
	rapid.Check(t, func(rt *rapid.T) {
		w := make(world)
		for _, id := range rapid.SliceOfN(anyID(longest), 1, 8).Draw(rt, "IDs") {
			w[id] = views.CommandKey{
				Aggregate: "account", Subject: id, ID: anyID(codecs.MaxHeaderBytes).Draw(rt, "command"),
			}
		}
		b := newBench(t, func(o *httpapi.Options) { o.Limits.HeaderBytes = httpapi.LinkBytes + 256 })
		w.serve(b)
		get := func(path string) map[string]any {
			// A link must be one as it stands, without any mending by a client's library.
			if strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r > '~' || r == '#' }) {
				rt.Fatalf("the link %q is not escaped", path)
			}
			r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
			answer := httptest.NewRecorder()
			b.server.Handler().ServeHTTP(answer, r)
			if answer.Code != http.StatusOK && answer.Code != http.StatusMultipleChoices {
				rt.Fatalf("GET %s: %d %s", path, answer.Code, answer.Body)
			}
			var body map[string]any
			if err := json.Unmarshal(answer.Body.Bytes(), &body); err != nil {
				rt.Fatalf("GET %s: %v", path, err)
			}
			return body
		}
		seen := map[string]bool{}
		open := []string{"/accounts?limit=2"}
		for id, command := range w {
			path := "/accounts/" + wire.Segment(id)
			open = append(open, path, path+"/events?limit=1", path+"/commands/"+wire.Segment(command.ID),
				"/commands/"+wire.Segment(command.ID))
		}
		listed := 0
		for len(open) > 0 {
			path := open[0]
			if open = open[1:]; seen[path] {
				continue
			}
			seen[path] = true
			body := get(path)
			if items, is := body["items"].([]any); is && strings.HasPrefix(path, "/accounts?") {
				listed += len(items)
			}
			open = append(open, linksIn(body)...)
		}
		if listed != len(w) {
			rt.Fatalf("%d aggregates were listed of %d", listed, len(w))
		}
	})
}
