package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"refold/client/wire"
	"refold/views/httpapi/endpoint"
)

func init() { ofServer = append(ofServer, registerIndex) }

type indexOutput struct{ Body wire.Index }

// registerIndex lists what is registered at the time of the request: everything. The mux would
// take the pattern "/" for all paths, the description doesn't know "/{$}": so each gets its own.
func registerIndex(s *Server) error {
	operation := huma.Operation{
		OperationID: "get-index", Method: http.MethodGet, Path: "/",
		Tags: []string{endpoint.TagOperation}, Summary: "This list of endpoints",
		Responses: s.endpoints.Responses(map[string]*huma.Response{
			"200": endpoint.Answer("The endpoints.", endpoint.SchemaOf[wire.Index](s.endpoints), nil),
		}, nil),
	}
	s.endpoints.Describe(&operation)
	hidden := operation
	hidden.Path, hidden.Hidden = "/{$}", true
	register(s, nil, hidden, func(context.Context, *Resource, *struct{}) (*indexOutput, error) {
		body := wire.Index{Name: endpoint.Title, Version: s.options.Version}
		for _, e := range s.endpoints.All() {
			body.Endpoints = append(body.Endpoints, wire.Endpoints(e))
		}
		return &indexOutput{body}, nil
	})
	return nil
}
