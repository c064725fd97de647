package wire

import (
	"encoding/json"
	"time"
)

// The values of Command.Status.
const (
	StatusPending  = "pending"
	StatusAccepted = "accepted"
	StatusRejected = "rejected"
)

// CommandRequest is the body of a request that sends a command.
type CommandRequest struct {
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
}

// Command is a command, and how far it has come.
type Command struct {
	ID        string     `json:"id"`
	Type      string     `json:"type,omitempty"`
	Status    string     `json:"status" enum:"pending,accepted,rejected"`
	Aggregate string     `json:"aggregate,omitempty"`
	Subject   string     `json:"subject,omitempty" doc:"The aggregate's ID."`
	Time      *time.Time `json:"time,omitempty" doc:"When it was sent."`
	Source    string     `json:"source,omitempty" doc:"Who sent it; only of one that is looked up."`

	FirstSequence int64  `json:"firstSequence,omitempty" doc:"Of its events, if accepted."`
	LastSequence  int64  `json:"lastSequence,omitempty" doc:"Less than first: no event."`
	Code          string `json:"code,omitempty" doc:"Why it was rejected, for programs."`
	Message       string `json:"message,omitempty" doc:"Why it was rejected, for people."`

	Links *Links `json:"links,omitempty"`
}

// Links are paths of the same server.
type Links struct {
	Self    string `json:"self"`
	Subject string `json:"subject,omitempty" doc:"The aggregate, at least as new as the result."`
}

// Choices is the answer where an ID is that of several commands.
type Choices struct {
	ID       string     `json:"id"`
	Detail   string     `json:"detail" doc:"What to do, for people."`
	Commands []*Command `json:"commands" nullable:"false" doc:"Each has its own address in links.self."`
	More     bool       `json:"more,omitempty" doc:"There are more than these."`
}
