package api

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"time"

	"refold/projections"
	"refold/readmodels"
)

// Live reads the live build of a projection in any store. Every projections.Store is one.
type Live interface {
	// LiveRow returns the values of a row by those of its key: see projections.Store.
	LiveRow(ctx context.Context, p *projections.Projection, t *projections.Table, key ...any) ([]any, error)
}

// Database is a store in a database. *sqlstore.Store is one.
type Database interface {
	Live

	// Builds returns the builds of a projection.
	Builds(ctx context.Context, projection string) ([]projections.Build, error)
	// DB is the database. A projection's tables are views in it that have their names.
	DB() *sql.DB
	// Dialect returns postgres or sqlite.
	Dialect() string
	// Rebind returns a query whose ? are as the database takes them.
	Rebind(query string) string
}

// Question is what is asked of [Searcher].
type Question struct {
	// Words are such as readmodels.Words makes them, at least one. An order has each of them as the beginning
	// of one of its own.
	Words []string
	// Account and Status limit the orders; empty: they don't.
	Account, Status string
	// Orders come in the order of their IDs, those behind After, at most Limit.
	After string
	Limit int
}

// Searcher finds orders.
type Searcher interface {
	// SearchOrders returns the orders that a question is about. The error wraps projections.ErrNoBuild if no
	// build of readmodels.OrderSearch is live.
	SearchOrders(ctx context.Context, q Question) ([]readmodels.OrderDocument, error)
}

// Options says where read models are.
type Options struct {
	// Database has accounts_current, account_statement, orders_by_status and customer_orders. Required.
	Database Database
	// Cards has account_card, Orders order_search; the database if nil.
	Cards  Live
	Orders Searcher
	Logger *slog.Logger
	// Now is the clock that ages are reckoned by; time.Now if nil.
	Now func() time.Time
}

func (o Options) withDefaults() (Options, error) {
	if o.Database == nil || o.Logger == nil {
		return o, errors.New("read models: Options.Database and Logger must be set")
	}
	if o.Cards == nil {
		o.Cards = o.Database
	}
	if o.Orders == nil {
		o.Orders = inDatabase{o.Database}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o, nil
}
