package live

import (
	"net/http"
	"slices"
	"strings"

	"refold/client"
	"refold/client/wire"
	"refold/console/frame"
)

// filter says which messages are meant; what is empty means all.
type filter struct{ aggregate, id, kind, typeName, code, correlation, where string }

// kindsOfMessages are those to choose from.
var kindsOfMessages = []string{
	string(wire.KindCommand), string(wire.KindEvent), string(wire.KindResult), string(wire.KindDeadLetter),
}

// filterOf reads the filter of a request. The error names a field that is wrong.
func (l *pages) filterOf(r *http.Request) (f filter, err error) {
	query := r.URL.Query()
	get := func(name string) string { return strings.TrimSpace(query.Get(name)) }
	f = filter{
		aggregate: get("aggregate"), id: query.Get("id"), kind: get("kind"), typeName: get("type"),
		code: get("code"), correlation: query.Get("correlation"), where: get("where"),
	}
	if f.aggregate != "" && l.byName[f.aggregate].Name == "" {
		return f, frame.Invalid("There is no aggregate " + f.aggregate + ".")
	}
	if f.kind != "" && !slices.Contains(kindsOfMessages, f.kind) {
		return f, frame.Invalid("There is no kind of messages " + f.kind + "; there are " +
			strings.Join(kindsOfMessages, ", ") + ".")
	}
	return f, nil
}

// listen is what the API is asked for. Code and expression are looked at here.
func (f filter) listen(after string) client.Listen {
	l := client.Listen{
		Aggregates: listed(f.aggregate), IDs: listed(f.id), Types: listed(f.typeName),
		CorrelationIDs: listed(f.correlation), After: after,
	}
	if f.kind != "" {
		l.Kinds = []wire.Kind{wire.Kind(f.kind)}
	} else if f.code != "" {
		l.Kinds = []wire.Kind{wire.KindResult}
	}
	return l
}

func listed(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}

// path leads to a page below the live one, with the filter and more pairs of name and value.
func (f filter) path(below string, pairs ...string) string {
	return frame.With(frame.Path("live")+below, append([]string{
		"aggregate", f.aggregate, "id", f.id, "kind", f.kind, "type", f.typeName, "code", f.code,
		"correlation", f.correlation, "where", f.where,
	}, pairs...)...)
}

// isEmpty reports whether everything is meant.
func (f filter) isEmpty() bool { return f == filter{} }
