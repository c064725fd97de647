package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"refold/client/wire"
	"refold/kafka"
	"refold/projections"
	"refold/readmodels"
	"refold/views/httpapi/endpoint"
	"refold/views/httpapi/problem"
	"refold/worker"
)

// Extension adds the endpoints to a worker. The function is called once, when the worker is wired.
func Extension(options func(*worker.Host) (Options, error)) worker.Extension {
	return func(host *worker.Host) error {
		o, err := options(host)
		if err != nil {
			return fmt.Errorf("read models: %w", err)
		}
		register, err := Endpoints(o)
		if err != nil {
			return err
		}
		host.Endpoints(register)
		return nil
	}
}

// Endpoints returns the function that registers the endpoints in a server's set.
func Endpoints(o Options) (register func(*endpoint.Set), err error) {
	o, err = o.withDefaults()
	if err != nil {
		return nil, err
	}
	e := &endpoints{o, kafka.NewFaultLog(o.Logger), make(chan struct{}, o.Waits)}
	return func(set *endpoint.Set) {
		e.registerAccounts(set)
		e.registerStatements(set)
		e.registerCard(set)
		e.registerOrders(set)
		e.registerSearch(set)
		e.registerCustomer(set)
	}, nil
}

// endpoints answers from read models.
type endpoints struct {
	Options

	faults  *kafka.FaultLog
	waiting chan struct{} // has an item for each request that waits
}

const root = "/read-models"

// register adds an endpoint over a projection. It answers when readers see the position that the client has
// named. Errors of its store become problems.
func register[I any, F interface {
	*I
	fresh() *Fresh
}](
	e *endpoints, set *endpoint.Set, p *projections.Projection, operation huma.Operation,
	handler func(context.Context, *I) (*output, error),
) {
	operation.Method, operation.Tags = http.MethodGet, []string{"read-models"}
	operation.Path = root + operation.Path
	endpoint.Register(set, set.Of(), operation, func(ctx context.Context, in *I) (*output, error) {
		applied, err := e.await(ctx, set, p, F(in).fresh())
		if err != nil {
			return nil, e.problem(ctx, p, err)
		}
		out, err := handler(ctx, in)
		if err != nil {
			return nil, e.problem(ctx, p, err)
		}
		e.faults.Ended(faultOf(p))
		out.Applied = applied
		return out, nil
	})
}

func faultOf(p *projections.Projection) string { return "reading the read model " + p.Name }

// problem returns what an error is for the client. Any error of a store may go away: the store is away, or
// there is nothing to read in it yet.
func (e *endpoints) problem(ctx context.Context, p *projections.Projection, err error) error {
	if _, is := errors.AsType[*problem.Problem](err); is {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err() //nolint:wrapcheck // drivers say it in words of their own
	}
	if !errors.Is(err, projections.ErrNoBuild) && e.viewed(p) {
		_, unlive := inDatabase{e.Database}.live(ctx, p.Name) // without a live build there is no view
		if errors.Is(unlive, projections.ErrNoBuild) {
			err = unlive
		}
	}
	if errors.Is(err, projections.ErrNoBuild) {
		return problem.New(http.StatusServiceUnavailable, wire.CodeNoReadModel,
			"no build of the read model %s is live yet; it may be filling", p.Name).Retry().Because(err)
	}
	e.faults.Failed(slog.LevelError, faultOf(p), err)
	return problem.New(http.StatusServiceUnavailable, wire.CodeReadModelAway,
		"the store of the read model %s does not answer", p.Name).Retry().Because(err)
}

// viewed reports whether the projection is read by views in the database. What reads it in another way says
// itself that no build is live.
func (e *endpoints) viewed(p *projections.Projection) bool {
	_, searched := e.Orders.(inDatabase)
	return p.Name != readmodels.AccountCard.Name && (searched || p.Name != readmodels.OrderSearch.Name)
}

func unknownAccount(id string) error {
	return problem.New(http.StatusNotFound, wire.CodeNotFound, "there is no account %q here", problem.Cut(id))
}
