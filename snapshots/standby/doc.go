// Package standby keeps local stores of partitions that other processes own, so that a take-over reads the
// tail only. A store is restored as every other one, and then follows its topic: all of a process by one
// client, read committed.
//
// # Handing a store over
//
// A store has one user at a time: a standby, or the session of its owner. The engine calls [Group.Follow]
// after the session before has closed its stores, and before the next session opens its own:
//
//	the group moves partition p to this process
//	the session before ends, and closes what it had open
//	Follow without p: the copies of p are detached from the client, then closed      (waits for both)
//	the session opens the stores of p, which restores what came since
//
// The poll may hold records of p at that moment: it finds the copy detached, and drops them; an Apply that
// is under way is waited for. The opposite direction is the same: the session has closed p before Follow
// with p opens it.
package standby
