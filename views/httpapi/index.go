package httpapi

import (
	"context"
	"net/http"
	"sort"

	"github.com/danielgtaylor/huma/v2"
)

// indexBody is what GET / answers: where everything is.
type indexBody struct {
	Name      string          `json:"name"`
	Version   string          `json:"version"`
	Endpoints []endpointsBody `json:"endpoints" nullable:"false"`
}

type endpointsBody struct {
	Method  string `json:"method"`
	Path    string `json:"path"`
	Summary string `json:"summary"`
}

type indexOutput struct{ Body indexBody }

// registerIndex lists what is registered at the time of the request: everything. The mux would
// take the pattern "/" for all paths, the description doesn't know "/{$}": so each gets its own.
func (s *Server) registerIndex() {
	operation := s.indexOperation()
	s.api.OpenAPI().AddOperation(&operation)
	hidden := operation
	hidden.Path, hidden.Hidden = "/{$}", true
	register(s, hidden, func(context.Context, *struct{}) (*indexOutput, error) {
		return &indexOutput{Body: indexBody{
			Name: apiTitle, Version: s.options.Version, Endpoints: s.endpoints(),
		}}, nil
	})
}

// endpoints returns all operations of the API's description, by path.
func (s *Server) endpoints() []endpointsBody {
	var list []endpointsBody
	for path, item := range s.api.OpenAPI().Paths {
		for method, operation := range map[string]*huma.Operation{
			http.MethodGet: item.Get, http.MethodPost: item.Post,
		} {
			if operation != nil {
				list = append(list, endpointsBody{method, path, operation.Summary})
			}
		}
	}
	sort.Slice(list, func(i, j int) bool {
		return list[i].Path+list[i].Method < list[j].Path+list[j].Method
	})
	return list
}
