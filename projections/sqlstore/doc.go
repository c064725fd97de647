// Package sqlstore keeps projections in a database: all that Postgres and SQLite have in common. Packages
// postgres and sqlite open stores.
//
// # What is in the database
//
// The rows of build 3 of the table accounts are in accounts__3, with the columns of the table's struct.
// Readers use the view accounts, which shows the build that is live. The states of the projection shop are in
// shop_states__3. Three tables are about all builds: refold_builds, refold_progress and refold_migrations.
//
// A [projections.Batch] is one transaction. It moves the progress of its partitions first, and only from
// where the batch begins and under the epoch that the writer has claimed. So neither a batch that is written
// twice nor one of a member that has lost its partition leaves anything: each event is taken once.
//
// # Migrations
//
// Files of a projection's Migrations are run once in each build, by their paths in order, in one transaction
// with the rows of refold_migrations that remember them. {accounts} stands for accounts__3, also within a
// name: CREATE INDEX {accounts}_by_email ON {accounts} (email). Name all that a file makes so: whatever table
// or view begins with the name of a build's table is dropped with the build. New files are run in builds that
// exist when these are opened. A file that has been run must not change.
//
// A file with .filled. in its name, such as 001_indexes.filled.sql, is run when the build is filled, before
// it takes over: an index is then sorted once, and not filled entry by entry.
//
// # Errors
//
// If the database refuses data for what it says, the error is a [projections.Poison] with the reason
// [projections.PoisonRefused]. All other errors but those of package projections are faults.
package sqlstore
