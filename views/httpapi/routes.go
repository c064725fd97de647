package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"refold/views/httpapi/endpoint"
)

// Route is an endpoint of the program's own, beside those of this package. It is handled as these are: within
// the limits of requests, with metrics and spans, and a panic becomes a problem.
type Route struct {
	// Pattern is one of net/http.ServeMux, with a method: "GET /garages/{id}/free". It must not match a
	// request that another route matches. A route below the path of an aggregate, as this one of garages, is
	// about the one with the {id}: the owner of its partition answers.
	Pattern string
	// Summary says in a few words what it is for, in the index and in the API's description.
	Summary string
	// Handler answers. It gets Limits.RequestTimeout and Limits.Wait together; the body of its request is in
	// memory already.
	Handler http.Handler
}

// registerRoutes adds the program's own routes and endpoints, after all others.
func (s *Server) registerRoutes() error {
	var errs []error
	for i, route := range s.options.Routes {
		if err := s.registerRoute(&route); err != nil {
			errs = append(errs, fmt.Errorf("httpapi: Options.Routes[%d]: %w", i, err))
		}
	}
	for i, add := range s.options.Endpoints {
		if err := s.endpoints.Extend(add); err != nil {
			errs = append(errs, fmt.Errorf("httpapi: Options.Endpoints[%d]: %w", i, err))
		}
	}
	return errors.Join(errs...)
}

func (s *Server) registerRoute(route *Route) error {
	if route.Handler == nil || route.Summary == "" {
		return fmt.Errorf("%s: Handler and Summary must be set", route.Pattern)
	}
	method, path, _ := strings.Cut(route.Pattern, " ")
	if err := s.endpoints.Add(route.Pattern, s.atOwner(path, route.Handler)); err != nil {
		return err //nolint:wrapcheck // the caller says of what
	}
	path = strings.TrimSuffix(strings.ReplaceAll(path, "...}", "}"), "{$}")
	operation := &huma.Operation{
		OperationID: operationID(method, path), Method: method, Path: path, Summary: route.Summary,
		Tags:      []string{"routes"},
		Responses: s.endpoints.Responses(map[string]*huma.Response{}, nil),
	}
	for _, wildcard := range wildcards.FindAllStringSubmatch(path, -1) {
		operation.Parameters = append(operation.Parameters, &huma.Param{
			Name: wildcard[1], In: "path", Required: true, Schema: endpoint.StringSchema(""),
		})
	}
	s.endpoints.Describe(operation)
	return nil
}

// atOwner has the owner answer a route about one aggregate.
func (s *Server) atOwner(path string, handler http.Handler) http.Handler {
	if s.peers == nil {
		return handler
	}
	for i := range s.options.Resources {
		r := &s.options.Resources[i]
		below := "/" + r.Plural + "/{id}"
		if path == below || strings.HasPrefix(path, below+"/") {
			return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
				s.place(w, request, r, false, func() { handler.ServeHTTP(w, request) })
			})
		}
	}
	return handler
}

var wildcards = regexp.MustCompile(`\{(\w+)\}`)

// operationID makes an ID of a pattern: get-garages-id-free.
func operationID(method, path string) string {
	words := strings.FieldsFunc(path, func(r rune) bool { return strings.ContainsRune("/{}", r) })
	return strings.Join(append([]string{strings.ToLower(method)}, words...), "-")
}
