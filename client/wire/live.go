package wire

import (
	"encoding/json"
	"time"
)

// Kind is what a message is.
type Kind string

// The kinds of messages.
const (
	KindCommand    Kind = "command"
	KindEvent      Kind = "event"
	KindResult     Kind = "result"
	KindDeadLetter Kind = "dead-letter"
	KindMissed     Kind = "missed" // of the live feed only: messages that the listener did not get
)

// Message is a record as the live feed shows it. What is not known is left out: anybody may have written a
// record into one of the topics.
type Message struct {
	Kind      Kind   `json:"kind" enum:"command,event,result,dead-letter"`
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`

	Aggregate     string    `json:"aggregate,omitempty" doc:"Of a dead letter: where it came from."`
	Subject       string    `json:"subject,omitempty" doc:"The aggregate's ID."`
	ID            string    `json:"id,omitempty"`
	Type          string    `json:"type,omitempty"`
	Sequence      int64     `json:"sequence,omitempty" doc:"Of an event."`
	Time          time.Time `json:"time"`
	CorrelationID string    `json:"correlationId,omitempty"`
	CausationID   string    `json:"causationId,omitempty"`

	// Outcome is of results. Repeated marks one that says once more what the first one said.
	Outcome  string `json:"outcome,omitempty" enum:"accepted,rejected" doc:"Of a result."`
	Repeated bool   `json:"repeated,omitempty" doc:"A result that was given before."`
	// Aside says where a dead letter came from, and why it is one.
	Aside *Aside `json:"deadLetter,omitempty"`

	Data        json.RawMessage `json:"data" doc:"The value; null if it can't be decoded."`
	Undecodable string          `json:"undecodable,omitempty" doc:"Why it can't be."`
	// ReadAs is empty, and not left out, if the record means nothing any more.
	ReadAs []Part `json:"readAs,omitzero" doc:"What a record of a former version is read as."`
}

// Aside is the place that a dead letter came from, and why it was set aside.
type Aside struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	Reason    string `json:"reason"`
	Message   string `json:"message"`
}

// Missed says that a listener did not get all.
type Missed struct {
	Kind Kind `json:"kind" enum:"missed"`
	// Records is how many offsets were passed: at most so many records, since markers of transactions have
	// offsets, too, and the filter would have left some out.
	Records    int64  `json:"records" doc:"At most so many; markers of transactions count."`
	Reason     string `json:"reason" enum:"backlog,retention"`
	Partitions []Span `json:"partitions" nullable:"false"`
}

// The values of Missed.Reason: the listener was too far behind, or the topic's retention deleted the records.
const (
	MissedBacklog   = "backlog"
	MissedRetention = "retention"
)

// Why gives the reason in words.
func (m *Missed) Why() string {
	if m.Reason == MissedRetention {
		return "deleted by retention before they could be read"
	}
	return "too far behind what happens now"
}

// Span is a piece of a partition that was passed: From is the first offset of it, To the next one that is
// read.
type Span struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	From      int64  `json:"from"`
	To        int64  `json:"to"`
}
