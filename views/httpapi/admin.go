package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/danielgtaylor/huma/v2"
)

// notPlainJSON describes 415 where a body is read by adminBody.
const notPlainJSON = "The body isn't plain JSON by its Content-Type and Content-Encoding."

// adminBody reads the body of a request that asks for some work. allowed is what it should look like.
func adminBody[T any](raw []byte, allowed string) (body T, err error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	var syntax *json.SyntaxError
	switch err := decoder.Decode(&body); {
	case errors.As(err, &syntax), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return body, malformedJSON(err, raw)
	case err != nil:
		return body, invalid(mistake{Path: "body", Allowed: allowed, Found: string(raw)})
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
