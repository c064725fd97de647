// Package eventsourcing is the pure kit of an event-sourced aggregate: what one is made of
// ([Decider]), what travels ([Envelope]), what is kept ([Snapshot]), and the one function that
// takes a command to its outcome ([Handle]). It knows no Kafka, no encoding and no clock, and
// imports the standard library only.
//
//	command ──▶ Handle ──▶ known by the ring of recent commands?   the first outcome again (G1)
//	              │        expected sequence differs?               rejected: sequence-mismatch
//	              │        Decide(state, command)                   rejected with a code, or events
//	snapshot ─────┘        Evolve(state, event) for each            ──▶ snapshot, events, result
//
// Three properties hold whatever the aggregate does, and the tests check them:
//
//   - G1, one outcome per command: a command that comes again while the ring remembers it gets
//     its first outcome and changes nothing. When the ring has forgotten it, a command that
//     carries the expected sequence is still refused.
//   - G2, gap-free events: the events of an aggregate are numbered 1, 2, 3 … without a hole.
//   - G4, state = fold(events): a snapshot's state is the fold of all events from
//     [Decider.Initial], and its ring is the tail of the aggregate's outcomes.
//
// Handle is deterministic: the same snapshot and the same command give the same outcome, every ID
// and time included, so that a batch that was aborted is handled again to identical bytes.
package eventsourcing
