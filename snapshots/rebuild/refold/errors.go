package refold

import (
	"errors"
	"fmt"

	"refold/fold"
)

// Errors of a refold, for errors.Is.
var (
	// ErrTruncated says that the events topic has lost its first events, or that it is empty while the table
	// has rows. Folding what is left would delete aggregates.
	ErrTruncated = errors.New("the events topic is not whole")
	// ErrRow says that a row can't be decoded or encoded.
	ErrRow = errors.New("row that can't be used")
	// ErrRefused is what Live.Between returns for rows that the table will never accept.
	ErrRefused = errors.New("the table refuses rows for good")
)

// CodeTruncated, CodeRow and CodeRefused are the codes of the errors above, as CodeOf gives them.
const (
	CodeTruncated = "events-truncated"
	CodeRow       = "row-unusable"
	CodeRefused   = "row-refused"
)

// EventError is an event that can't be folded. The refold of its partition ends with it, and has
// changed nothing by then.
type EventError struct {
	Topic     string
	Partition int32
	Offset    int64
	// Key is the aggregate's ID.
	Key string
	// Code says why, as the fold does: sequence-gap, undecodable, unknown-type and so on.
	Code string
	Err  error
}

// Error says where the event is, and what is wrong with it.
func (e *EventError) Error() string {
	return fmt.Sprintf("event at %s/%d offset %d (key %.100q) can't be folded: %v",
		e.Topic, e.Partition, e.Offset, e.Key, e.Err)
}

// Unwrap returns the fold's error.
func (e *EventError) Unwrap() error { return e.Err }

// CodeOf returns the code of an error that ended a refold finally: that of an [EventError], or one of this
// package's. It is empty for faults and for the end of a context: the refold may then be tried again.
func CodeOf(err error) string {
	event, is := errors.AsType[*EventError](err)
	switch {
	case is:
		return event.Code
	case errors.Is(err, ErrTruncated):
		return CodeTruncated
	case errors.Is(err, ErrRow):
		return CodeRow
	case errors.Is(err, ErrRefused):
		return CodeRefused
	}
	return ""
}

// unusable names the row that an error of the fold is about.
func unusable(key []byte, err error) error {
	if fold.CodeOf(err) == "" {
		return fmt.Errorf("row %.100q: %w", key, err)
	}
	return fmt.Errorf("%w: %.100q: %w", ErrRow, key, err)
}
