package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"refold/client/wire"
	"refold/views/httpapi/endpoint"
	"refold/views/httpapi/problem"
)

func init() { ofServer = append(ofServer, registerHealth) }

type healthOutput struct{ Body wire.Health }

type readyOutput struct{ Body wire.Ready }

func registerHealth(s *Server) error {
	register(s, nil, huma.Operation{
		OperationID: "get-health", Method: http.MethodGet, Path: "/healthz",
		Tags: []string{endpoint.TagOperation}, Summary: "Whether the process is alive",
		Responses: s.endpoints.Responses(map[string]*huma.Response{
			"200": endpoint.Answer("The process is alive.", endpoint.SchemaOf[wire.Health](s.endpoints), nil),
		}, nil),
	}, func(context.Context, *Resource, *struct{}) (*healthOutput, error) {
		return &healthOutput{Body: wire.Health{Status: "ok"}}, nil
	})
	register(s, nil, huma.Operation{
		OperationID: "get-readiness", Method: http.MethodGet, Path: "/readyz",
		Tags: []string{endpoint.TagOperation}, Summary: "Whether requests should come here",
		Responses: s.endpoints.Responses(map[string]*huma.Response{
			"200": endpoint.Answer("All checks are ready.", endpoint.SchemaOf[wire.Ready](s.endpoints), nil),
		}, map[int]string{
			http.StatusServiceUnavailable: "Not all are; the member checks says what is missing.",
		}),
	}, s.ready)
	return nil
}

// ready asks all checks, so that the operator sees all that is missing at once.
func (s *Server) ready(context.Context, *Resource, *struct{}) (*readyOutput, error) {
	server := Check{Name: "server", Ready: func() error { return context.Cause(s.stopping) }}
	out := &readyOutput{Body: wire.Ready{Ready: true}}
	for _, check := range append([]Check{server}, s.options.Readiness...) {
		result := wire.Check{Name: check.Name, Ready: true}
		if err := check.Ready(); err != nil {
			result.Ready, result.Detail = false, err.Error()
			out.Body.Ready = false
		}
		out.Body.Checks = append(out.Body.Checks, result)
	}
	if !out.Body.Ready {
		p := problem.New(http.StatusServiceUnavailable, wire.CodeNotReady, "not all checks are ready").Retry()
		p.Checks = out.Body.Checks
		return nil, p
	}
	return out, nil
}
