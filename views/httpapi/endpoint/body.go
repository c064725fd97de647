package endpoint

import (
	"errors"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"refold/client/wire"
	"refold/codecs/jsonvalue"
	"refold/views/httpapi/problem"
)

// JSONBody describes the body of a request.
func JSONBody(media *huma.MediaType) *huma.RequestBody {
	return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{mediaJSON: media}}
}

// NotPlainJSON describes 415 of requests with a body.
const NotPlainJSON = "The body isn't plain JSON by its Content-Type and Content-Encoding."

// requireJSON refuses bodies whose Content-Type is not JSON, such as a form, which is curl's default and
// would be understood by chance only. It is a huma middleware, since huma's own check of the Content-Type
// gives worse errors.
func requireJSON(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	refuse := func(format string, args ...any) {
		problem.Write(w, problem.New(http.StatusUnsupportedMediaType, wire.CodeMediaType, format, args...))
	}
	given := r.Header.Get("Content-Type")
	media, parameters, err := mime.ParseMediaType(given)
	charset := strings.ToLower(parameters["charset"])
	encoding := r.Header.Get("Content-Encoding")
	switch {
	case strings.TrimSpace(given) == "":
		refuse("the body must say that it is JSON with Content-Type: application/json")
	case err != nil || media != mediaJSON || charset != "" && charset != "utf-8":
		refuse("the body must be JSON in UTF-8 and say so with Content-Type: application/json, not %q",
			problem.Cut(given))
	case encoding != "" && !strings.EqualFold(encoding, "identity"):
		refuse("the body must come as it is, without Content-Encoding, not %q", problem.Cut(encoding))
	default:
		r.Header.Set("Content-Type", mediaJSON) // huma compares bytes
		next(ctx)
	}
}

// MissingBody is the problem of a request without a body; form is what it looks like.
func MissingBody(form string) *problem.Problem {
	return problem.New(http.StatusBadRequest, wire.CodeMalformedJSON,
		"the body is missing; it looks like %s", form)
}

// CommandForm is what the body of a request that sends a command looks like.
const CommandForm = `{"type": …, "data": {…}}`

// ReadMembers returns the known members of an object, and a mistake for each other one, and for each that
// comes again.
func ReadMembers(object jsonvalue.Text, known ...string) (map[string]jsonvalue.Text, []wire.Mistake) {
	members := make(map[string]jsonvalue.Text, 2)
	var mistakes []wire.Mistake
	for name, value := range object.Members() {
		wrong := wire.Mistake{Path: "body." + name}
		switch _, twice := members[name]; {
		case !slices.Contains(known, name):
			wrong.Allowed = "the members " + strings.Join(known, " and ") + ", no others"
			wrong.Found = "an unknown member"
		case twice:
			wrong.Allowed, wrong.Found = "each member once", "the member again"
		default:
			members[name] = value
			continue
		}
		mistakes = append(mistakes, wrong)
	}
	return members, mistakes
}

// MalformedJSON is the problem of a body that is no JSON. It gives the place, if there is one.
func MalformedJSON(err error) *problem.Problem {
	syntax, is := errors.AsType[*jsonvalue.SyntaxError](err)
	if !is || syntax.Line == 0 {
		return problem.New(http.StatusBadRequest, wire.CodeMalformedJSON, "the body is no JSON").Because(err)
	}
	return problem.New(http.StatusBadRequest, wire.CodeMalformedJSON,
		"the body is no JSON: %s (line %d, column %d)", syntax.Found, syntax.Line, syntax.Column)
}
