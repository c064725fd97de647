package httpapi

import (
	"bytes"

	"refold/client/wire"
	"refold/codecs/jsonvalue"
	"refold/views/httpapi/endpoint"
	"refold/views/httpapi/problem"
)

// envelope is the body of a POST.
type envelope struct {
	Type string
	Data jsonvalue.Text
}

// readEnvelope reads {"type": …, "data": …}, and nothing else: each member once, in this spelling.
func readEnvelope(body []byte) (envelope, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return envelope{}, endpoint.MissingBody(endpoint.CommandForm)
	}
	text, err := jsonvalue.Parse(body, len(body))
	if err != nil {
		return envelope{}, endpoint.MalformedJSON(err)
	}
	if text.Kind() != '{' {
		return envelope{}, invalidEnvelope(wire.Mistake{
			Path: "body", Allowed: "an object: " + endpoint.CommandForm, Found: string(bytes.TrimSpace(body)),
		})
	}
	members, mistakes := endpoint.ReadMembers(text, "type", "data")
	e := envelope{Data: members["data"]}
	var isString bool
	if e.Type, isString = members["type"].Unquoted(); !isString {
		mistakes = append(mistakes, wire.Mistake{
			Path: "body.type", Allowed: "the command's type, a string", Found: found(members["type"]),
		})
	}
	if e.Data.Kind() != '{' {
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
func found(value jsonvalue.Text) string {
	if value.Kind() == 0 {
		return "nothing"
	}
	return string(value.Bytes())
}

func invalidEnvelope(mistakes ...wire.Mistake) *problem.Problem {
	return problem.WithMistakes(wire.CodeInvalidCommand, "the body doesn't fit "+endpoint.CommandForm,
		mistakes)
}
