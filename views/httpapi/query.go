package httpapi

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"refold/codecs/jsonvalue"
)

// checkQuery is a huma middleware that refuses query parameters other than those described, and
// those that come twice or, if they are numbers, empty. Who misspells atLeast would else read a
// state that is too old, and never know.
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
			writeProblem(w, invalid(mistakes...))
			return
		}
		next(ctx)
	}
}

func queryMistakes(raw string, known map[string]*huma.Param, allowed string) []mistake {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return []mistake{{Path: "query", Allowed: "name=value&…, percent-encoded", Found: raw}}
	}
	var mistakes []mistake
	for _, name := range slices.Sorted(maps.Keys(query)) {
		values := query[name]
		wrong := mistake{Path: "query." + name, Found: values[0]}
		switch p := known[name]; {
		case p == nil:
			wrong.Allowed = allowed
		case len(values) > 1:
			wrong.Allowed, wrong.Found = "one value", strings.Join(values, " and ")
		case values[0] == "" && p.Schema.Type == huma.TypeInteger:
			wrong.Allowed, wrong.Found = "a whole number, or no parameter", "nothing"
		case values[0] == "" && len(p.Schema.Enum) > 0:
			wrong.Allowed, wrong.Found = "one of "+listed(p.Schema.Enum)+", or no parameter", "nothing"
		case values[0] == "" && p.Schema.Format == formatTime:
			wrong.Allowed, wrong.Found = timeAllowed+", or no parameter", "nothing"
		default:
			continue
		}
		mistakes = append(mistakes, wrong)
	}
	return mistakes
}

// queryNumber reads a whole number from 0, also as 3.0 or 3e0: that is what a JSON schema calls an integer.
func queryNumber(text string) (int64, bool) {
	n, ok := jsonvalue.ParseInteger(text, 64)
	return n, ok && n >= 0
}

func listed(values []any) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = fmt.Sprint(v)
	}
	return strings.Join(texts, ", ")
}
