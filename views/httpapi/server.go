package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Server answers HTTP requests within its limits.
type Server struct {
	options Options
	limits  Limits
	logger  *slog.Logger
	metrics *metrics

	named map[string]reflect.Type // schemas of the description by name

	mux     *http.ServeMux
	api     huma.API
	handler http.Handler

	// stopping is done when the server is about to stop: waits end early then.
	stopping context.Context //nolint:containedctx // a signal, not a request's context
	stop     context.CancelCauseFunc
}

// errStopping is why waits end when the server stops.
var errStopping = errors.New("the server is stopping")

// NewServer makes a server of the options. It registers its metrics and fails with every mistake
// in the options at once.
func NewServer(options Options) (*Server, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{
		options: options,
		limits:  options.Limits,
		logger:  options.Logger,
		named:   map[string]reflect.Type{},
		mux:     http.NewServeMux(),
	}
	if s.metrics, err = newMetrics(options.Registerer); err != nil {
		return nil, err
	}
	s.stopping, s.stop = context.WithCancelCause(context.Background())
	s.api = humago.New(slashes{s.mux}, s.humaConfig())
	if err := s.register(); err != nil {
		return nil, err
	}
	s.handler = s.observe(s.recovered(s.admit(http.HandlerFunc(s.route))))
	return s, nil
}

// register puts all endpoints into the mux and the API's description.
func (s *Server) register() error {
	for i := range s.options.Resources {
		if err := s.registerResource(&s.options.Resources[i]); err != nil {
			return err
		}
	}
	s.registerCommands()
	s.registerTraces()
	s.registerLive()
	s.registerRebuilds()
	s.registerViews()
	s.registerStores()
	s.registerHealth()
	s.mux.Handle("GET /metrics", promhttp.HandlerFor(s.options.Gatherer, promhttp.HandlerOpts{
		ErrorLog:          slog.NewLogLogger(s.logger.Handler(), slog.LevelWarn),
		ErrorHandling:     promhttp.ContinueOnError,
		EnableOpenMetrics: true,
	}))
	s.registerIndex()
	return s.registerOpenAPI()
}

// Handler returns the whole API, limits included save those of connections.
func (s *Server) Handler() http.Handler { return s.handler }

// Serve answers on the listener, which it closes, until ctx ends. Then it answers waiting requests
// early, turns /readyz red, and gives requests Limits.Shutdown to finish. It returns nil after a
// clean stop, and serves only once.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	server := s.httpServer()
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(problemListener{listener}) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve HTTP on %v: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	s.stop(errStopping)
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.limits.Shutdown)
	defer cancel()
	err := server.Shutdown(bounded)
	if err != nil {
		err = fmt.Errorf("stop serving HTTP within %v: %w", s.limits.Shutdown,
			errors.Join(err, server.Close()))
	}
	if served := <-failed; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// httpServer returns the server of connections, each of whose phases has a limit.
func (s *Server) httpServer() *http.Server {
	l := s.limits
	return &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: l.ReadTimeout,
		ReadTimeout:       2 * l.ReadTimeout, // header and body
		WriteTimeout:      2*l.ReadTimeout + l.RequestTimeout + l.Wait + l.WriteTimeout,
		IdleTimeout:       l.IdleTimeout,
		// Twice what we allow: what is beyond, net/http refuses before any handler, see problemConn.
		MaxHeaderBytes: 2 * l.HeaderBytes,
		ErrorLog:       slog.NewLogLogger(s.logger.Handler(), slog.LevelDebug),
	}
}
