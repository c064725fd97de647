package aggregates

import (
	"net/http"
	"net/url"
	"strings"

	"refold/client"
	"refold/codecs/jsondiff"
	"refold/console/frame"
	"refold/console/values"
)

// listRows is how many aggregates a page has: what one looks through before one filters.
const listRows = 50

// listed is a page of aggregates.
type listed struct {
	rows         []listedRow
	prefix, next string
	first        bool // it begins at the first one
}

type listedRow struct {
	id, path string
	sequence int64
	summary  []summaryField
	wrong    string // why there is no state
}

type summaryField struct{ name, text string }

// list answers GET /console/accounts?prefix=&after=.
func (k *pages) list(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	query := r.URL.Query()
	if id := query.Get("new"); id != "" {
		return p.Back(w, r, frame.Path(k.Plural, id)+"/send")
	}
	prefix, after := query.Get("prefix"), query.Get("after")
	page := listed{prefix: prefix, first: after == ""}
	begin := after
	if after == "" && prefix != "" {
		// The list is of IDs behind one: the one that is the prefix itself is looked up.
		row, err := k.api.Get(r.Context(), k.Plural, prefix, client.Get{})
		switch {
		case err == nil:
			page.rows = append(page.rows, k.listed(row))
		case !client.IsNotFound(err):
			return err //nolint:wrapcheck // it becomes a page
		}
		begin = prefix
	}
	for row, err := range k.api.List(r.Context(), k.Plural, begin) {
		if err != nil {
			return err
		}
		if !strings.HasPrefix(row.ID, prefix) {
			break
		}
		if len(page.rows) == listRows {
			page.next = frame.With(frame.Path(k.Plural), "prefix", prefix,
				"after", page.rows[listRows-1].id)
			break
		}
		page.rows = append(page.rows, k.listed(row))
	}
	return p.Show(w, r, title(k.Plural), list(p, k, page))
}

func (k *pages) listed(row *client.Row) listedRow {
	out := listedRow{id: row.ID, path: frame.Path(k.Plural, row.ID), sequence: row.Sequence}
	if row.Links != nil && strings.HasPrefix(row.Links.Self, "/") {
		// Not every ID fits into JSON as it is; the path has it whole.
		out.path = frame.Root + row.Links.Self
		if segment := out.path[strings.LastIndexByte(out.path, '/')+1:]; segment != "" {
			if id, err := url.PathUnescape(segment); err == nil {
				out.id = id
			}
		}
	}
	if row.Unreadable != nil {
		out.wrong = row.Unreadable.Detail
		return out
	}
	out.summary = summary(values.Parse(row.State), k.Money)
	return out
}

// maxSummary is how many fields of a state are shown in a list.
const maxSummary = 4

// summary is the first fields of a state that say something.
func summary(state *jsondiff.Value, money map[string]string) (found []summaryField) {
	for _, m := range state.Members {
		if len(found) == maxSummary {
			break
		}
		if m.Value.IsLeaf() && m.Value.Text != "" && m.Value.Kind != jsondiff.Null {
			path := jsondiff.Path{}.Named(m.Name)
			text := values.Short(m.Value, path, state, money)
			if m.Value.Kind == jsondiff.Text {
				text = strings.Trim(text, `"`)
			}
			found = append(found, summaryField{m.Name, text})
		}
	}
	return found
}

// title begins a word with a capital letter.
func title(word string) string {
	if word == "" {
		return ""
	}
	return strings.ToUpper(word[:1]) + word[1:]
}
