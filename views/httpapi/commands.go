package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"refold/eventsourcing"
	"refold/views"
)

// commandBody is a command as JSON, and how far it has come.
type commandBody struct {
	ID        string     `json:"id"`
	Type      string     `json:"type,omitempty"`
	Status    string     `json:"status" enum:"pending,accepted,rejected"`
	Aggregate string     `json:"aggregate,omitempty"`
	Subject   string     `json:"subject,omitempty" doc:"The aggregate's ID."`
	Time      *time.Time `json:"time,omitempty" doc:"When it was sent."`

	FirstSequence int64  `json:"firstSequence,omitempty" doc:"Of its events, if accepted."`
	LastSequence  int64  `json:"lastSequence,omitempty" doc:"Less than first: no event."`
	Code          string `json:"code,omitempty" doc:"Why it was rejected, for programs."`
	Message       string `json:"message,omitempty" doc:"Why it was rejected, for people."`

	Links *links `json:"links,omitempty"`
}

type links struct {
	Self    string `json:"self"`
	Subject string `json:"subject,omitempty" doc:"The aggregate, at least as new as the result."`
}

type sendInput struct {
	ID             string `path:"id"`
	IdempotencyKey string `header:"Idempotency-Key"`
	IfMatch        string `header:"If-Match"`
	Prefer         string `header:"Prefer"`
	Traceparent    string `header:"Traceparent"`
	Body           json.RawMessage
}

type commandOutput struct {
	Status            int
	Location          string `header:"Location"`
	ContentLocation   string `header:"Content-Location"`
	IdempotencyKey    string `header:"Idempotency-Key"`
	PreferenceApplied string `header:"Preference-Applied"`
	RetryAfter        string `header:"Retry-After"`
	CacheControl      string `header:"Cache-Control"`
	Body              any
}

// send answers POST /accounts/{id}/commands.
func (s *Server) send(ctx context.Context, r *Resource, in *sendInput) (*commandOutput, error) {
	command, expects, err := s.readCommand(r, in)
	if err != nil {
		return nil, err
	}
	carryOn(ctx, &command.Metadata)
	known, err := s.sentBefore(ctx, in.IdempotencyKey, r, command)
	if err != nil {
		return nil, withKey(err, command.ID)
	}
	isNew := known.Status == views.Unknown
	if isNew {
		if command.ExpectedSequence, err = s.meet(ctx, r, in.ID, expects); err != nil {
			return nil, withKey(err, command.ID)
		}
		if err := s.sendNow(ctx, r, command); err != nil {
			return nil, withKey(err, command.ID)
		}
		known = views.Command{
			CommandKey: keyOf(r, command.Metadata), Type: command.Type, Time: command.Time,
			Status: views.Pending,
		}
	}
	wait, prefers := preferredWait(in.Prefer, s.limits.Wait)
	if !prefers {
		return s.accepted(known), nil
	}
	out, err := s.result(ctx, known, wait)
	if isNew && in.IdempotencyKey != "" && s.differs(ctx, r, command) {
		// Another request under the same key came first, so shortly before that nobody knew.
		return nil, withKey(otherData(r, command.Metadata, "this one doesn't count"), command.ID)
	}
	return out, err
}

// sentBefore looks whether a command with the client's key is known already. Then it isn't sent
// again: the aggregate would recognise it, yet only among its latest ones.
func (s *Server) sentBefore(
	ctx context.Context, key string, r *Resource, command eventsourcing.Envelope[any],
) (views.Command, error) {
	if key == "" {
		return views.Command{}, nil
	}
	known, err := s.options.Commands.Command(ctx, keyOf(r, command.Metadata))
	switch {
	case err != nil:
		return views.Command{}, nil //nolint:nilerr // unknown, or no view: the aggregate will tell
	case known.Type != "" && known.Type != command.Type:
		return known, problem(http.StatusUnprocessableEntity, codeKeyReused,
			"the Idempotency-Key %q was used for another command to the %s %q, %s; nothing was sent",
			command.ID, r.Name, command.Subject, known.Type)
	case s.differs(ctx, r, command):
		return known, otherData(r, command.Metadata, "nothing was sent")
	}
	return known, nil
}

// keyOf is the whole identity of a command to an aggregate of the resource.
func keyOf(r *Resource, command eventsourcing.Metadata) views.CommandKey {
	return views.CommandKey{Aggregate: r.Name, Subject: command.Subject, ID: command.ID}
}

// differs reports whether the first command under the ID had other data, as far as that is known.
func (s *Server) differs(
	ctx context.Context, r *Resource, command eventsourcing.Envelope[any],
) bool {
	differs, err := r.Sender.Differs(command)
	if err != nil {
		s.logger.DebugContext(ctx, "command not compared", "command", command.ID, "error", err)
	}
	return err == nil && differs
}

