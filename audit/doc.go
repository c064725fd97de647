// Package audit checks the promises of Refold's architecture by what can be read in Kafka when
// the work is done: every command of the accounts has its one outcome, events are gap-free, rows
// are the fold of their events, money is neither made nor lost, and nothing is left undecided.
//
// It shares no code with the program: the reader is plain franz-go, decoding is goavro with the
// schemas of the registry, the fold is written once more. [Read] gets a [World] from a cluster,
// [World.Check] says what is wrong with it. Its own tests damage a world in every way they can
// think of and see whether Check notices.
package audit
