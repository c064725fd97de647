// Package opensearch keeps projections in OpenSearch: documents that people search. It speaks OpenSearch 2
// and 3.
//
// A table is an index, and a row a document of it: texts with a sub-field keyword for exact matches and
// sorting, other columns by their types. JSON columns are kept, but not searched: put what is searched into
// columns of its own. A build of a table is an index <prefix><table>__<build>; the one that is live has the
// alias <prefix><table>, by which readers search. A take-over swaps the aliases of all tables in one call.
//
// # Each event taken once, in effect
//
// OpenSearch has no transactions, so a batch is several steps in a fixed order: documents, then states, then
// progress. Before them, the progress says how far the batch will lead: a build that takes over must be
// there, as readers may have seen its documents. Each document has an external version: the sequence of its
// aggregate (Change.Sequence). A crash between two steps leaves documents that are ahead of the progress. The
// next member writes the batch again, perhaps cut elsewhere: what is older than the document is refused as
// already there, and the same version writes the same content, as the fold is deterministic. The progress
// moves only if nobody has changed it since it was read (if_seq_no), and if the epoch is the writer's. So a
// zombie can't move it, and what it writes to documents is what everybody writes under that version.
//
// Some things follow, which hold in other stores and not here:
//
//   - Readers may see a part of a batch, and see it up to a second late (index.refresh_interval).
//   - A row must be made by the events of one aggregate, since nothing orders the sequences of two. Rows are
//     put or deleted, never merged: that is projections.ErrCantMerge.
//   - A row that is refused (projections.Poison) may leave other rows of its batch behind. They are written
//     again.
//   - A batch of several partitions may have moved some of them when it fails. The writer is told
//     projections.ErrMoved at its next try, and claims them again.
//   - A hold counts by the clocks of the members, not by the store's, as OpenSearch tells no time.
//   - A snapshot is not of one moment. If the restored progress is older than the documents, all is well: the
//     events since are taken again. If it is newer, documents are missing that no event will bring back.
//     After a restore, begin a build anew, or verify and mend.
//
// # Deletions
//
// OpenSearch remembers the version of a deleted document for index.gc_deletes ([Options.Tombstones]), and
// then forgets it. A put that is older than the deletion and comes later than that would bring the row back.
// Three writers could send one:
//
//   - A member that takes a batch again, cut elsewhere, after a crash. The row is there until the next batch,
//     which has the deletion, a moment later.
//   - A zombie whose write is under way. It stops before each request if half of that time has gone since it
//     read the progress. So it must be stopped just between this check and the sending of the request, for
//     the other half.
//   - A member that goes back to older progress, after a restore. It takes the deletion again, too.
//
// Of the second case, a row may remain that should not be there. Verifying the projection finds it, mending
// removes it.
package opensearch
