package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"refold/client/wire"
	"refold/codecs"
	"refold/eventsourcing"
	"refold/views"
	"refold/views/httpapi/endpoint"
	"refold/views/httpapi/problem"
)

func init() { ofAggregates = append(ofAggregates, registerSend) }

type sendInput struct {
	ID             newID           `path:"id"`
	IdempotencyKey idempotencyKey  `header:"Idempotency-Key"`
	IfMatch        ifMatch         `header:"If-Match"`
	Prefer         endpoint.Prefer `header:"Prefer"`
	Traceparent    traceparent     `header:"Traceparent"`
	Body           json.RawMessage
}

// newID is the ID of an aggregate that a command is sent to, which may not be there yet.
type newID struct{ endpoint.Text }

// Describe returns its description.
func (newID) Describe(c endpoint.Context) *huma.Param {
	return endpoint.Param("The ID of the "+c.Aggregate+".", endpoint.StringSchema(idPattern), nil)
}

// UnmarshalText reads it.
func (p *newID) UnmarshalText(text []byte) error {
	if p.Sent = string(text); !validID(p.Sent) {
		p.Refuse(idAllowed)
	}
	return nil
}

// idempotencyKey is the command's ID, empty if the client leaves it to the server.
type idempotencyKey struct {
	endpoint.Text
	id string
}

// Describe returns its description, without an example: that would be every command's.
func (idempotencyKey) Describe(c endpoint.Context) *huma.Param {
	return endpoint.Param("The command's ID, with or without double quotes. Without this header the server "+
		"makes one up and returns it. A command that is sent to the same "+c.Aggregate+" again under its ID "+
		"counts once, and has the outcome of the first; with another type or other data it is refused "+
		"(idempotency-key-reused).",
		endpoint.StringSchema(keyPattern), nil)
}

// UnmarshalText reads it.
func (p *idempotencyKey) UnmarshalText(text []byte) error {
	p.Sent = string(text)
	var ok bool
	if p.id, ok = readKey(p.Sent); !ok {
		p.Refuse(idAllowed)
	}
	return nil
}

// ifMatch is what the command expects of the aggregate.
type ifMatch struct {
	endpoint.Text
	expectation
}

// Describe returns its description.
func (ifMatch) Describe(endpoint.Context) *huma.Param {
	return endpoint.Param("The sequence at which the aggregate must be, in quotes; 0: new. Or its ETag: "+
		"then its state must be the one that was read, too. Of several one must fit; * is any, if it is "+
		"there.",
		endpoint.StringSchema(ifMatchPattern), `"3"`)
}

// UnmarshalText reads it.
func (p *ifMatch) UnmarshalText(text []byte) (err error) {
	p.Sent = string(text)
	if p.expectation, err = expected(p.Sent); err != nil {
		p.Refuse(err.Error())
	}
	return nil
}

// traceparent is the W3C trace context of a request.
type traceparent string

// Describe returns its description.
func (traceparent) Describe(endpoint.Context) *huma.Param {
	return endpoint.Param("W3C trace context, passed on.", endpoint.StringSchema(""), nil)
}

type commandOutput struct {
	Status            int
	Location          string `header:"Location"`
	ContentLocation   string `header:"Content-Location"`
	IdempotencyKey    string `header:"Idempotency-Key"`
	PreferenceApplied string `header:"Preference-Applied"`
	RetryAfter        string `header:"Retry-After"`
	CacheControl      string `header:"Cache-Control"`
	// Position is that of the command's last event: a read model can be asked to show at least that.
	Position string `header:"X-Refold-Position"`
	Body     any
}

func registerSend(s *Server, r *Resource) error {
	body, err := s.commandRequest(r)
	if err != nil {
		return err
	}
	command := s.resultSchema(r)
	good := map[string]*huma.Response{
		"202": endpoint.Answer("Sent; Location tells its result later.", command, nil),
	}
	if !r.NoResults {
		good["200"] = endpoint.Answer("Accepted, with Prefer: wait.", command, nil)
	}
	register(s, r, huma.Operation{
		OperationID: "send-" + r.Name + "-command", Method: http.MethodPost,
		Path: "/" + r.Plural + "/{id}/commands",
		Tags: []string{r.Plural}, Summary: "Send a command to one " + r.Name,
		Description:   sendDescription(r),
		DefaultStatus: http.StatusAccepted, RequestBody: body,
		Responses: s.endpoints.Responses(good, map[int]string{
			http.StatusBadRequest: "The request is malformed; errors says where.",
			http.StatusPreconditionFailed: "Rejected: another sequence than If-Match (sequence-mismatch). " +
				"Or not sent: another state (precondition-failed).",
			http.StatusUnsupportedMediaType: endpoint.NotPlainJSON,
			http.StatusUnprocessableEntity: "Rejected; code says why. Or not sent: it breaks a rule of its " +
				"schema (rule-violated), the key was used before, or the release before could not read it " +
				"(not-yet-writable).",
			http.StatusServiceUnavailable: "Not sent; nothing has happened (busy, not-ready).",
			http.StatusGatewayTimeout:     "Perhaps sent; send again under the same key.",
		}),
	}, s.send)
	return nil
}

