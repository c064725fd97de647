package endpoint

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"refold/client/wire"
	"refold/views/httpapi/problem"
)

const (
	// Title is the API's in its description.
	Title = "refold"

	// SchemaRef stands before the name of a schema in a reference.
	SchemaRef = "#/components/schemas/"

	mediaJSON = "application/json"

	// TagOperation marks what is for operators, not for clients.
	TagOperation = "operation"
)

const apiDescription = `Commands in, states out: the internal API of an event-sourced service.

An aggregate's state is the fold of its events; its *sequence* is that of the last one. A command is
accepted or rejected once, whatever its sender repeats under the same Idempotency-Key.

States are read from a copy that follows what is committed, a few milliseconds behind. A client that
must see its own write asks with ?atLeast=SEQUENCE and Prefer: wait=SECONDS.

Every error is a problem (RFC 9457); its member code is stable.`

// config returns the configuration of an API that answers JSON and nothing else. What huma
// serves by itself (documentation from the internet, schemas with links in every body) is left out.
func (s *Set) config(version string) huma.Config {
	plain := huma.Format{
		Marshal: problem.Encode,
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
				Title: Title, Version: version, Description: apiDescription,
			},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry(SchemaRef, s.schemaName),
			},
		},
		// "json" is what huma makes of every +json media type, problem+json among them.
		Formats:       map[string]huma.Format{mediaJSON: plain, "json": plain},
		DefaultFormat: mediaJSON,
		Transformers:  []huma.Transformer{s.fromHuma},
	}
	// Answers may get new members: a client that is generated from the description must not break by that.
	config.AllowAdditionalPropertiesByDefault = true
	return config
}

// Endpoint is an operation as the index lists it.
type Endpoint struct{ Method, Path, Summary string }

// All returns all operations of the description, by path.
func (s *Set) All() []Endpoint {
	var list []Endpoint
	for path, item := range s.api.OpenAPI().Paths {
		for method, operation := range map[string]*huma.Operation{
			http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put,
			http.MethodPatch: item.Patch, http.MethodDelete: item.Delete, http.MethodHead: item.Head,
			http.MethodOptions: item.Options, http.MethodTrace: item.Trace,
		} {
			if operation != nil {
				list = append(list, Endpoint{method, path, operation.Summary})
			}
		}
	}
	slices.SortFunc(list, func(a, b Endpoint) int {
		return strings.Compare(a.Path+a.Method, b.Path+b.Method)
	})
	return list
}

// OpenAPI returns the description of the endpoints that were added so far.
func (s *Set) OpenAPI() ([]byte, error) {
	description := s.api.OpenAPI()
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
		return nil, fmt.Errorf("httpapi: encode the OpenAPI description: %w", err)
	}
	return text, nil
}

// fromHuma turns the errors that huma finds by itself, such as parameters that can't be read, into problems.
// It is a huma.Transformer.
func (s *Set) fromHuma(_ huma.Context, _ string, v any) (any, error) {
	model, is := v.(*huma.ErrorModel)
	if !is {
		return v, nil
	}
	switch model.Status {
	case http.StatusRequestEntityTooLarge:
		return problem.New(model.Status, wire.CodeTooLarge,
			"the body is larger than %d bytes", s.limits.BodyBytes), nil
	case http.StatusRequestTimeout:
		return problem.New(model.Status, wire.CodeBodyTimeout,
			"the body did not arrive within %v", s.limits.ReadTimeout), nil
	case http.StatusBadRequest:
		if len(model.Errors) == 0 {
			return MissingBody(CommandForm), nil
		}
		return problem.Invalid(mistakesOf(model)...), nil
	}
	return problem.New(model.Status, wire.CodeInternal, "%s", model.Detail), nil
}

// mistakesOf are what huma has collected, see Mistake.
func mistakesOf(model *huma.ErrorModel) []wire.Mistake {
	mistakes := make([]wire.Mistake, len(model.Errors))
	for i, e := range model.Errors {
		mistakes[i] = wire.Mistake{
			Path: e.Location, Allowed: e.Message, Found: fmt.Sprint(e.Value),
		}
	}
	return mistakes
}

// Responses returns the answers of an operation: those given, problems of the statuses that
// errors names with what they mean here, and the problems that every operation may answer with.
func (s *Set) Responses(good map[string]*huma.Response, errors map[int]string,
) map[string]*huma.Response {
	content := map[string]*huma.MediaType{
		"application/problem+json": {Schema: SchemaOf[wire.Problem](s)},
	}
	for status, meaning := range errors {
		good[strconv.Itoa(status)] = &huma.Response{Description: meaning, Content: content}
	}
	good["default"] = &huma.Response{
		Description: "Any other problem: 408, 413 or 431, a request that takes too long or is too " +
			"large; 500, a fault of the server; 503 with Retry-After, not now: no pod is known to have the " +
			"partition (no-owner), or it has just left (not-here); 504, its owner did not answer in time.",
		Content: content,
	}
	return good
}

// Answer describes an answer whose body is JSON. The example may be nil.
func Answer(description string, schema *huma.Schema, example any) *huma.Response {
	return &huma.Response{
		Description: description,
		Content:     map[string]*huma.MediaType{mediaJSON: {Schema: schema, Example: example}},
	}
}

// StringSchema describes a string; an empty pattern is any.
func StringSchema(pattern string) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Pattern: pattern}
}

// IDSchema describes the ID of something that is read. A command is sent to fewer.
func IDSchema() *huma.Schema { return &huma.Schema{Type: huma.TypeString, MinLength: new(1)} }

// IntegerSchema describes whole numbers from low to high; to those of 64 bits if high is 0.
func IntegerSchema(low, high int64) *huma.Schema {
	if high == 0 {
		high = math.MaxInt64
	}
	return WholeSchema("int64", low, high)
}

// WholeSchema describes whole numbers with their exact limits, which a float64 can't hold.
func WholeSchema(format string, low, high int64) *huma.Schema {
	return &huma.Schema{Type: huma.TypeInteger, Format: format, Extensions: map[string]any{
		"minimum": json.Number(strconv.FormatInt(low, 10)),
		"maximum": json.Number(strconv.FormatInt(high, 10)),
	}}
}
