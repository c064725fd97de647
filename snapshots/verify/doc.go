// Package verify compares a table with an independent fold of its events (G4), and events with results
// (G1), while commands go on.
//
// The fold is made anew from offset zero, on the side (refold.Shadow). What it is compared with are
// rows: those of the table's topic, and those that workers have in their stores. All of it moves while it
// is read, so each row is compared at its own sequence, and the offsets are asked for in an order that
// leaves no room for a false difference:
//
//  1. the events, up to e, the high watermark of the moment, read committed: the transaction of each
//     event below it is decided by then, for the reading waits for that;
//  2. the rows: those of the table up to its high watermark, read committed. A transaction's rows are
//     written before it is decided, so the row of each event below e is among them. Then those of the
//     stores, once these have come to the last row of the table that was read;
//  3. the events from e on, up to the high watermark of now: a row that was read is committed, and so are
//     its events, which are in front of there.
//
// So no row may be behind the fold at e, and each that is ahead of it must be met by the events behind e.
// There is nothing to wait for, but for transactions that are open.
package verify
