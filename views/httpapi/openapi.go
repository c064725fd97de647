package httpapi

import (
	"log/slog"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"refold/views/httpapi/endpoint"
)

func init() { ofServer = append(ofServer, registerMetrics, registerOpenAPI) }

func registerMetrics(s *Server) error {
	s.describePlain("get-metrics", "/metrics", "Metrics in the format of Prometheus")
	s.endpoints.HandleFunc("GET /metrics", promhttp.HandlerFor(s.options.Gatherer, promhttp.HandlerOpts{
		ErrorLog:          slog.NewLogLogger(s.logger.Handler(), slog.LevelWarn),
		ErrorHandling:     promhttp.ContinueOnError,
		EnableOpenMetrics: true,
	}).ServeHTTP)
	return nil
}

// registerOpenAPI serves the description, which NewServer makes when all endpoints are there.
func registerOpenAPI(s *Server) error {
	s.describePlain("get-description", "/openapi.json", "This description, in OpenAPI 3.1")
	s.endpoints.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(s.description) // a client that has left can't be told
	})
	return nil
}

// describePlain describes an endpoint whose answer is neither JSON nor a problem.
func (s *Server) describePlain(id, path, summary string) {
	s.endpoints.Describe(&huma.Operation{
		OperationID: id, Method: http.MethodGet, Path: path, Summary: summary,
		Tags:      []string{endpoint.TagOperation},
		Responses: map[string]*huma.Response{"200": {Description: "OK"}},
	})
}
