package eventsourcing

import (
	"reflect"
	"time"
)

// Metadata is what is known of a command or an event beside its data. It travels in the record's
// headers.
type Metadata struct {
	// ID is unique among all messages: of a command chosen by its sender, of an event
	// "<aggregate ID>/<sequence>".
	ID string
	// Source names who produced the message.
	Source string
	// Type is the data's Go type by its bare name, such as "DepositMoney"; see [TypeName].
	Type string
	// Subject is the aggregate's ID.
	Subject string
	// Time is the command record's timestamp, of an event that of its command.
	Time time.Time
	// CorrelationID is the ID of the command that began the chain.
	CorrelationID string
	// CausationID is the ID of the message that directly caused this one.
	CausationID string
	// Sequence is an event's position in its aggregate, from 1; 0 in a command.
	Sequence int64
	// ExpectedSequence is the sequence that the aggregate must be at for the command to be
	// decided, 0 being that of an aggregate without events; nil if any will do, and in events.
	ExpectedSequence *int64
	// Traceparent is the W3C trace context, passed on unchanged; empty if there is none.
	Traceparent string
}

// Envelope is a command or an event with its metadata.
type Envelope[T any] struct {
	Metadata
	Data T
}

// TypeName returns the bare name of v's Go type, such as "AccountOpened", also if v is a pointer
// to it; "" if v is nil or its type has no name. It does not allocate.
func TypeName(v any) string {
	t := reflect.TypeOf(v)
	if t == nil {
		return ""
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Name()
}
