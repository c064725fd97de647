package worker

import (
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
)

// Extension adds to a worker what is the program's own. It is called once, when the worker is wired and
// before it serves, and returns an error if it can't work: the worker then does not start.
type Extension func(*Host) error

// Host is what an extension may use of its worker.
type Host struct {
	// Metrics take the extension's own.
	Metrics prometheus.Registerer
	Logger  *slog.Logger

	worker *Worker
	routes []route
}

type route struct {
	pattern, summary string
	handler          http.Handler
}
