package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"refold/client/wire"
	"refold/codecs/jsonvalue"
	"refold/views/httpapi/endpoint"
	"refold/views/httpapi/problem"
)

// Options says what there is to operate. What is nil has no endpoints.
type Options struct {
	// Rebuilds is behind GET /rebuilds and POST /admin/rebuilds.
	Rebuilds Rebuilds
	// Views is behind GET /views and POST /admin/views/….
	Views ViewStates
	// Aggregates are the names by which rebuilds may be asked for: all in the plural and in the singular.
	Aggregates []any
	// Trail remembers what is asked for; nil: nothing does.
	Trail Trail
}

// Trail remembers who asks for what.
type Trail interface {
	// Do writes that somebody begins something, does it, and writes how it ended. If the beginning can't be
	// written, nothing is done.
	Do(ctx context.Context, by, what, on string, parameters map[string]string, do func() error) error
}

// recorded does something of which the trail has a record.
func (o *Options) recorded(
	ctx context.Context, by, what, on string, parameters map[string]string, do func() error,
) error {
	if o.Trail == nil {
		return do()
	}
	begun, failure := false, error(nil)
	err := o.Trail.Do(ctx, by, what, on, parameters, func() error {
		begun, failure = true, do()
		return failure
	})
	switch {
	case !begun:
		return problem.New(http.StatusServiceUnavailable, wire.CodeNotReady, "%v", err).Retry()
	case failure == nil && err != nil:
		return problem.New(http.StatusServiceUnavailable, wire.CodeOutcomeUnknown, "it was done; but %v", err)
	}
	return failure
}

// endpoints are those of this package; each file adds its own.
var endpoints []func(*endpoint.Set, *Options)

// Register adds the endpoints to those of a server.
func Register(s *endpoint.Set, options Options) {
	for _, register := range endpoints {
		register(s, &options)
	}
}

// readBody reads the body of a request that asks for some work: one object with these members, each at most
// once and not null. allowed is what it should look like.
func readBody[T any](raw []byte, allowed string, members ...string) (body T, err error) {
	refused := func() (T, error) {
		return body, problem.Invalid(wire.Mistake{Path: "body", Allowed: allowed, Found: string(raw)})
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return body, endpoint.MalformedJSON(io.EOF)
	}
	text, err := jsonvalue.Parse(raw, len(raw))
	if err != nil {
		return body, endpoint.MalformedJSON(err)
	}
	if text.Kind() != '{' {
		return refused()
	}
	values, mistakes := endpoint.ReadMembers(text, members...)
	isNull := func(value jsonvalue.Text) bool { return value.Kind() == 'n' }
	if len(mistakes) > 0 || slices.ContainsFunc(slices.Collect(maps.Values(values)), isNull) ||
		json.Unmarshal(raw, &body) != nil {
		return refused()
	}
	return body, nil
}

// askedBy is the header that names the person who asks for some work.
type askedBy string

// Describe returns its description.
func (askedBy) Describe(endpoint.Context) *huma.Param {
	return endpoint.Param("The person or program that asks, for the records.", endpoint.StringSchema(""),
		"mallory, ticket 4711")
}

// kept is what is kept of it.
func (a askedBy) kept() string {
	if a == "" {
		return "somebody, by HTTP"
	}
	return problem.Cut(string(a))
}
