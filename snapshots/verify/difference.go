package verify

import "refold/snapshots/rebuild/refold"

// Kind is a kind of difference.
type Kind string

// What is wrong with a row, an event or a result.
const (
	// Differs: the row says something else than the fold at its sequence.
	Differs Kind = "differs"
	// Missing: there are events, and no row.
	Missing Kind = "missing"
	// Behind: the row lacks events that were committed before it was read.
	Behind Kind = "behind"
	// Ahead: the row is at a sequence that the events don't come to.
	Ahead Kind = "ahead"
	// Unreadable: the row can't be decoded.
	Unreadable Kind = "unreadable"
	// ResultWithoutEvent: a result names an event that there isn't, or a second time.
	ResultWithoutEvent Kind = "result-without-event"
	// EventWithoutResult: an event has no result, though earlier ones have.
	EventWithoutResult Kind = "event-without-result"
	// OtherCommand: the event was caused by another command than the result says.
	OtherCommand Kind = "other-command"
)

// Difference is something that is not as the events say. It is printed as a line of JSON.
type Difference struct {
	Partition int32  `json:"partition"`
	Key       string `json:"key"`
	// Where names the topic of the rows, the store, or the topic of the results.
	Where string `json:"where"`
	What  Kind   `json:"what"`
	// Sequence is the row's, or the event's; 0 of a row that is missing or unreadable.
	Sequence int64 `json:"sequence,omitempty"`
	// Last is the sequence of the last event that a result names in vain, if it names several.
	Last int64 `json:"lastSequence,omitempty"`
	// Events is the sequence that the events come to, of a row that is ahead.
	Events *int64 `json:"events,omitempty"`
	// Command is the one that the event or the result names.
	Command string `json:"command,omitempty"`
	// Fields are what differs, of rows.
	Fields []refold.Field `json:"fields,omitempty"`
	// Message says more.
	Message string `json:"message,omitempty"`
}
