// Package audit checks the promises of Refold's architecture by what can be read when all work is done:
// every command has its one outcome, events are gap-free, rows are the fold of their events, read models
// have each event once, and nothing is left undecided. [Kind] is all that it knows of an aggregate,
// [ReadModel] of a projection; [Main] is the program.
//
// It shares no code with the program that it checks: the reader is plain franz-go, decoding is goavro with
// the schemas of the registry, databases are read in plain SQL, and each fold is written once more. [Run]
// checks a whole installation. [Read] gets one [World] from a cluster, and [World.Check] returns what is
// wrong with it. The tests damage a world in every way that they can, and expect Check to notice.
package audit
