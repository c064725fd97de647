package worker

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"refold/eventsourcing"
	"refold/kafka"
	"refold/reader"
	"refold/views/httpapi"
	"refold/views/httpapi/endpoint"
)

// Extension adds to a worker what is the program's own: routes and metrics. It is called once, when the
// worker is wired and before it serves. If it returns an error, the worker does not start.
type Extension func(*Host) error

// Host is what an extension may use of its worker, for as long as the worker runs.
type Host struct {
	// Metrics takes the extension's own metrics; they are shown with ours.
	Metrics prometheus.Registerer
	Logger  *slog.Logger

	worker     *Worker
	routes     []httpapi.Route
	endpoints  []func(*endpoint.Set)
	background []background
}

// background is work that runs beside the worker's own.
type background struct {
	name string
	run  func(context.Context) error
}

// Handle adds a route. The pattern is one of net/http.ServeMux with a method, such as "GET
// /garages/{id}/free"; the summary says in a few words what it is for. The route has the limits, metrics and
// spans of ours. A pattern that collides with another route is an error when the worker starts. A route below
// the path of an aggregate, as the one of garages above, is answered by the pod that has the one with the
// {id}, whichever pod is asked.
func (h *Host) Handle(pattern, summary string, handler http.Handler) {
	h.routes = append(h.routes, httpapi.Route{Pattern: pattern, Summary: summary, Handler: handler})
}

// Endpoints adds endpoints whose parameters and answers are checked, and described in OpenAPI, like ours. The
// function is called once, when all other endpoints are there, and registers them by endpoint.Register, with
// the context that set.Of returns. A route that collides with another one is an error when the worker starts.
func (h *Host) Endpoints(register func(set *endpoint.Set)) {
	h.endpoints = append(h.endpoints, register)
}

// Background has a function run while the worker runs, such as a projection that reads events (see
// [Host.Reader]). When it ends before its context does, it is called again, after a pause that grows up to
// processor.backoff-max; the log says why. Its context ends with the worker, which waits for it.
func (h *Host) Background(name string, run func(context.Context) error) {
	h.background = append(h.background, background{name, run})
}

// Reader returns a reader of an aggregate's events with the worker's own connections, for a consumer group of
// its own. The types are those that the reader is interested in; their schemas are the definition's if they
// are the definition's types. All workers with the extension share the partitions.
func (h *Host) Reader(aggregate, group string, types ...reader.EventType) (*reader.Reader, error) {
	for _, a := range h.worker.opened.Aggregates {
		if a.Name != aggregate {
			continue
		}
		registry := h.worker.in.Registry()
		registry.Logger, registry.Cache = h.Logger, h.worker.in.RegistryCache()
		r, err := reader.New(reader.Options{
			Kafka: h.worker.kafka, Registry: registry, Namespace: a.Namespace,
			Topic: h.worker.in.Topics(a.AggregateName).Events, Group: h.worker.in.Prefix() + group,
		}, types...)
		if err != nil {
			return nil, fmt.Errorf("read the events of %s: %w", a.Plural, err)
		}
		return r, nil
	}
	return nil, fmt.Errorf("there is no aggregate %q", aggregate)
}

// Send puts a command into an aggregate's topic, and returns when it is safe there. It does not wait for the
// outcome. The command is one of the aggregate's; a command that is sent again under the same ID is decided
// once.
func (h *Host) Send(ctx context.Context, aggregate, id, commandID string, command any) error {
	reader, err := h.reader(aggregate)
	if err != nil {
		return err
	}
	if wrong := eventsourcing.CheckCommand(commandID, id); wrong != nil {
		return wrong
	}
	err = reader.Send(ctx, eventsourcing.Envelope[any]{
		Metadata: eventsourcing.Metadata{
			ID: commandID, Source: "extension", Type: eventsourcing.TypeName(command), Subject: id,
			Time: h.worker.now(),
		},
		Data: command,
	})
	if err != nil {
		return fmt.Errorf("send a command to the %s %q: %w", aggregate, id, err)
	}
	return nil
}

// extend calls the extensions.
func (w *Worker) extend() error {
	w.host = &Host{Metrics: w.metrics, Logger: w.logger, worker: w}
	for i, extension := range w.extensions {
		if err := extension(w.host); err != nil {
			return fmt.Errorf("extension %d of the program: %w", i+1, err)
		}
	}
	return nil
}

// keep runs a background function of an extension until ctx ends.
func (w *Worker) keep(ctx context.Context, b background) {
	pause, faults := w.config.Processor.BackoffMin, kafka.NewFaultLog(w.logger)
	for ctx.Err() == nil {
		began := time.Now()
		err := b.run(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > steady {
			pause = w.config.Processor.BackoffMin
		}
		faults.Failed(slog.LevelError, "work of an extension ended; it is started again", err, "name", b.name,
			"pause", pause)
		kafka.Sleep(ctx, pause)
		pause = min(2*pause, w.config.Processor.BackoffMax)
	}
}
