// Package snapshots keeps local copies of tables: of the group tables that a worker writes, of the
// tables it joins, and of what its views show.
//
// [Stores] is a directory of stores, one for each partition of a topic. All of them share one Pebble
// database, in which each has a range of keys. There are two ways to use a partition's store:
//
//   - [Staged], for a group table. Rows of transactions that are not committed yet lie in layers on
//     top of what is committed, and never get to the disk: what a store holds has happened (G6).
//   - [Follower], for what somebody else writes: joins, lookups and views. A [Projection] may file
//     records under other keys than their own.
//
// Both restore themselves in Open: from the offset that the store is the state of to the end of the
// topic. Rows and that offset are written in one batch, without a log of their own, for the topic
// is the log: after a crash a store is a little behind, never ahead. A store that does not fit its
// topic or its projection, or whose files are damaged, is rebuilt from the topic, and says so.
//
// A store outlives those who open it: a partition that comes back after a rebalance reads what it
// missed and no more.
package snapshots
