// Package outbox holds what Goka's callbacks emit until it is written in a transaction. Goka sees it as its
// producer.
package outbox
