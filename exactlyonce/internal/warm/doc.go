// Package warm decides which member of a group processes which partition, and which members follow it as
// standbys. It is pure: it has no clock, no client and no goroutine, and equal input gives an equal plan.
//
// The rules are those of Kafka Streams (KIP-441, KIP-708). [Assign] first computes the target: every member
// gets as many partitions as the others, at most one more; among all such assignments the target is the one
// that moves the fewest partitions, prefers members that are caught up, and leaves the least to be read. A
// member is caught up with a partition if it lacks at most Limits.AcceptableLag records of it. Then the plan
// follows the target as far as it costs nobody a restore: a partition whose target is not caught up, though
// somebody is, stays with the one that is; its target follows it meanwhile, as a warm-up. When the target has
// caught up, it has the group assign again, and the partition moves.
//
// All topics of a group have the same number of partitions, and partition p of all of them goes to one
// member: partitions are named by their numbers here.
package warm
