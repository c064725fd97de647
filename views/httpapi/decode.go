package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"refold/codecs"
	"refold/eventsourcing"
)

// sendBody is the body of a POST.
type sendBody struct {
	Type *string         `json:"type"`
	Data json.RawMessage `json:"data"`
}

func formatSequence(n int64) string { return strconv.FormatInt(n, 10) }

// readCommand makes a command of a request.
func (s *Server) readCommand(r *Resource, in *sendInput) (eventsourcing.Envelope[any], error) {
	var command eventsourcing.Envelope[any]
	var mistakes []mistake
	if !validID(in.ID) {
		mistakes = append(mistakes, mistake{Path: "path.id", Allowed: idAllowed, Found: in.ID})
	}
	id, err := commandID(in.IdempotencyKey)
	var wrong *Problem
	if errors.As(err, &wrong) {
		mistakes = append(mistakes, wrong.Errors...)
	} else if err != nil {
		return command, err
	}
	expected, err := expectedSequence(in.IfMatch)
	if err != nil {
		mistakes = append(mistakes, mistake{
			Path: "header.If-Match", Allowed: err.Error(), Found: in.IfMatch,
		})
	}
	if len(mistakes) > 0 {
		return command, invalid(mistakes...)
	}
	typeName, data, err := readData(r, in.Body)
	if err != nil {
		return command, err
	}
	command.Data = data
	command.Metadata = eventsourcing.Metadata{
		ID: id, Source: s.options.Source, Type: typeName, Subject: in.ID,
		Time: s.options.Now().UTC(), ExpectedSequence: expected,
		Traceparent: traceparent(in.Traceparent),
	}
	return command, nil
}

// readData reads the body: the command's type and its data.
func readData(r *Resource, body []byte) (string, any, error) {
	envelope, err := readEnvelope(body)
	if err != nil {
		return "", nil, err
	}
	if known := r.Commands.Types(); !slices.Contains(known, *envelope.Type) {
		return "", nil, withMistakes(codeUnknownType,
			fmt.Sprintf("the %s knows no such command", r.Name),
			[]mistake{{
				Path: "body.type", Allowed: "one of " + strings.Join(known, ", "),
				Found: *envelope.Type,
			}})
	}
	data, err := r.Commands.FromJSON(*envelope.Type, envelope.Data)
	if err != nil {
		return "", nil, asInvalidCommand(err)
	}
	return *envelope.Type, data, nil
}

// requireJSON refuses bodies that don't say that they are JSON: a form, which is what curl sends
// unasked, would be understood by chance only. It is a huma middleware, since huma looks at the
// Content-Type itself, and less kindly.
func requireJSON(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	media, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset := strings.ToLower(parameters["charset"])
	if err != nil || media != mediaJSON || charset != "" && charset != "utf-8" {
		writeProblem(w, problem(http.StatusUnsupportedMediaType, codeMediaType,
			"the body must be JSON and say so with Content-Type: application/json, not %q",
			r.Header.Get("Content-Type")))
		return
	}
	r.Header.Set("Content-Type", mediaJSON) // huma compares bytes
	next(ctx)
}

// readEnvelope reads {"type": …, "data": …}, and nothing else.
func readEnvelope(body []byte) (sendBody, error) {
	var envelope sendBody
	if len(bytes.TrimSpace(body)) == 0 {
		return envelope, problem(http.StatusBadRequest, codeMalformedJSON,
			`the body is missing; it looks like {"type": …, "data": {…}}`)
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&envelope)
	if err == nil {
		if _, more := decoder.Token(); !errors.Is(more, io.EOF) {
			return envelope, problem(http.StatusBadRequest, codeMalformedJSON,
				"there is something behind the JSON object, from byte %d on", decoder.InputOffset())
		}
	}
	if err != nil {
		return envelope, asMalformedJSON(err, body)
	}
	var mistakes []mistake
	if envelope.Type == nil {
		mistakes = append(mistakes, mistake{
			Path: "body.type", Allowed: "the command's type, a string", Found: "nothing",
		})
	}
	if data := bytes.TrimSpace(envelope.Data); len(data) == 0 || data[0] != '{' {
		found := string(data)
		if found == "" {
			found = "nothing"
		}
		mistakes = append(mistakes, mistake{
			Path: "body.data", Allowed: "the command's fields, an object", Found: found,
		})
	}
	if len(mistakes) > 0 {
		return envelope, withMistakes(codeInvalidCommand, "the command is not complete", mistakes)
	}
	return envelope, nil
}

// asMalformedJSON says where the JSON is wrong.
func asMalformedJSON(err error, body []byte) *Problem {
	var syntax *json.SyntaxError
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		before := body[:min(int(syntax.Offset), len(body))]
		line := bytes.Count(before, []byte("\n")) + 1
		column := len(before) - (bytes.LastIndexByte(before, '\n') + 1)
		return problem(http.StatusBadRequest, codeMalformedJSON,
			"the body is no JSON: %v (line %d, column %d)", err, line, column)
	case errors.As(err, &wrongType):
		path := "body"
		if wrongType.Field != "" {
			path += "." + wrongType.Field
		}
		return withMistakes(codeInvalidCommand, "the command is not complete", []mistake{{
			Path: path, Allowed: allowedFor(wrongType.Field), Found: wrongType.Value,
		}})
	case errors.Is(err, io.ErrUnexpectedEOF):
		return problem(http.StatusBadRequest, codeMalformedJSON,
			"the body is no JSON: it ends in the middle")
	}
	// encoding/json has no type for this one: json: unknown field "tpye"
	if _, field, found := strings.Cut(err.Error(), "unknown field "); found {
		return withMistakes(codeInvalidCommand, "the command has an unknown member", []mistake{{
			Path: "body", Allowed: "the members type and data, no others", Found: field,
		}})
	}
	return problem(http.StatusBadRequest, codeMalformedJSON, "the body is no JSON").because(err)
}

func allowedFor(field string) string {
	if field == "type" {
		return "the command's type, a string"
	}
	return `an object: {"type": …, "data": {…}}`
}

// asInvalidCommand says which fields of the data are wrong.
func asInvalidCommand(err error) error {
	fields, is := errors.AsType[*codecs.JSONError](err)
	if !is {
		return err
	}
	mistakes := make([]mistake, len(fields.Mistakes))
	for i, m := range fields.Mistakes {
		path := "body.data"
		if m.Path != "" {
			path += "." + m.Path
		}
		mistakes[i] = mistake{Path: path, Allowed: m.Allowed, Found: m.Found}
	}
	return withMistakes(codeInvalidCommand, "the data don't fit a "+fields.Type, mistakes)
}
