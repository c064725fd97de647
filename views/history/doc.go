// Package history keeps the events of aggregates in local stores, and folds them to states of the past.
package history
