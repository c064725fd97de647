// Package react has the commands about reactions: it runs them without a worker, and shows how far they are.
package react
