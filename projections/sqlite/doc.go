// Package sqlite keeps projections in a SQLite database: a file, and no server. It is what an installation
// has that names no other store. Any number of processes on one machine may use the file; a network file
// system does not lock as SQLite needs it.
//
// Tables are STRICT and have no rowids: a row is in the tree of its key, and nowhere else. Booleans are 0 and
// 1, times are texts in UTC with six digits of a second, 2026-03-01T12:00:00.123456Z, so that they sort; JSON
// is text. Package sqlstore says which tables there are.
//
// One batch is written at a time, whoever writes it. Readers go on meanwhile (WAL). A process that is stopped
// (SIGSTOP) while it writes keeps all others from writing until it goes on or ends. After a power failure the
// last batches may be missing, all of them whole (synchronous=NORMAL): progress is among what is missing, so
// they are taken again.
package sqlite
