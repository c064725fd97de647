// Package rebuild coordinates rebuilds of tables: the operation that folds a table again from offset zero of
// its events while everything runs. Requests and progress are records of one compacted topic, which every
// worker and every tool follows.
//
//	processor rebuild, POST /admin/rebuilds ──▶ <group>/requests/<id>       ─┐
//	a worker's Coordinator ────────────────────▶ <group>/requests/<id>/<p>   ├─▶ topic ──▶ State
//	a worker's Coordinator ────────────────────▶ <group>/partitions/<p>     ─┘  (one partition)
//
// Each reader folds the topic into a [State] of its own. The topic has one partition, so all readers see
// the same records in the same order. It is compacted, so it holds little more than the State does.
//
// The package below it, refold, folds one partition; the package reset makes a table again while nothing
// runs.
//
// # The fold version of a partition
//
// A correction of an aggregate's Evolve raises its fold version: rows that the version before has made are
// no longer the fold of their events. A row does not carry its version, because raising it would rewrite
// every row. Its partition does: the fold version of a table's partition is the least of all workers that
// have written it since it was last refolded. A worker that takes a partition over therefore records that
// before it handles anything ([Coordinator.Prepare]), and lowers the version if its own is lower. Only a
// rebuild that has ended raises it.
//
// Two workers may write records of one partition at the same moment, one of them a zombie that does not
// know yet that it has lost the partition. The end of a rebuild is therefore a record under a key of its
// own that names its worker's session. It counts only while the partition still belongs to that session.
// Otherwise the version read is too low, and the worst that follows is another rebuild.
package rebuild
