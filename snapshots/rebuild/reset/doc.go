// Package reset makes a table anew from offset zero of its events while no worker runs: for a table that
// is lost, or that nobody trusts any more.
//
// What keeps workers out meanwhile are two things:
//
//   - The [Seat]: the reset is a member of the workers' group, by a protocol that they don't have. The
//     broker lets nobody else in for as long as that member lives; workers say that they are
//     not members, and try on.
//   - The mark: the first thing that the reset does is to set the group's offsets to [Mark], where no
//     topic ends; the last is to set them right. A worker that joins in between, because the reset has
//     died, finds offsets that can't be and ends, saying so. It would otherwise decide on rows that are
//     half made.
//
// A worker that was cut off, and does not know that it is no member any more, can't commit: its offsets
// are refused with its generation. What it had in a transaction whose offsets were taken is decided
// sooner or later, and everything that is read here is read up to the end of each topic, which waits
// for that.
//
// All of it may be done again after a kill at any moment. Rows are written by what they should be, so
// that a second run writes what the first one did not get to.
package reset
