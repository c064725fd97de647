package load

import (
	"context"
	"encoding/json"
	"errors"

	"refold/processors"
)

// Command is one command to send.
type Command struct {
	ID string `json:"id"`
	// Aggregate is its name, such as "account", Plural that of all; Subject is its ID.
	Aggregate string          `json:"aggregate"`
	Plural    string          `json:"-"`
	Subject   string          `json:"subject"`
	Type      string          `json:"type"`
	Data      json.RawMessage `json:"data"`
	// Expected is the sequence that the aggregate must be at; nil if any will do.
	Expected *int64 `json:"expectedSequence,omitempty"`
	// Sending reports whether it is sent twice under its ID.
	Sending Sending `json:"sending,omitempty"`
}

// to returns the aggregate that the command is to.
func (c *Command) to() Subject {
	return Subject{processors.AggregateName{Name: c.Aggregate, Plural: c.Plural}, c.Subject}
}

// Sending is how often a command is sent. A second sending must get the first one's outcome (G1).
type Sending string

// Ways of sending.
const (
	Once   Sending = ""
	Again  Sending = "again"   // once more, after its answer
	AtOnce Sending = "at-once" // twice at the same time
)

// Outcome is what became of a command, as far as the sender was told.
type Outcome string

// Outcomes.
const (
	Accepted Outcome = "accepted"
	Rejected Outcome = "rejected"
	Unknown  Outcome = "unknown" // no answer before patience or the program ended
	Refused  Outcome = "refused" // never became a command: the API doesn't take it
)

// Answer is what the system said to a command.
type Answer struct {
	Outcome Outcome `json:"outcome"`
	// FirstSequence and LastSequence span the events of an accepted command.
	FirstSequence int64 `json:"firstSequence,omitempty"`
	LastSequence  int64 `json:"lastSequence,omitempty"`
	// Code is why it was rejected.
	Code string `json:"code,omitempty"`
	// HTTPStatus is the last answer's; 0 if there was none, or no HTTP.
	HTTPStatus int `json:"httpStatus,omitempty"`
	// Attempts are the requests or records that it took, all sendings together.
	Attempts int `json:"attempts"`
}

// same reports whether two answers to the same command agree.
func (a Answer) same(b Answer) bool {
	return a.Outcome == b.Outcome && a.Code == b.Code &&
		a.FirstSequence == b.FirstSequence && a.LastSequence == b.LastSequence
}

// Subject is an aggregate of the system.
type Subject struct {
	processors.AggregateName

	ID string
}

// State is an aggregate's state, as JSON, at a sequence. The zero value is that of one without events.
type State struct {
	Sequence int64
	JSON     json.RawMessage
}

// System is what the load runs against. Its methods are called concurrently.
type System interface {
	// Send sends a command, again under the same ID where an answer is missing, until it has an
	// answer or ctx ends; then the outcome is Unknown. The error says why there is no answer, or
	// that the command was Refused.
	Send(ctx context.Context, c Command) (Answer, error)
	// Watch announces that Wait will be called for an aggregate. It is called before the aggregate has
	// events; Forget ends it.
	Watch(s Subject)
	Forget(s Subject)
	// Wait returns an aggregate's state as soon as it fulfils the condition. When ctx ends before, the state
	// is the last one known.
	Wait(ctx context.Context, s Subject, until func(State) bool) (State, error)
}

// ErrRefused is the error of a command that the system doesn't take: sending it again is no use.
var ErrRefused = errors.New("refused")
