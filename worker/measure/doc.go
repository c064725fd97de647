// Package measure asks Kafka how far consumer groups have come, how much waits for them and for how long, and
// who is in them: figures of the whole installation, for people who look at it. It asks only when it is asked
// itself.
package measure
