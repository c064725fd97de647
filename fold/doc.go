// Package fold declares what a fold of events is made of, for the packages that fold again: a table beside
// the live one, a table that is lost, a state of the past. It knows records of Kafka and nothing else of
// Refold; package processors implements it for every aggregate.
//
// There are three parts. Each consumer takes what it needs:
//
//   - [Events]: records become states.
//   - [States]: states become bytes, and bytes states.
//   - [Rows]: states become rows of the table, and rows are compared with states.
//
// # Errors
//
// Each method may fail for good or for now. An error with a method Code() string is about the event or the
// row, and the same call will fail again. Any other error is a fault, and the same call may succeed later.
// [CodeOf] tells them apart.
package fold
