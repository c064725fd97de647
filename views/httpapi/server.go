package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"refold/views/httpapi/admin"
	"refold/views/httpapi/endpoint"
	"refold/views/httpapi/problem"
)

// Server answers HTTP requests within its limits.
type Server struct {
	options Options
	limits  Limits
	logger  *slog.Logger
	metrics *metrics
	peers   *peers // nil: all partitions are here

	mux         *http.ServeMux
	endpoints   *endpoint.Set
	description []byte // in OpenAPI
	handler     http.Handler

	// stopping is done when the server is about to stop: waits end early then.
	stopping context.Context //nolint:containedctx // a signal, not a request's context
	stop     context.CancelCauseFunc
}

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
		mux:     http.NewServeMux(),
	}
	if s.metrics, err = newMetrics(options.Registerer); err != nil {
		return nil, err
	}
	if options.Placement != nil {
		if s.peers, err = newPeers(&options); err != nil {
			return nil, err
		}
	}
	s.stopping, s.stop = context.WithCancelCause(context.Background())
	states := make([]endpoint.State, len(options.Resources))
	for i, r := range options.Resources {
		states[i] = endpoint.State{Type: r.State, Aggregate: titled(r.Name)}
	}
	s.endpoints = endpoint.New(s.stopping, s.mux, options.Version, endpoint.Limits{
		BodyBytes: s.limits.BodyBytes, ReadTimeout: s.limits.ReadTimeout, Wait: s.limits.Wait,
		PageRows: s.limits.PageRows,
	}, states, s.logger)
	if err := s.register(); err != nil {
		return nil, err
	}
	if s.description, err = s.endpoints.OpenAPI(); err != nil {
		return nil, err
	}
	s.handler = s.observe(s.recovered(s.admit(http.HandlerFunc(s.route))))
	return s, nil
}

// The endpoints of this package: those of the server, and those of each aggregate. The file of an endpoint
// adds it.
var (
	ofServer     []func(*Server) error
	ofAggregates []func(*Server, *Resource) error
)

// register puts all endpoints into the mux and the API's description.
func (s *Server) register() error {
	for _, add := range ofServer {
		if err := add(s); err != nil {
			return err
		}
	}
	for i := range s.options.Resources {
		for _, add := range ofAggregates {
			if err := add(s, &s.options.Resources[i]); err != nil {
				return err
			}
		}
	}
	admin.Register(s.endpoints, admin.Options{
		Rebuilds: s.options.Rebuilds, Views: s.options.Views, Aggregates: s.options.aggregates(),
		Trail: s.options.Trail,
	})
	return s.registerRoutes()
}

// register adds an endpoint of an aggregate, or of none.
func register[I, O any](s *Server, r *Resource, operation huma.Operation,
	handler func(context.Context, *Resource, *I) (*O, error),
) {
	c := s.endpoints.Of()
	if r != nil {
		c.Aggregate, c.Past = r.Name, r.Past != nil
		if s.peers != nil && strings.Contains(operation.Path, "{id}") {
			operation.Middlewares = append(operation.Middlewares, s.placed(r))
		}
	}
	endpoint.Register(s.endpoints, c, operation, func(ctx context.Context, in *I) (*O, error) {
		out, err := handler(ctx, r, in)
		return out, misplaced(ctx, err)
	})
}

// Handler returns the whole API, limits included save those of connections.
func (s *Server) Handler() http.Handler { return s.handler }

// Serve answers on the listener, which it closes, until ctx ends. Then it answers waiting requests
// early, turns /readyz red, and gives requests Limits.Shutdown to finish. It returns nil after a
// clean stop, and serves only once.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	server, fresh := s.httpServer(), &unused{}
	server.ConnState = fresh.observe
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(problemListener{listener}) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve HTTP on %v: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	s.stop(problem.ErrStopping)
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.limits.Shutdown)
	defer cancel()
	defer time.AfterFunc(min(unusedFor, s.limits.Shutdown/2), fresh.close).Stop()
	err := server.Shutdown(bounded)
	if err != nil {
		err = fmt.Errorf("stop serving HTTP within %v: %w", s.limits.Shutdown,
			errors.Join(err, server.Close()))
	}
	if served := <-failed; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	if s.peers != nil {
		s.peers.close()
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
