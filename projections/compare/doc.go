// Package compare verifies a build of a projection: it folds the events anew, and compares with what the
// store holds, while the projector goes on (G12).
//
// Rows are read first, together with the build's progress, and then the events are folded up to exactly
// there. So nothing is held in the store while events are read, however long that takes. A view that is of
// one moment gives rows and progress that belong together. Of other stores, progress is read before and after
// the rows: a row that no event between the two has touched must be equal, and any other one is read again,
// until it holds still. Such a store may also write rows before it writes progress, so a row counts as
// different only if two readings in a row find it so, and alike.
//
// # Memory
//
// Rows are compared in slices of the hashes of their keys. A slice that turns out to be too large is halved
// at once, and the rest of it is the next slice; each slice reads all events. The states that the fold needs
// are those of one partition at a time. If there are too many, the aggregates that came too late are folded
// by reading the partition again from there. A sample is a part of all hashes, and so takes fewer slices.
//
// States that events look up are folded from the log as well: those of a stretch of events that fits in
// memory are named by a first reading of it, and folded by one of the aggregate that is looked up. The stored
// ones are not read; if one is wrong, so is the row that was made of it.
//
// # Not a difference
//
// An event that the projection can't take leaves its changes out here as it does in the projector. One whose
// rows the store has refused is known by its dead letter.
package compare
