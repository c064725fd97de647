package endpoint

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"refold/client/wire"
	"refold/views/httpapi/problem"
)

// Limits are those that the description tells clients.
type Limits struct {
	BodyBytes   int64         // of a request
	ReadTimeout time.Duration // of a request's body
	Wait        time.Duration // the most that Prefer: wait gets
	PageRows    int           // of a page
}

// Set is the endpoints of a server, and their description.
type Set struct {
	limits Limits
	// stopping is done when the server is about to stop: waits end early then.
	stopping context.Context //nolint:containedctx // a signal, not a request's context
	logger   *slog.Logger
	routes   *slashes
	api      huma.API
	named    map[string]reflect.Type // schemas of the description by name
	states   []State
}

// New returns a set without endpoints, whose routes go into the mux. The version is the program's. The
// schemas of states, and of the types in their packages, are called after their aggregates. Waits end when
// stopping is done.
func New(
	stopping context.Context, mux *http.ServeMux, version string, limits Limits, states []State,
	logger *slog.Logger,
) *Set {
	s := &Set{
		limits: limits, stopping: stopping, logger: logger, routes: &slashes{ServeMux: mux},
		named: map[string]reflect.Type{}, states: states,
	}
	s.api = humago.New(s.routes, s.config(version))
	return s
}

// Context is what a parameter may need to describe itself, or to be read.
type Context struct {
	Limits

	Aggregate string // the name of the aggregate that the endpoint is about; empty: none
	Past      bool   // that aggregate has states of the past
	Names     []any  // by which a parameter may name an aggregate
}

// contextOf is where an operation's metadata have its Context.
const contextOf = "context"

// Of returns the context of an endpoint of no one aggregate.
func (s *Set) Of() Context { return Context{Limits: s.limits} }

// Register adds an endpoint. I is a struct of its parameters; the handler's errors become problems.
//
// huma reads the parameters, each by its own UnmarshalText, and collects by Resolve what is wrong with them.
// It does not check them by their schemas: those say less, and worse, of what would be right.
func Register[I, O any](s *Set, c Context, operation huma.Operation,
	handler func(context.Context, *I) (*O, error),
) {
	operation.Parameters = parametersOf[I](c)
	operation.Metadata = map[string]any{contextOf: c}
	operation.SkipValidateParams = true
	operation.SkipValidateBody = true
	operation.BodyReadTimeout = -1 // the body is in memory already
	if operation.RequestBody != nil {
		operation.MaxBodyBytes = s.limits.BodyBytes + 1 // huma takes fewer bytes than this
		operation.Middlewares = append(operation.Middlewares, requireJSON)
	}
	if !slices.Contains(operation.Tags, TagOperation) { // probes may ask what they like
		operation.Middlewares = append(operation.Middlewares, checkQuery(operation.Parameters))
	}
	huma.Register(s.api, operation, func(ctx context.Context, in *I) (*O, error) {
		out, err := handler(ctx, in)
		if err != nil {
			return nil, s.Problem(ctx, operation.OperationID, err)
		}
		return out, nil
	})
}

// Problem is problem.Of, and logs what an operator must know.
func (s *Set) Problem(ctx context.Context, operation string, err error) *problem.Problem {
	p := problem.Of(err)
	if p.Code == wire.CodeInternal {
		s.logger.ErrorContext(ctx, "HTTP request failed", "operation", operation, "error", err)
	}
	return p
}

// Describe adds an operation to the description whose route is not huma's.
func (s *Set) Describe(operation *huma.Operation) { s.api.OpenAPI().AddOperation(operation) }

// HandleFunc adds a route, to whose handler wildcards are what the client has sent.
func (s *Set) HandleFunc(pattern string, handler http.HandlerFunc) {
	s.routes.HandleFunc(pattern, handler)
}

// Add adds a route of the program's own: "GET /garages/{id}/free". The error says that it is no such pattern,
// or that there are requests that another route takes, too.
func (s *Set) Add(pattern string, handler http.Handler) (err error) {
	if err := collision(pattern, s.routes.patterns); err != nil {
		return err
	}
	defer func() {
		if p := recover(); p != nil { // that is how net/http refuses a pattern
			err = fmt.Errorf("%v", p)
		}
	}()
	s.routes.HandleFunc(pattern, handler.ServeHTTP)
	return nil
}

// Extend calls add, which registers endpoints of the program's own. The error says that a route is no
// pattern, or that there are requests that another route takes, too; the set is of no use then.
func (s *Set) Extend(add func(*Set)) (err error) {
	before := len(s.routes.patterns)
	defer func() {
		if p := recover(); p != nil { // that is how net/http and huma refuse what is registered
			err = fmt.Errorf("%v", p)
		}
	}()
	add(s)
	for i, pattern := range s.routes.patterns[before:] {
		if err := collision(pattern, s.routes.patterns[:before+i]); err != nil {
			return err
		}
	}
	return nil
}
