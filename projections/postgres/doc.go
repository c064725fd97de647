// Package postgres keeps projections in PostgreSQL, 14 or later. Package sqlstore says which tables there
// are; they are made in the first schema of the search path, by a role that may create tables there.
//
// # Waiting for a state
//
// The function refold_wait waits until the live build of a projection has a state, which is named as the
// header X-Refold-Position names it, and reports whether it has come in time:
//
//	SELECT refold_wait('accounts_current', 'account/alice@7', '2 s');
//
// account-events:3@1234 waits until it has all events of that partition up to that offset.
//
// It sees what others commit only in transactions of the level READ COMMITTED, the default.
//
// # Rights
//
// Views are replaced when a build takes over. One whose columns have changed is dropped and made anew, and
// loses what was granted on it: grant by ALTER DEFAULT PRIVILEGES. The function refold_wait reads
// refold_builds and the tables of states with the rights of its caller.
//
// # PgBouncer
//
// Batches are one transaction without BEGIN, and statements are prepared: pooling by transactions works from
// PgBouncer 1.21 on. The limits are startup parameters. Let it ignore them (ignore_startup_parameters), and
// set them for the role: statement_timeout, idle_in_transaction_session_timeout,
// default_transaction_isolation.
//
// # Locks
//
// Writers of a build share an advisory lock for the time of a transaction. A take-over and a repair have it
// alone, for moments. Batches lock rows in the order of their keys, so they don't wait for each other in
// circles; where they do anyway (two batches that make the same rows), the one that Postgres ends is tried
// again.
package postgres