// otherData is the problem of a key that comes again with other data: to answer with the first
// command's outcome would make its sender believe that this one has happened.
func otherData(r *Resource, command eventsourcing.Metadata, happened string) *Problem {
	return problem(http.StatusUnprocessableEntity, codeKeyReused,
		"the Idempotency-Key %q was used for another %s to %q, with other data; %s; "+
			"GET %s tells what became of the first",
		command.ID, command.Type, command.Subject, happened, commandPath(r, command.Subject, command.ID))
}

// sendNow puts the command into its topic.
func (s *Server) sendNow(
	ctx context.Context, r *Resource, command eventsourcing.Envelope[any],
) error {
	ctx, cancel := context.WithTimeout(ctx, s.limits.RequestTimeout)
	defer cancel()
	err := r.Sender.Send(ctx, command)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, views.ErrOff):
		return asProblem(err)
	case errors.Is(err, views.ErrNotSent) && errors.Is(err, views.ErrNotReady):
		return problem(http.StatusServiceUnavailable, codeNotReady, "the command was not sent, this "+
			"server can't send now; its /readyz says what is missing").retry().because(err)
	case errors.Is(err, views.ErrNotSent):
		s.logger.WarnContext(ctx, "command not sent", "command", command.ID, "error", err)
		return problem(http.StatusServiceUnavailable, codeBusy,
			"the command could not be sent now; nothing has happened").retry().because(err)
	}
	s.logger.WarnContext(ctx, "command perhaps not sent", "command", command.ID, "error", err)
	return problem(http.StatusGatewayTimeout, codeOutcomeUnknown,
		"it is not known whether the command was sent; send it again with Idempotency-Key: %s, "+
			"it will not happen twice", command.ID).retry().because(err)
}

// withKey adds the command's ID to an error, above all when the server has made it up.
func withKey(err error, id string) error {
	p := asProblem(err)
	p.headers.Set("Idempotency-Key", id)
	return p
}

// accepted is the answer to those who don't wait: 202, and where to ask later.
func (s *Server) accepted(command views.Command) *commandOutput {
	body := s.commandBody(command)
	return &commandOutput{
		Status: http.StatusAccepted, Location: body.Links.Self, IdempotencyKey: command.ID,
		Body: body,
	}
}

// result waits for the command's result and answers with it, or like accepted if it takes longer.
// The command is safe in its topic at this point, so no trouble of the view's is an error.
func (s *Server) result(ctx context.Context, sent views.Command, wait time.Duration) (
	*commandOutput, error,
) {
	ctx, cancel := s.waiting(ctx, wait)
	defer cancel()
	command, err := s.options.Commands.WaitCommand(ctx, sent.CommandKey, views.Decided)
	if err != nil {
		out := s.accepted(sent)
		if errors.Is(err, views.ErrNotYet) {
			out.PreferenceApplied = preferenceApplied(wait)
		}
		return out, nil
	}
	body := s.commandBody(command)
	if command.Status == views.Rejected {
		p := rejection(command, body)
		p.headers.Set("Preference-Applied", preferenceApplied(wait))
		return nil, withKey(p, command.ID)
	}
	return &commandOutput{
		Status: http.StatusOK, ContentLocation: body.Links.Self, IdempotencyKey: command.ID,
		PreferenceApplied: preferenceApplied(wait), Body: body,
	}, nil
}

// rejection is the problem of a command that the aggregate has refused.
func rejection(command views.Command, body *commandBody) *Problem {
	status := http.StatusUnprocessableEntity
	if command.Code == eventsourcing.CodeSequenceMismatch {
		status = http.StatusPreconditionFailed
	}
	p := problem(status, command.Code, "%s", command.Message)
	p.Command = body
	p.headers.Set("Content-Location", body.Links.Self)
	return p
}

// resource returns the resource of an aggregate, nil if it isn't shown.
func (s *Server) resource(aggregate string) *Resource {
	for i := range s.options.Resources {
		if r := &s.options.Resources[i]; r.Name == aggregate {
			return r
		}
	}
	return nil
}

// commandPath is where a command is found, and no other of its ID.
func commandPath(r *Resource, subject, id string) string {
	return pathOf(r, subject) + "/commands/" + Segment(id)
}

// commandBody returns the command's JSON.
func (s *Server) commandBody(c views.Command) *commandBody {
	body := &commandBody{
		ID: c.ID, Type: c.Type, Status: c.Status.String(), Aggregate: c.Aggregate,
		Subject: c.Subject, FirstSequence: c.FirstSequence, LastSequence: c.LastSequence,
		Code: c.Code, Message: c.Message,
		Links: &links{Self: "/commands/" + Segment(c.ID)},
	}
	if !c.Time.IsZero() {
		body.Time = &c.Time
	}
	if r := s.resource(c.Aggregate); r != nil {
		body.Links.Self = commandPath(r, c.Subject, c.ID)
		body.Links.Subject = pathOf(r, c.Subject)
		if c.LastSequence > 0 {
			body.Links.Subject += "?atLeast=" + formatSequence(c.LastSequence)
		}
	}
	return body
}
