// Package schedule thinks up what goes wrong, and when: a list of faults, the same for the same
// seed, that can be written to a file and run again.
//
// Faults come one upon another, but never more at once than what is promised can be kept under:
//
//   - At most two of the three workers have a fault at a time, each one: one worker can go on.
//     (In a rolling restart all of them are restarted, one after another, and nothing else.)
//   - At most one broker is dead or held still, for two copies of the three must be there; and the
//     next one has its turn only after a rest in which the first catches up.
//   - The registry, the load's own network, poison, rebuilds, the workers' rights, what pods send each
//     other and the stores of read models have their turns whatever else there is; at most one right is taken
//     at a time, one schema refused, one worker hidden from the others, and one store away.
package schedule
