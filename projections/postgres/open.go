package postgres

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"refold/projections/sqlstore"
)

// Options are the limits of a store. Zero values stand for defaults.
type Options struct {
	// Connections is how many connections there are at most, for writing and for queries; 8 by default.
	Connections int
	// ConnectTimeout is how long one may take to be made; 10 s by default. The URL's connect_timeout goes
	// before.
	ConnectTimeout time.Duration
	// StatementTimeout is how long a statement may run, other than those that make tables or look at a whole
	// build; 30 s by default, no limit if it is negative. The URL's statement_timeout goes before.
	StatementTimeout time.Duration
	// IdleTimeout is how long a transaction may stand still: if a process is stopped in the middle of one,
	// its locks are free after that time; 10 s by default. Looks at a whole build may take as long as they
	// want. The URL's idle_in_transaction_session_timeout goes before.
	IdleTimeout time.Duration
	// WriteTimeout is how long a batch may take, from the connection to the commit; one minute by default.
	WriteTimeout time.Duration
	// LockTimeout is how long a take-over waits for statements that read a view, and lets others that read it
	// wait; 2 s by default. A query that takes longer keeps a build from taking over until it has ended.
	LockTimeout time.Duration
	// RowsPerStatement is how many rows a statement writes at most; 5,000 by default.
	RowsPerStatement int
}

const (
	defaultConnections      = 8
	defaultConnectTimeout   = 10 * time.Second
	defaultStatementTimeout = 30 * time.Second
	defaultIdleTimeout      = 10 * time.Second
	defaultWriteTimeout     = time.Minute
	defaultLockTimeout      = 2 * time.Second
	defaultRowsPerStatement = 5000
)

// Open opens a store in the database of a URL or a connection string, as libpq takes it. It does not connect
// yet.
func Open(url string, o Options) (*sqlstore.Store, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("the URL of the database: %w", err) // without the password: pgx sees to that
	}
	config.MaxConns = int32(min(cmp.Or(o.Connections, defaultConnections), math.MaxInt32))
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = cmp.Or(o.ConnectTimeout, defaultConnectTimeout)
	}
	for name, value := range map[string]string{
		"application_name": "refold",
		"statement_timeout": milliseconds(
			cmp.Or(o.StatementTimeout, defaultStatementTimeout)),
		"idle_in_transaction_session_timeout": milliseconds(cmp.Or(o.IdleTimeout, defaultIdleTimeout)),
	} {
		if _, set := config.ConnConfig.RuntimeParams[name]; !set {
			config.ConnConfig.RuntimeParams[name] = value
		}
	}
	// Each statement of a batch must see what was committed before it got its locks.
	config.ConnConfig.RuntimeParams["default_transaction_isolation"] = "read committed"
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return nil, fmt.Errorf("connecting to the database: %w", err)
	}
	d := &database{
		pool: pool, queries: stdlib.OpenDBFromPool(pool),
		writeTimeout:     cmp.Or(o.WriteTimeout, defaultWriteTimeout),
		lockTimeout:      cmp.Or(o.LockTimeout, defaultLockTimeout),
		rowsPerStatement: max(1, cmp.Or(o.RowsPerStatement, defaultRowsPerStatement)),
	}
	return sqlstore.New(d), nil
}

// milliseconds returns a time as a setting has it; 0, which is no limit, if it is negative.
func milliseconds(d time.Duration) string { return strconv.FormatInt(max(0, d.Milliseconds()), 10) }
