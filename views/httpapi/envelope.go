package httpapi

import (
	"bytes"
	"encoding/json"

	"refold/client/wire"
	"refold/views/httpapi/endpoint"
	"refold/views/httpapi/problem"
)

// envelope is the body of a POST.
type envelope struct {
	Type string
	Data json.RawMessage
}

// readEnvelope reads {"type": …, "data": …}, and nothing else: each member once, in this spelling.
// (encoding/json would take the last of several, and TYPE for type.)
func readEnvelope(body []byte) (envelope, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return envelope{}, endpoint.MissingBody(endpoint.CommandForm)
	}
	var whole json.RawMessage
	if err := json.Unmarshal(body, &whole); err != nil {
		return envelope{}, endpoint.MalformedJSON(err, body)
	}
	if body = bytes.TrimSpace(body); body[0] != '{' {
		return envelope{}, invalidEnvelope(wire.Mistake{
			Path: "body", Allowed: "an object: " + endpoint.CommandForm, Found: string(body),
		})
	}
	members, mistakes, err := endpoint.ReadMembers(body, "type", "data")
	if err != nil {
		return envelope{}, endpoint.MalformedJSON(err, body)
	}
	e := envelope{Data: members["data"]}
	if text := members["type"]; len(text) == 0 || json.Unmarshal(text, &e.Type) != nil ||
		text[0] != '"' {
		mistakes = append(mistakes, wire.Mistake{
			Path: "body.type", Allowed: "the command's type, a string", Found: found(text),
		})
	}
	if len(e.Data) == 0 || e.Data[0] != '{' {
		mistakes = append(mistakes, wire.Mistake{
			Path: "body.data", Allowed: "the command's fields, an object", Found: found(e.Data),
		})
	}
	if len(mistakes) > 0 {
		return envelope{}, invalidEnvelope(mistakes...)
	}
	return e, nil
}

// found is a member's value in a mistake.
func found(value json.RawMessage) string {
	if len(value) == 0 {
		return "nothing"
	}
	return string(value)
}

func invalidEnvelope(mistakes ...wire.Mistake) *problem.Problem {
	return problem.WithMistakes(wire.CodeInvalidCommand, "the body doesn't fit "+endpoint.CommandForm,
		mistakes)
}
