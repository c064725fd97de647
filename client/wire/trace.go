package wire

import "time"

// Trace is everything that a command has led to, as a tree.
type Trace struct {
	CorrelationID string      `json:"correlationId"`
	Commands      int         `json:"commands" doc:"How many there are in the tree."`
	Events        int         `json:"events"`
	Results       int         `json:"results"`
	DeadLetters   int         `json:"deadLetters"`
	First         time.Time   `json:"first" doc:"Time of the first message."`
	Last          time.Time   `json:"last" doc:"Time of the last message."`
	DurationMS    int64       `json:"durationMs" doc:"From first to last, in milliseconds."`
	Truncated     bool        `json:"truncated" doc:"There are more messages; these are the first."`
	Limit         int         `json:"limit,omitempty" doc:"If truncated: how many it may have."`
	Roots         []TraceNode `json:"roots" nullable:"false" doc:"What nothing in here has caused."`
}

// TraceNode is a message of a trace, and what it has caused.
type TraceNode struct {
	Kind        Kind      `json:"kind" enum:"command,event,result,dead-letter"`
	ID          string    `json:"id" doc:"Of a dead letter that of the record that was set aside."`
	CausationID string    `json:"causationId,omitempty"`
	Aggregate   string    `json:"aggregate,omitempty"`
	Subject     string    `json:"subject,omitempty" doc:"The aggregate's ID."`
	Type        string    `json:"type,omitempty" doc:"Of a result that of its command."`
	Sequence    int64     `json:"sequence,omitempty" doc:"Of an event."`
	Time        time.Time `json:"time" doc:"When it was written, in milliseconds."`

	Outcome       string `json:"outcome,omitempty" enum:"accepted,rejected" doc:"Of a result."`
	FirstSequence int64  `json:"firstSequence,omitempty" doc:"Of the events, if accepted."`
	LastSequence  int64  `json:"lastSequence,omitempty" doc:"Less than first: no event."`
	Code          string `json:"code,omitempty" doc:"Why it was rejected, for programs."`
	Message       string `json:"message,omitempty" doc:"Why it was rejected, for people."`
	Reason        string `json:"reason,omitempty" doc:"Why a dead letter was set aside."`

	Repeated bool `json:"repeated,omitempty" doc:"The command, or its result, was there before."`
	Orphan   bool `json:"orphan,omitempty" doc:"Its cause is not in here, such as one too old to be kept."`

	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`

	Children []TraceNode `json:"children,omitempty" nullable:"false" doc:"In the order of time."`
}
