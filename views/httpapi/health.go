package httpapi

import (
	"context"
	"net/http"
)

// healthBody says that the process answers; nothing more.
type healthBody struct {
	Status string `json:"status" enum:"ok"`
}

type healthOutput struct{ Body healthBody }

// readyBody reports whether requests should come here.
type readyBody struct {
	Ready  bool        `json:"ready"`
	Checks []checkBody `json:"checks" nullable:"false"`
}

type checkBody struct {
	Name   string `json:"name"`
	Ready  bool   `json:"ready"`
	Detail string `json:"detail,omitempty" doc:"What is missing."`
}

type readyOutput struct{ Body readyBody }

func (s *Server) registerHealth() {
	register(s, s.healthOperation(), func(context.Context, *struct{}) (*healthOutput, error) {
		return &healthOutput{Body: healthBody{Status: "ok"}}, nil
	})
	register(s, s.readyOperation(), func(context.Context, *struct{}) (*readyOutput, error) {
		return s.ready()
	})
}

// ready asks all checks, so that the operator sees all that is missing at once.
func (s *Server) ready() (*readyOutput, error) {
	server := Check{Name: "server", Ready: func() error { return context.Cause(s.stopping) }}
	out := &readyOutput{Body: readyBody{Ready: true}}
	for _, check := range append([]Check{server}, s.options.Readiness...) {
		result := checkBody{Name: check.Name, Ready: true}
		if err := check.Ready(); err != nil {
			result.Ready, result.Detail = false, err.Error()
			out.Body.Ready = false
		}
		out.Body.Checks = append(out.Body.Checks, result)
	}
	if !out.Body.Ready {
		p := problem(http.StatusServiceUnavailable, codeNotReady, "not all checks are ready").retry()
		p.Checks = out.Body.Checks
		return nil, p
	}
	return out, nil
}
