package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"refold/client/wire"
)

// Send is a command to be sent.
type Send struct {
	Type string
	Data json.RawMessage
	// ID is the command's; sent twice, it counts once. If it is empty, one is made up.
	ID string
	// Expect is the sequence that the aggregate must be at, 0 if it must be new; nil: any.
	Expect *int64
	// IfMatch is the ETag of the state that the aggregate must have; empty: any. Expect comes first.
	IfMatch string
	// Wait is how long to wait for the outcome, in whole seconds; 0: not at all.
	Wait time.Duration
	// Traceparent is a W3C trace context for the command to be a part of; may be empty.
	Traceparent string
}

// Command is a command, and how far it has come.
type Command struct {
	wire.Command

	HTTPStatus int
	Raw        json.RawMessage // the answer as it came
}

// Send sends a command to an aggregate. The command returned is accepted, rejected (which is no error: its
// Code and Message say why) or, without a wait or if it takes longer, pending.
func (c *Client) Send(ctx context.Context, aggregate, id string, s Send) (*Command, error) {
	if s.ID == "" {
		made, err := uuid.NewV7()
		if err != nil {
			return nil, fmt.Errorf("make up a command ID: %w", err)
		}
		s.ID = made.String()
	}
	r, err := post(pathOf(aggregate, id)+"/commands", wire.CommandRequest{Type: s.Type, Data: s.Data})
	if err != nil {
		return nil, err
	}
	r.repeatable = true // it has an ID
	r.header.Set("Idempotency-Key", s.ID)
	switch {
	case s.Expect != nil:
		r.header.Set("If-Match", strconv.Quote(strconv.FormatInt(*s.Expect, 10)))
	case s.IfMatch != "":
		r.header.Set("If-Match", s.IfMatch)
	}
	if s.Traceparent != "" {
		r.header.Set("Traceparent", s.Traceparent)
	}
	command := &Command{}
	a, err := c.fetch(ctx, r.waiting(s.Wait), &command.Command, http.StatusOK, http.StatusAccepted)
	if rejection, is := errors.AsType[*Problem](err); is && rejection.Command != nil {
		command.Command, err = *rejection.Command, nil
		command.Code, command.Message = rejection.Code, rejection.Detail
	}
	if err != nil {
		return nil, err
	}
	command.HTTPStatus, command.Raw = a.status, a.raw
	return command, nil
}

// Command returns how far a command to an aggregate has come, as soon as it is decided or wait has passed.
func (c *Client) Command(ctx context.Context, aggregate, id, commandID string, wait time.Duration) (
	*Command, error,
) {
	command := &Command{}
	r := get(pathOf(aggregate, id) + "/commands/" + wire.Segment(commandID)).waiting(wait)
	a, err := c.fetch(ctx, r, &command.Command)
	if err != nil {
		return nil, err
	}
	command.HTTPStatus, command.Raw = a.status, a.raw
	return command, nil
}

// Namesakes are the commands of one ID, to different aggregates.
type Namesakes struct {
	Commands []*wire.Command
	More     bool            // there are more than these
	Raw      json.RawMessage // the answer as it came: of one command, or of several
}

// CommandsOf returns the commands of an ID, to whichever aggregates. If there is one only, it is awaited as
// by Command.
func (c *Client) CommandsOf(ctx context.Context, commandID string, wait time.Duration) (*Namesakes, error) {
	a, err := c.do(ctx, get("/commands/"+wire.Segment(commandID)).waiting(wait))
	if err != nil {
		return nil, err
	}
	if a.status == http.StatusMultipleChoices {
		var several wire.Choices
		err := a.into(&several, http.StatusMultipleChoices)
		return &Namesakes{several.Commands, several.More, a.raw}, err
	}
	one := &wire.Command{}
	if err := a.into(one); err != nil {
		return nil, err
	}
	return &Namesakes{[]*wire.Command{one}, false, a.raw}, nil
}

// pathOf returns the path of an aggregate.
func pathOf(aggregate, id string) string {
	return "/" + wire.Segment(aggregate) + "/" + wire.Segment(id)
}
