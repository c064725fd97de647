package httpapi

import (
	"bytes"
	"errors"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"refold/codecs/jsonvalue"
)

// envelope is the body of a POST.
type envelope struct {
	Type string
	Data jsonvalue.Text
}

// envelopeForm shows the form of a body in errors.
const envelopeForm = `{"type": …, "data": {…}}`

// requireJSON refuses bodies whose Content-Type is not JSON, such as a form, which is curl's default and
// would be understood by chance only. It is a huma middleware, since huma's own check of the Content-Type
// gives worse errors.
func requireJSON(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	refuse := func(format string, args ...any) {
		writeProblem(w, problem(http.StatusUnsupportedMediaType, codeMediaType, format, args...))
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
			cut(given))
	case encoding != "" && !strings.EqualFold(encoding, "identity"):
		refuse("the body must come as it is, without Content-Encoding, not %q", cut(encoding))
	default:
		r.Header.Set("Content-Type", mediaJSON) // huma compares bytes
		next(ctx)
	}
}

// missingBody is the problem of a POST without a body.
func missingBody() *Problem {
	return problem(http.StatusBadRequest, codeMalformedJSON,
		"the body is missing; it looks like %s", envelopeForm)
}

// readEnvelope reads {"type": …, "data": …}, and nothing else: each member once, in this spelling.
func readEnvelope(body []byte) (envelope, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return envelope{}, missingBody()
	}
	text, err := jsonvalue.Parse(body, len(body))
	if err != nil {
		return envelope{}, malformedJSON(err)
	}
	if text.Kind() != '{' {
		return envelope{}, invalidEnvelope(mistake{
			Path: "body", Allowed: "an object: " + envelopeForm, Found: string(bytes.TrimSpace(body)),
		})
	}
	members, mistakes := readMembers(text, "type", "data")
	e := envelope{Data: members["data"]}
	var isString bool
	if e.Type, isString = members["type"].Unquoted(); !isString {
		mistakes = append(mistakes, mistake{
			Path: "body.type", Allowed: "the command's type, a string", Found: found(members["type"]),
		})
	}
	if e.Data.Kind() != '{' {
		mistakes = append(mistakes, mistake{
			Path: "body.data", Allowed: "the command's fields, an object", Found: found(e.Data),
		})
	}
	if len(mistakes) > 0 {
		return envelope{}, invalidEnvelope(mistakes...)
	}
	return e, nil
}

// readMembers returns the known members of an object, and a mistake for each other one, and for each that
// comes again.
func readMembers(object jsonvalue.Text, known ...string) (map[string]jsonvalue.Text, []mistake) {
	members := make(map[string]jsonvalue.Text, 2)
	var mistakes []mistake
	for name, value := range object.Members() {
		wrong := mistake{Path: "body." + name}
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

// found is a member's value in a mistake.
func found(value jsonvalue.Text) string {
	if value.Kind() == 0 {
		return "nothing"
	}
	return string(value.Bytes())
}

func invalidEnvelope(mistakes ...mistake) *Problem {
	return withMistakes(codeInvalidCommand, "the body doesn't fit "+envelopeForm, mistakes)
}

// malformedJSON is the problem of a body that is no JSON. It gives the place, if there is one.
func malformedJSON(err error) *Problem {
	syntax, is := errors.AsType[*jsonvalue.SyntaxError](err)
	if !is || syntax.Line == 0 {
		return problem(http.StatusBadRequest, codeMalformedJSON, "the body is no JSON").because(err)
	}
	return problem(http.StatusBadRequest, codeMalformedJSON,
		"the body is no JSON: %s (line %d, column %d)", syntax.Found, syntax.Line, syntax.Column)
}
