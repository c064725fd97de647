// Package redis keeps projections in Redis or Valkey: rows that a front end asks for by their keys, a
// thousand times a second.
//
// A row is a hash, {<prefix><projection>}:<build>:<table>:<key>, with a field for each column that is not
// null: texts, bytes and JSON as they are, numbers in decimal, 1 and 0 for booleans, times in RFC 3339. Other
// programs read it so, by the number in {<prefix><projection>}:.live; [Store.LiveRows] does both in one step.
//
// # Exactly once
//
// Each batch is one Lua script. It compares the epochs and offsets of the batch's partitions with those in
// Redis, and then writes rows, states and progress. Redis runs nothing else meanwhile, and replicates a
// script's writes as one transaction. So a batch is written once and whole. All keys of a projection have one
// hash tag: in a cluster, they are in one slot, on one node. A projection is as large as that node at most.
//
// # When Redis loses data
//
// Redis acknowledges before its disk or a replica has the write. After a crash or a failover it may be some
// seconds back, as after a restored backup: rows, states and progress go back together. The next write then
// ends in projections.ErrMoved, and the projector goes on from what is there. An empty Redis is the same
// case: the claim makes the build again, under its number, and the projector fills it from the first event.
// It is not live meanwhile, so readers get projections.ErrNoBuild until it is level and takes over, and never
// a part of it.
//
// Single rows must not go. A Redis that evicts keys without a time to live when it is full (maxmemory-policy
// allkeys-...) is refused: it needs noeviction, with which it refuses writes instead. The projector then
// waits.
//
// # Limits
//
// A script blocks the server. The projector should end a batch at [Store.BatchRows] rows.
package redis
