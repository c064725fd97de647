package httpapi

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
)

// envelope is the body of a POST.
type envelope struct {
	Type string
	Data json.RawMessage
}

// envelopeForm is what a body looks like.
const envelopeForm = `{"type": …, "data": {…}}`

// requireJSON refuses bodies that don't say that they are JSON: a form, which is what curl sends
// unasked, would be understood by chance only. It is a huma middleware, since huma looks at the
// Content-Type itself, and less kindly.
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
// (encoding/json would take the last of several, and TYPE for type.)
func readEnvelope(body []byte) (envelope, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return envelope{}, missingBody()
	}
	var whole json.RawMessage
	if err := json.Unmarshal(body, &whole); err != nil {
		return envelope{}, malformedJSON(err, body)
	}
	if body = bytes.TrimSpace(body); body[0] != '{' {
		return envelope{}, invalidEnvelope(mistake{
			Path: "body", Allowed: "an object: " + envelopeForm, Found: string(body),
		})
	}
	members, mistakes, err := readMembers(body, "type", "data")
	if err != nil {
		return envelope{}, malformedJSON(err, body)
	}
	e := envelope{Data: members["data"]}
	if text := members["type"]; len(text) == 0 || json.Unmarshal(text, &e.Type) != nil ||
		text[0] != '"' {
		mistakes = append(mistakes, mistake{
			Path: "body.type", Allowed: "the command's type, a string", Found: found(text),
		})
	}
	if len(e.Data) == 0 || e.Data[0] != '{' {
		mistakes = append(mistakes, mistake{
			Path: "body.data", Allowed: "the command's fields, an object", Found: found(e.Data),
		})
	}
	if len(mistakes) > 0 {
		return envelope{}, invalidEnvelope(mistakes...)
	}
	return e, nil
}

// readMembers returns the members of a valid object that are known, and what is wrong with the names of
// others.
func readMembers(body []byte, known ...string) (map[string]json.RawMessage, []mistake, error) {
	members := make(map[string]json.RawMessage, 2)
	var mistakes []mistake
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
	return members, mistakes, nil
}

// found is a member's value in a mistake.
func found(value json.RawMessage) string {
	if len(value) == 0 {
		return "nothing"
	}
	return string(value)
}

func invalidEnvelope(mistakes ...mistake) *Problem {
	return withMistakes(codeInvalidCommand, "the body doesn't fit "+envelopeForm, mistakes)
}

// malformedJSON says where the JSON is wrong.
func malformedJSON(err error, body []byte) *Problem {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return problem(http.StatusBadRequest, codeMalformedJSON, "the body is no JSON").because(err)
	}
	before := body[:min(int(syntax.Offset), len(body))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - (bytes.LastIndexByte(before, '\n') + 1)
	return problem(http.StatusBadRequest, codeMalformedJSON,
		"the body is no JSON: %v (line %d, column %d)", err, line, column)
}
