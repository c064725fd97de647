package command

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"

	"refold/codecs"
	"refold/processors"
)

// Prepared opens the aggregates, and learns their schemas. The caller closes the registry.
func (l *Loaded) Prepared(ctx context.Context) (*codecs.Registry, []*processors.OpenAggregate, error) {
	registry, all, err := l.Open(nil)
	if err != nil {
		return nil, nil, err //nolint:wrapcheck // it says what is wrong
	}
	if err := all.Prepare(ctx); err != nil {
		registry.Close()
		return nil, nil, err //nolint:wrapcheck // it names the schemas
	}
	return registry, all.Aggregates, nil
}

// Service is a part of the worker that runs alone.
type Service interface {
	// Run works until ctx ends.
	Run(ctx context.Context) error
	// Ready returns why it does not work as it should.
	Ready() error
}

// NewMetrics returns a registry of metrics that has those of the process.
func NewMetrics() *prometheus.Registry {
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return metrics
}

// headerTimeout is how long a probe may take to say what it wants.
const headerTimeout = 5 * time.Second

// Serve runs a service, and answers probes at http.address meanwhile.
func Serve(ctx context.Context, s Service, metrics *prometheus.Registry, address string) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("http.address: %w (choose another with --http.address)", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := s.Ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: headerTimeout}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("http.address: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		err := s.Run(ctx)
		return errors.Join(err, server.Close())
	})
	return group.Wait() //nolint:wrapcheck // it says what ended
}
