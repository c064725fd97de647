package endpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"refold/client/wire"
	"refold/views/httpapi/problem"
)

// JSONBody describes the body of a request.
func JSONBody(media *huma.MediaType) *huma.RequestBody {
	return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{mediaJSON: media}}
}

// NotPlainJSON describes 415 of requests with a body.
const NotPlainJSON = "The body isn't plain JSON by its Content-Type and Content-Encoding."

// requireJSON refuses bodies that don't say that they are JSON: a form, which is what curl sends
// unasked, would be understood by chance only. It is a huma middleware, since huma looks at the
// Content-Type itself, and less kindly.
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

// ReadMembers returns the members of a valid object that are known, and what is wrong with the names of
// others.
func ReadMembers(body []byte, known ...string) (map[string]json.RawMessage, []wire.Mistake, error) {
	members := make(map[string]json.RawMessage, 2)
	var mistakes []wire.Mistake
	decoder := json.NewDecoder(bytes.NewReader(body))
	if _, err := decoder.Token(); err != nil { // {
		return nil, nil, fmt.Errorf("read the object: %w", err)
	}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, nil, fmt.Errorf("read a member's name: %w", err)
		}
		name, _ := token.(string)
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, nil, fmt.Errorf("read the member %q: %w", name, err)
		}
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
	return members, mistakes, nil
}

// MalformedJSON says where the JSON is wrong.
func MalformedJSON(err error, body []byte) *problem.Problem {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return problem.New(http.StatusBadRequest, wire.CodeMalformedJSON, "the body is no JSON").Because(err)
	}
	before := body[:min(int(syntax.Offset), len(body))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - (bytes.LastIndexByte(before, '\n') + 1)
	return problem.New(http.StatusBadRequest, wire.CodeMalformedJSON,
		"the body is no JSON: %v (line %d, column %d)", err, line, column)
}
