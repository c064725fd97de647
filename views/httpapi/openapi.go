package httpapi

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"refold/codecs/jsonvalue"
)

const (
	apiTitle  = "refold"
	schemaRef = "#/components/schemas/"
	mediaJSON = "application/json"

	// tagOperation marks what is for operators, not for clients.
	tagOperation = "operation"
)

const apiDescription = `Commands in, states out: the internal API of an event-sourced service.

An aggregate's state is the fold of its events; its *sequence* is that of the last one. A command is
accepted or rejected once, whatever its sender repeats under the same Idempotency-Key.

States are read from a copy that follows what is committed, a few milliseconds behind. A client that
must see its own write asks with ?atLeast=SEQUENCE and Prefer: wait=SECONDS.

Every error is a problem (RFC 9457); its member code is stable.`

// humaConfig returns the configuration of an API that answers JSON and nothing else. What huma
// serves by itself (documentation from the internet, schemas with links in every body) is left out.
func (s *Server) humaConfig() huma.Config {
	plain := huma.Format{
		Marshal: marshalJSON,
		// A body is taken as it is: its handler says what is wrong with it, and says it better.
		Unmarshal: func(data []byte, v any) error {
			raw, is := v.(*json.RawMessage)
			if !is {
				return fmt.Errorf("a body is read into a json.RawMessage, not a %T", v)
			}
			*raw = append(json.RawMessage{}, data...)
			return nil
		},
	}
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: apiTitle, Version: s.options.Version, Description: apiDescription,
			},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry(schemaRef, s.schemaName),
			},
		},
		// "json" is what huma makes of every +json media type, problem+json among them.
		Formats:       map[string]huma.Format{mediaJSON: plain, "json": plain},
		DefaultFormat: mediaJSON,
		Transformers:  []huma.Transformer{fromHuma(s.limits)},
	}
	// Answers may get new members: whoever generates a strict client must not break by that.
	config.AllowAdditionalPropertiesByDefault = true
	return config
}

// maxAnswerBytes limits any answer, beyond the limits of what is in it: pages of rows, histories, traces.
const maxAnswerBytes = 1 << 30

// marshalJSON writes a value as JSON. One that can't be encoded is a mistake in here: the panic
// becomes a problem, where huma would write half a line of text.
func marshalJSON(w io.Writer, v any) error {
	text, err := jsonvalue.Marshal(v, maxAnswerBytes)
	if err != nil {
		panic(fmt.Errorf("encode an answer: %w", err))
	}
	_, _ = w.Write(append(text, '\n')) // the client is gone: nobody is left to tell
	return nil
}

// registerOpenAPI serves the description, made once: it doesn't change.
func (s *Server) registerOpenAPI() error {
	description := s.api.OpenAPI()
	for _, plain := range []struct{ id, path, summary string }{
		{"get-metrics", "/metrics", "Metrics in the format of Prometheus"},
		{"get-description", "/openapi.json", "This description, in OpenAPI 3.1"},
	} {
		description.AddOperation(&huma.Operation{
			OperationID: plain.id, Method: http.MethodGet, Path: plain.path, Summary: plain.summary,
			Tags:      []string{tagOperation},
			Responses: map[string]*huma.Response{"200": {Description: "OK"}},
		})
	}
	for _, item := range description.Paths {
		if post := item.Post; post != nil && post.RequestBody != nil {
			// huma adds it where a body is read as it came.
			delete(post.RequestBody.Content, "application/octet-stream")
		}
	}
	// huma describes its own kind of error, which never goes out.
	delete(description.Components.Schemas.Map(), "ErrorModel")
	delete(description.Components.Schemas.Map(), "ErrorDetail")
	text, err := json.MarshalIndent(description, "", "  ")
	if err != nil {
		return fmt.Errorf("httpapi: encode the OpenAPI description: %w", err)
	}
	s.mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(text) // the client is gone: nobody is left to tell
	})
	return nil
}

// responses returns the answers of an operation: those given, problems of the statuses that
// errors names with what they mean here, and the problems that every operation may answer with.
func (s *Server) responses(good map[string]*huma.Response, errors map[int]string,
) map[string]*huma.Response {
	content := map[string]*huma.MediaType{
		"application/problem+json": {Schema: schemaOf[Problem](s)},
	}
	for status, meaning := range errors {
		good[strconv.Itoa(status)] = &huma.Response{Description: meaning, Content: content}
	}
	good["default"] = &huma.Response{
		Description: "Any other problem: 408, 413 or 431, a request that takes too long or is too " +
			"large; 500, a mistake in here; 503 with Retry-After, not now.",
		Content: content,
	}
	return good
}

func answer(description string, schema *huma.Schema, example any) *huma.Response {
	return &huma.Response{
		Description: description,
		Content:     map[string]*huma.MediaType{mediaJSON: {Schema: schema, Example: example}},
	}
}

func param(in, name, description string, schema *huma.Schema, example any) *huma.Param {
	return &huma.Param{
		Name: name, In: in, Description: description, Schema: schema, Example: example,
		Required: in == "path",
	}
}

func stringSchema(pattern string) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Pattern: pattern}
}

// integerSchema describes whole numbers from low to high; to those of 64 bits if high is 0.
func integerSchema(low, high int64) *huma.Schema {
	if high == 0 {
		high = math.MaxInt64
	}
	return wholeSchema("int64", low, high)
}

// idParam is the ID of what is read; a command is sent to fewer.
func (s *Server) idParam(of string) *huma.Param {
	return param("path", "id", "The ID of the "+of+", its bytes escaped as in links.",
		readIDSchema(), nil)
}

func readIDSchema() *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, MinLength: new(1)}
}

func (s *Server) preferParam() *huma.Param {
	return param("header", "Prefer", fmt.Sprintf(
		"wait=SECONDS (RFC 7240): how long to wait for what is asked for, at most %d. "+
			"Preference-Applied says how long it was.", int(s.limits.Wait.Seconds())),
		&huma.Schema{Type: huma.TypeString}, "wait=5")
}
