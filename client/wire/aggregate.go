package wire

import (
	"encoding/json"
	"time"
)

// Row is the state of an aggregate.
type Row struct {
	ID       string          `json:"id"`
	Sequence int64           `json:"sequence"`
	State    json.RawMessage `json:"state"`
	// Time is that of the last event; only states of the past have it.
	Time *time.Time `json:"time,omitempty"`
	// Links are of rows in lists: not every ID fits into JSON as it is.
	Links *Links `json:"links,omitempty"`
	// Unreadable is set where State is null.
	Unreadable *Unreadable `json:"unreadable,omitempty"`
}

// Unreadable says why something can't be shown.
type Unreadable struct {
	Code   string `json:"code" doc:"For programs." example:"undecodable"`
	Detail string `json:"detail" doc:"For people."`
}

// Rows is a page of the list of aggregates.
type Rows struct {
	Items []Row  `json:"items"`
	Next  string `json:"next,omitempty"` // the path of the next page; empty: this is the last one
}

// Event is an event of an aggregate's history.
type Event struct {
	ID            string          `json:"id" doc:"AGGREGATE/SEQUENCE."`
	Type          string          `json:"type"`
	Sequence      int64           `json:"sequence"`
	Time          time.Time       `json:"time" doc:"When its command was sent."`
	CorrelationID string          `json:"correlationId,omitempty" doc:"The command that began it all."`
	CausationID   string          `json:"causationId,omitempty" doc:"The command that it came from."`
	Traceparent   string          `json:"traceparent,omitempty" doc:"W3C trace context."`
	Data          json.RawMessage `json:"data" doc:"Its fields, by the schema they were written with."`
	// ReadAs is empty, and not left out, if the event means nothing any more.
	ReadAs []Part `json:"readAs,omitzero" doc:"What an event of a former version is read as."`
	// Unreadable is set where Data is null.
	Unreadable *Unreadable `json:"unreadable,omitempty" doc:"Why data is null."`
}

// Part is one of the values that a record of a former version is read as.
type Part struct {
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
}

// Events is a page of a history.
type Events struct {
	Items    []Event `json:"items" nullable:"false"`
	Sequence int64   `json:"sequence" doc:"Of the newest event, on whichever page it is."`
	Next     string  `json:"next,omitempty" doc:"Where the history goes on; none: the end."`
}
