// Package owners is the directory of owners: which pod has which partitions of which group. Pods tell each
// other through a topic of one partition, which all of them follow. (Groups of KIP-848 carry no user data of
// members.)
//
//	key:   <group>/<instance>
//	value: {"address": "10.0.0.7:8080", "generation": 7, "partitions": [0, 3], "since": …, "at": …}
//
// A pod announces its partitions when they change and again every [Limits.Interval]. It writes a tombstone
// when it stops, or owns nothing of the group.
//
// The directory is a hint, never the truth. It may be late by the time of a record, and by [Limits.Fresh] for
// a pod that died. So the pod that is asked must know by itself whether it owns, and refuse if it does not.
// The pod that asked then calls [Directory.Misled], and looks again.
//
// # Which announcement counts
//
// Of all announcements that name a partition and are fresh, the one of the highest generation counts, and of
// one generation the later record. Generations begin again when a group is deleted; the announcements of its
// earlier generations are then no longer repeated, and stop being fresh.
//
// Clocks of pods differ. An announcement is fresh for [Limits.Fresh] after this pod has received it, by this
// pod's clock. Of those that were there before this pod began to read nobody knows that. They count by their
// age, from which [Limits.Skew] is taken off: a pod whose clock is wrong by more is not found until it
// announces itself again.
package owners
