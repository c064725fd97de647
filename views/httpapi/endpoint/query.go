package endpoint

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"refold/client/wire"
	"refold/views/httpapi/problem"
)

const (
	// FormatTime is the format of times in schemas.
	FormatTime = "date-time"
	// TimeAllowed says what they look like.
	TimeAllowed = "a time of RFC 3339, such as 2026-01-31T23:59:59Z (a + in it is %2B)"
)

// checkQuery is a huma middleware that refuses query parameters other than those described, and
// those that come twice or, if they are numbers, empty. Otherwise a client that misspells atLeast would read
// a state that is too old, and never know.
func checkQuery(parameters []*huma.Param) func(huma.Context, func(huma.Context)) {
	known := make(map[string]*huma.Param)
	for _, p := range parameters {
		if p.In == "query" {
			known[p.Name] = p
		}
	}
	allowed := "no parameters here"
	if len(known) > 0 {
		allowed = "no other parameters than " +
			strings.Join(slices.Sorted(maps.Keys(known)), " and ")
	}
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		if r.URL.RawQuery == "" {
			next(ctx)
			return
		}
		if mistakes := queryMistakes(r.URL.RawQuery, known, allowed); len(mistakes) > 0 {
			problem.Write(w, problem.Invalid(mistakes...))
			return
		}
		next(ctx)
	}
}

func queryMistakes(raw string, known map[string]*huma.Param, allowed string) []wire.Mistake {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return []wire.Mistake{{Path: "query", Allowed: "name=value&…, percent-encoded", Found: raw}}
	}
	var mistakes []wire.Mistake
	for _, name := range slices.Sorted(maps.Keys(query)) {
		values := query[name]
		wrong := wire.Mistake{Path: "query." + name, Found: values[0]}
		switch p := known[name]; {
		case p == nil:
			wrong.Allowed = allowed
		case len(values) > 1:
			wrong.Allowed, wrong.Found = "one value", strings.Join(values, " and ")
		case values[0] == "" && p.Schema.Type == huma.TypeInteger:
			wrong.Allowed, wrong.Found = "a whole number, or no parameter", "nothing"
		case values[0] == "" && len(p.Schema.Enum) > 0:
			wrong.Allowed, wrong.Found = "one of "+listed(p.Schema.Enum)+", or no parameter", "nothing"
		case values[0] == "" && p.Schema.Format == FormatTime:
			wrong.Allowed, wrong.Found = TimeAllowed+", or no parameter", "nothing"
		case values[0] == "" && p.Schema.MinLength != nil:
			wrong.Allowed, wrong.Found = "a text, or no parameter", "nothing"
		default:
			continue
		}
		mistakes = append(mistakes, wrong)
	}
	return mistakes
}

func listed(values []any) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = fmt.Sprint(v)
	}
	return strings.Join(texts, ", ")
}
