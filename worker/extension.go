package worker

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"refold/eventsourcing"
	"refold/kafka"
	"refold/reader"
	"refold/views"
	"refold/views/httpapi"
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
	background []background
}

// background is work that runs beside the worker's own.
type background struct {
	name string
	run  func(context.Context) error
}

// ErrNoView says that the worker keeps no views (views.enabled), and so can't read states.
var ErrNoView = errors.New("this worker keeps no views: views.enabled is false")

// Handle adds a route. The pattern is one of net/http.ServeMux with a method, such as
// "GET /garages/{id}/free"; the summary says in a few words what it is for. The route has the limits,
// metrics and spans of ours. A pattern that collides with another route is an error when the worker starts.
func (h *Host) Handle(pattern, summary string, handler http.Handler) {
	h.routes = append(h.routes, httpapi.Route{Pattern: pattern, Summary: summary, Handler: handler})
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
		registry, err := h.worker.in.Registry()
		if err != nil {
			return nil, err //nolint:wrapcheck // it names the setting
		}
		registry.Logger = h.Logger
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

// reader returns the views of an aggregate by its name.
func (h *Host) reader(aggregate string) (*views.Aggregate, error) {
	if !h.worker.config.Views.Enabled {
		return nil, ErrNoView
	}
	for _, a := range h.worker.opened.Aggregates {
		if a.Name == aggregate {
			return h.worker.views.Aggregate(aggregate), nil
		}
	}
	return nil, fmt.Errorf("there is no aggregate %q", aggregate)
}

// Row is the current state of an aggregate.
type Row[S any] struct {
	ID       string
	Sequence int64 // of the latest event in it
	State    S
}

// State returns the current state of an aggregate. It is as fresh as the worker's view, which is some
// milliseconds behind. The error is views.ErrNotFound, views.ErrNotReady, ErrNoView, or a fault.
func State[S any](h *Host, aggregate, id string) (Row[S], error) {
	reader, err := h.reader(aggregate)
	if err != nil {
		return Row[S]{}, err
	}
	row, err := reader.Get(id)
	if err != nil {
		return Row[S]{}, fmt.Errorf("read the %s %q: %w", aggregate, id, err)
	}
	return rowOf[S](row)
}

// StateAtLeast is [State] that waits until the view has the sequence, or ctx ends.
func StateAtLeast[S any](
	ctx context.Context, h *Host, aggregate, id string, atLeast int64,
) (Row[S], error) {
	reader, err := h.reader(aggregate)
	if err != nil {
		return Row[S]{}, err
	}
	row, err := reader.WaitFor(ctx, id, atLeast)
	if err != nil {
		return Row[S]{}, fmt.Errorf("read the %s %q: %w", aggregate, id, err)
	}
	return rowOf[S](row)
}

// States goes through all aggregates of a kind, in the order of their IDs. It ends with the first error.
func States[S any](h *Host, aggregate string) iter.Seq2[Row[S], error] {
	return func(yield func(Row[S], error) bool) {
		reader, err := h.reader(aggregate)
		if err != nil {
			yield(Row[S]{}, err)
			return
		}
		for after, more := "", true; more; {
			page, err := reader.List(after, pageRows)
			if err != nil {
				yield(Row[S]{}, fmt.Errorf("list the aggregates %s: %w", aggregate, err))
				return
			}
			for _, found := range page.Rows {
				if row, err := rowOf[S](found); !yield(row, err) || err != nil {
					return
				}
			}
			after, more = page.Next, page.Next != ""
		}
	}
}

// pageRows is how many rows States reads at a time.
const pageRows = 1000

func rowOf[S any](row views.Row) (Row[S], error) {
	if row.Unreadable != nil {
		return Row[S]{ID: row.ID}, row.Unreadable
	}
	state, is := row.State.(S)
	if !is {
		return Row[S]{ID: row.ID}, fmt.Errorf("the state of %q is a %T, not a %T", row.ID, row.State, state)
	}
	return Row[S]{row.ID, row.Sequence, state}, nil
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

// extend calls the extensions, and returns their routes.
func (w *Worker) extend() ([]httpapi.Route, error) {
	w.host = &Host{Metrics: w.metrics, Logger: w.logger, worker: w}
	for i, extension := range w.extensions {
		if err := extension(w.host); err != nil {
			return nil, fmt.Errorf("extension %d of the program: %w", i+1, err)
		}
	}
	return w.host.routes, nil
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
