package api

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"refold/projections"
	"refold/readmodels"
)

// Database is a store in a database. *sqlstore.Store is one.
type Database interface {
	projections.LiveReader

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
	Cards  projections.LiveReader
	Orders Searcher
	// Documents is the store that Orders are in, where their positions are looked for; the database if nil.
	Documents projections.LiveReader
	// Waits limits the requests that wait for a position at a time; 100 if 0. Each looks at its store five
	// times a second at least.
	Waits  int
	Logger *slog.Logger
	// Now is the clock that ages are reckoned by; time.Now if nil.
	Now func() time.Time
}

const defaultWaits = 100

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
	if o.Documents == nil {
		o.Documents = o.Database
	}
	if o.Waits < 0 {
		return o, fmt.Errorf("read models: Options.Waits is %d; it must be positive", o.Waits)
	}
	o.Waits = cmp.Or(o.Waits, defaultWaits)
	if o.Now == nil {
		o.Now = time.Now
	}
	return o, nil
}
