// Package rows checks the read models of accounts and orders by their rows: what all events make, what the
// stores have in the end, and what readers see meanwhile.
//
// It shares no code with the program. [Fold] is written once more, over events as package audit reads them.
// Stores are read by their drivers, under the names that readers use: see docs/read-models.md. [Watch] reads
// them all the time, and notes what no reader may see: a row that goes back, rows that are gone, a statement
// with a hole.
package rows
