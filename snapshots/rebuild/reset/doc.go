// Package reset makes a table again from offset zero of its events while no worker runs: a table that is
// lost, or that can't be trusted any more.
//
// Two things keep workers out meanwhile:
//
//   - The [Membership]: the reset is a member of the workers' group, by a protocol that they don't have. The
//     broker admits no other member while that member lives. Workers report that they are not members, and
//     try again.
//   - The mark: the reset first sets the group's offsets to [Mark], which is beyond the end of any topic, and
//     corrects them last. A worker that joins in between, because the reset has died, finds impossible
//     offsets and ends with an error. Otherwise it would decide on rows that are half made.
//
// A worker that was cut off, and does not know yet that it has left the group, can't commit: the broker
// refuses its offsets by their generation. A transaction of such a worker whose offsets were accepted is
// decided sooner or later. This package reads each topic to its end, which waits for that.
//
// A reset may be killed at any moment and run again. It compares rows with what they should be, so that a
// second run writes what the first one did not reach.
package reset
