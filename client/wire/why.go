package wire

import (
	"encoding/json"
	"time"
)

// Why says which events last set the fields of a state.
type Why struct {
	ID       string    `json:"id"`
	Sequence int64     `json:"sequence" doc:"Of the state that is explained."`
	Time     time.Time `json:"time" doc:"Of the last event in it."`
	Fields   []Reason  `json:"fields" nullable:"false" doc:"In the order in which they were asked for."`
}

// Reason is why a field is what it is.
type Reason struct {
	Field string          `json:"field" doc:"Its path." example:"charges[0].refundable"`
	Value json.RawMessage `json:"value" doc:"What it is; null, too, if the state no longer has it."`
	// Before is left out if the state did not have the field.
	Before json.RawMessage `json:"before,omitempty" doc:"What it was; left out: it was not there."`
	// Event is nil if none of the events from From on has set the field.
	Event *Event `json:"event,omitempty" doc:"The event that set it."`
	// CommandType and Source are those of the command that the event came from, as long as that is kept.
	CommandType string `json:"commandType,omitempty" doc:"Of the event's command, while that is kept."`
	Source      string `json:"source,omitempty" doc:"Who sent that command, while it is kept."`
	From        int64  `json:"from,omitempty" doc:"Without event: the first one that was looked at."`
}
