package httpapi

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"refold/codecs/jsonvalue"
)

// notPlainJSON describes 415 where a body is read by adminBody.
const notPlainJSON = "The body isn't plain JSON by its Content-Type and Content-Encoding."

// adminBody reads the body of a request that asks for some work: one object with these members, each at most
// once and not null. allowed is what it should look like.
func adminBody[T any](raw []byte, allowed string, members ...string) (body T, err error) {
	refused := func() (T, error) {
		return body, invalid(mistake{Path: "body", Allowed: allowed, Found: string(raw)})
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return body, malformedJSON(io.EOF)
	}
	text, err := jsonvalue.Parse(raw, len(raw))
	if err != nil {
		return body, malformedJSON(err)
	}
	if text.Kind() != '{' {
		return refused()
	}
	values, mistakes := readMembers(text, members...)
	isNull := func(value jsonvalue.Text) bool { return value.Kind() == 'n' }
	if len(mistakes) > 0 || slices.ContainsFunc(slices.Collect(maps.Values(values)), isNull) ||
		json.Unmarshal(raw, &body) != nil {
		return refused()
	}
	return body, nil
}

// whoAsks is the header that names who asks for some work.
func whoAsks() *huma.Param {
	return param("header", "X-Asked-By", "Who asks, for the records.", stringSchema(""),
		"mallory, ticket 4711")
}

// askedBy is what is kept of that header.
func askedBy(who string) string {
	if who == "" {
		return "somebody, by HTTP"
	}
	return cut(who)
}
