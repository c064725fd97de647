// Package outcomes remembers the outcomes of commands for a time, however many commands their aggregates get
// meanwhile. A row's ring remembers a number of commands; this index answers for those that the ring has
// forgotten (G1). Decision 17 says why it is in memory, beside the table.
//
// An [Index] is of one aggregate:
//
//   - A decision adds its outcome at once ([Index.Add]), so that the next command of the same batch finds
//     it. Its layer is sealed, committed and discarded with the rows of the table ([Index.Seal],
//     [Index.Commit], [Index.Discard]): an aborted transaction leaves nothing behind.
//   - A session begins with what the index lacks, read from the results topic ([Index.Prepare]): for a
//     partition that is new here, the results of the last Options.Remember; for one that was here before,
//     what was written since. That time counts by the times of commands' records, back from the latest that
//     has a result: what waited through an outage is as far apart as it was sent.
//
// Nothing is written anywhere, so workers with and without an index may share a group.
//
// All indices of a worker share a [Memory], which holds the latest outcomes. If it is too small for
// Options.Remember, the oldest go before their time, and a metric counts them.
package outcomes
