// Package refolds is what workers and people tell each other of refolds: the compacted topic of that
// name, and the keeper that refolds a worker's partitions when somebody asks for it.
//
//	processor rebuild, POST /admin/refolds ──▶ <group>/requests/<id>      ─┐
//	a worker's Keeper ───────────────────────▶ <group>/requests/<id>/<p>   ├─▶ refolds ──▶ Board
//	a worker's Keeper ───────────────────────▶ <group>/partitions/<p>     ─┘   (one partition)
//
// Each reader folds the topic into a [Board] of its own. The topic has one partition, so all readers see
// the same records in the same order; it is compacted, so it holds little more than the Board does.
//
// # The fold version of a partition
//
// An aggregate's Evolve may be mended. Its fold version is raised then, and rows that the version before
// has made are no fold any more of their events by this one. A row does not say which version it is of
// (raising it would rewrite every row), its partition does: the fold version of a table's partition is the
// least of all workers that have written it since it was refolded last. So a worker that takes a
// partition over says so before it handles anything ([Keeper.Prepare]), and lowers the version if its own
// is lower; only a refold that has ended raises it.
//
// Two records of one partition may be written by two workers at the same moment, one of them a zombie
// that does not know yet that it has lost the partition. Therefore the end of a refold is a record under
// a key of its own that names its worker's session, and it counts for nothing unless the partition is that
// session's still: the version read is then too low, and the worst that follows is another refold.
package rebuild
