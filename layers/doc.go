// Package layers holds the uncommitted rows of a table, in layers on top of its committed store. Rows are
// written to the open layer. Seal closes it; the oldest sealed layer is the next one to be committed. It
// knows no store and no transaction: package snapshots puts layers on top of a database, package exactlyonce
// on top of a map in memory.
package layers
