// Package audittrail remembers who did what to an installation: by the console, by the HTTP API's endpoints
// for operators, and by the command line.
//
//	Trail.Begin ──▶ audit-trail: "begun"   (refused if it can't be written)
//	the operation
//	Entry.End   ──▶ audit-trail: "done", "refused" or "failed", with all of it again
//
// Nothing is done of which there is no record: Begin comes first, and whoever can't write it does nothing.
// If the second record can't be written, the first one stays alone: the operation was begun, and nobody
// knows how it ended. Whoever did it is told so.
//
// The topic has one partition and no transactions, so a record's sequence is its offset, and one: it has no
// gaps. Records are JSON; a later version may add members, such as the hash of the record before.
package audittrail