// sendDescription says with which codes the aggregate rejects, and that it keeps no results.
func sendDescription(r *Resource) string {
	var parts []string
	if r.NoResults {
		parts = append(parts, "The results of the "+r.Plural+" are not kept ("+r.setting("results")+"): a "+
			"request that would wait for one is answered at once with 202, without Preference-Applied, and "+
			"the status of a command says only that it was sent.")
	}
	if len(r.Rejections) > 0 {
		parts = append(parts, "It rejects with one of these codes; others may come:\n\n"+rejectionTable(r))
	}
	return strings.Join(parts, "\n\n")
}

// send answers POST /accounts/{id}/commands.
func (s *Server) send(ctx context.Context, r *Resource, in *sendInput) (*commandOutput, error) {
	command, err := s.readCommand(r, in)
	if err != nil {
		return nil, err
	}
	carryOn(ctx, &command.Metadata)
	known, err := s.sentBefore(ctx, in.IdempotencyKey.id, r, command)
	if err != nil {
		return nil, withKey(err, command.ID)
	}
	isNew := known.Status == views.Unknown
	if isNew {
		if err := checkRules(r, command); err != nil {
			return nil, withKey(err, command.ID)
		}
		if command.ExpectedSequence, err = s.meet(ctx, r, in.ID.Sent, in.IfMatch.expectation); err != nil {
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
	wait, prefers := in.Prefer.Wait(s.limits.Wait)
	if !prefers || r.NoResults {
		return s.accepted(known), nil
	}
	out, err := s.result(ctx, known, wait)
	if isNew && in.IdempotencyKey.Sent != "" && s.differs(ctx, r, command) {
		// Another request under the same key came first, too shortly before to be known here.
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
	case known.Type != "" && known.Type != command.Type &&
		known.Type != r.Commands.WrittenType(command.Data):
		return known, problem.New(http.StatusUnprocessableEntity, wire.CodeKeyReused,
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
func otherData(r *Resource, command eventsourcing.Metadata, happened string) *problem.Problem {
	return problem.New(http.StatusUnprocessableEntity, wire.CodeKeyReused,
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
		return problem.Of(err)
	case errors.Is(err, codecs.ErrNotYetWritable):
		return problem.New(http.StatusUnprocessableEntity, eventsourcing.CodeNotYetWritable,
			"%v; the former version is written until %s is latest; nothing was sent", err, r.setting("write"))
	case errors.Is(err, views.ErrNotSent) && errors.Is(err, views.ErrNotReady):
		return problem.New(http.StatusServiceUnavailable, wire.CodeNotReady, "the command was not sent, "+
			"this server can't send now; its /readyz says what is missing").Retry().Because(err)
	case errors.Is(err, views.ErrNotSent):
		s.logger.WarnContext(ctx, "command not sent", "command", command.ID, "error", err)
		return problem.New(http.StatusServiceUnavailable, wire.CodeBusy,
			"the command could not be sent now; nothing has happened").Retry().Because(err)
	}
	s.logger.WarnContext(ctx, "command perhaps not sent", "command", command.ID, "error", err)
	return problem.New(http.StatusGatewayTimeout, wire.CodeOutcomeUnknown,
		"it is not known whether the command was sent; send it again with Idempotency-Key: %s, "+
			"it will not happen twice", command.ID).Retry().Because(err)
}

// withKey adds the command's ID to an error, above all when the server has made it up.
func withKey(err error, id string) error {
	p := problem.Of(err)
	p.Set("Idempotency-Key", id)
	return p
}

// accepted is the answer to a client that does not wait: 202, and where to ask later.
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
	ctx, cancel := s.endpoints.Waiting(ctx, wait)
	defer cancel()
	command, err := s.options.Commands.WaitCommand(ctx, sent.CommandKey, views.Decided)
	if err != nil {
		out := s.accepted(sent)
		if errors.Is(err, views.ErrNotYet) {
			out.PreferenceApplied = endpoint.Applied(wait)
		}
		return out, nil
	}
	body := s.commandBody(command)
	if command.Status == views.Rejected {
		p := rejection(command, body)
		p.Set("Preference-Applied", endpoint.Applied(wait))
		return nil, withKey(p, command.ID)
	}
	return &commandOutput{
		Status: http.StatusOK, ContentLocation: body.Links.Self, IdempotencyKey: command.ID,
		PreferenceApplied: endpoint.Applied(wait), Position: body.Position(), Body: body,
	}, nil
}

// rejection is the problem of a command that the aggregate has refused.
func rejection(command views.Command, body *wire.Command) *problem.Problem {
	status := http.StatusUnprocessableEntity
	if command.Code == eventsourcing.CodeSequenceMismatch {
		status = http.StatusPreconditionFailed
	}
	p := problem.New(status, command.Code, "%s", command.Message)
	p.Command = body
	p.Set("Content-Location", body.Links.Self)
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
	return pathOf(r, subject) + "/commands/" + wire.Segment(id)
}

// commandBody returns the command as the API shows it.
func (s *Server) commandBody(c views.Command) *wire.Command {
	body := &wire.Command{
		ID: c.ID, Type: c.Type, Status: c.Status.String(), Aggregate: c.Aggregate,
		Subject: c.Subject, FirstSequence: c.FirstSequence, LastSequence: c.LastSequence,
		Code: c.Code, Message: c.Message, Source: c.Source,
		Links: &wire.Links{Self: "/commands/" + wire.Segment(c.ID)},
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
