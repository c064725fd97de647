// Package operations is the part of the console for operators: partitions and who has them, rebuilds of
// tables, views and read models, verification, transactions that hang, schemas, the configuration, and alerts
// with their runbooks. What it shows and does goes through the API, or through small interfaces that the
// worker fulfils.
package operations
