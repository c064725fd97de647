package httpapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"refold/client/wire"
	"refold/views"
	"refold/views/httpapi/endpoint"
	"refold/views/httpapi/problem"
)

func init() {
	ofServer = append(ofServer, registerFindCommand)
	ofAggregates = append(ofAggregates, registerGetCommand)
}

type getCommandInput struct {
	ID        aggregateID     `path:"id"`
	CommandID commandID       `path:"commandId"`
	Prefer    endpoint.Prefer `header:"Prefer"`
}

type findCommandInput struct {
	ID     commandID       `path:"id"`
	Prefer endpoint.Prefer `header:"Prefer"`
}

// commandID is the ID of a command.
type commandID string

// Describe returns its description.
func (commandID) Describe(endpoint.Context) *huma.Param {
	return endpoint.Param("The ID of the command; a \"/\" in it is escaped, %2F.", endpoint.IDSchema(), nil)
}

// registerFindCommand adds the look-up of commands by their ID alone.
func registerFindCommand(s *Server) error {
	register(s, nil, huma.Operation{
		OperationID: "find-command", Method: http.MethodGet, Path: "/commands/{id}",
		Tags: []string{"commands"}, Summary: "How far the command of an ID has come",
		Description: "An ID is unique among the commands to one aggregate. Where several aggregates have a " +
			"command of it, none is picked: 300 lists them, each with its own address.",
		Responses: s.endpoints.Responses(map[string]*huma.Response{
			"200": endpoint.Answer("It is pending, accepted or rejected.",
				endpoint.SchemaOf[wire.Command](s.endpoints), nil),
			"300": endpoint.Answer("Several aggregates have a command of this ID.",
				endpoint.SchemaOf[wire.Choices](s.endpoints), nil),
		}, map[int]string{
			http.StatusBadRequest: "There is a parameter in the query.",
			http.StatusNotFound:   "Unknown; results are forgotten after a while.",
		}),
	}, s.findCommand)
	return nil
}

// registerGetCommand adds the look-up of commands to one aggregate.
func registerGetCommand(s *Server, r *Resource) error {
	status := "It is pending, accepted or rejected."
	if r.NoResults {
		status = "It is pending: it was sent, and no result is kept (" + r.setting("results") + ")."
	}
	register(s, r, huma.Operation{
		OperationID: "find-" + r.Name + "-command", Method: http.MethodGet,
		Path: "/" + r.Plural + "/{id}/commands/{commandId}",
		Tags: []string{r.Plural}, Summary: "How far a command to one " + r.Name + " has come",
		Responses: s.endpoints.Responses(map[string]*huma.Response{
			"200": endpoint.Answer(status, s.resultSchema(r), nil),
		}, map[int]string{
			http.StatusBadRequest: "There is a parameter in the query.",
			http.StatusNotFound:   "Unknown; results are forgotten after a while.",
		}),
	}, s.getCommand)
	return nil
}

// patience is how long a client waits for a command, and for what.
type patience struct {
	wait    time.Duration
	atLeast views.Status
	applied string // Preference-Applied; empty: it named no time
}

// patience reads it from a request about a command to an aggregate of the resource; nil: to any. There is no
// waiting for a result that is not kept.
func (s *Server) patience(prefer endpoint.Prefer, r *Resource) patience {
	if wait, prefers := prefer.Wait(s.limits.Wait); prefers && (r == nil || !r.NoResults) {
		return patience{wait, views.Decided, endpoint.Applied(wait)}
	}
	return patience{wait: s.limits.UnknownWait, atLeast: views.Pending}
}

// getCommand answers GET /accounts/{id}/commands/{commandId}.
func (s *Server) getCommand(ctx context.Context, r *Resource, in *getCommandInput) (*commandOutput, error) {
	p := s.patience(in.Prefer, r)
	ctx, cancel := s.endpoints.Waiting(ctx, p.wait)
	defer cancel()
	return s.showCommand(ctx, s.options.Commands, views.CommandKey{
		Aggregate: r.Name, Subject: string(in.ID), ID: string(in.CommandID),
	}, p)
}

// findCommand answers GET /commands/{id}.
func (s *Server) findCommand(ctx context.Context, _ *Resource, in *findCommandInput) (*commandOutput, error) {
	id, p := string(in.ID), s.patience(in.Prefer, nil)
	waiting, cancel := s.endpoints.Waiting(ctx, p.wait)
	defer cancel()
	commands := s.commands()
	found, err := commands.CommandsOf(ctx, id)
	if errors.Is(err, views.ErrNotFound) {
		found, err = commands.WaitCommandsOf(waiting, id)
	}
	switch {
	case unknown(err, p):
		return nil, unknownCommand(id, p)
	case err != nil:
		return nil, err
	case len(found.Commands) == 1 && !found.More:
		key := found.Commands[0].CommandKey
		if r := s.resource(key.Aggregate); r != nil && r.NoResults {
			p = s.patience("", r)
		}
		return s.showCommand(waiting, commands, key, p)
	}
	body := wire.Choices{
		ID: id, More: found.More,
		Detail: "several aggregates have a command of this ID; ask for the one that you mean",
	}
	for _, c := range found.Commands {
		body.Commands = append(body.Commands, s.commandBody(c))
	}
	return &commandOutput{Status: http.StatusMultipleChoices, CacheControl: revalidate, Body: body}, nil
}

// showCommand answers with a command as soon as it is as far as the client would have it, or as it is
// when ctx, the client's patience, ends.
func (s *Server) showCommand(ctx context.Context, commands Commands, key views.CommandKey, p patience) (
	*commandOutput, error,
) {
	command, err := commands.Command(ctx, key)
	if err == nil && command.Status < p.atLeast || errors.Is(err, views.ErrNotFound) {
		known := command
		command, err = commands.WaitCommand(ctx, key, p.atLeast)
		switch {
		case errors.Is(err, views.ErrTooManyWaiters) && known.Status != views.Unknown:
			command, err, p.applied = known, nil, "" // what was found without waiting is an answer
		case errors.Is(err, views.ErrNotYet) && command.Status != views.Unknown:
			err = nil
		}
	}
	switch {
	case unknown(err, p):
		none := unknownCommand(key.ID, p)
		if r := s.resource(key.Aggregate); r != nil && r.NoResults {
			none.Detail += " (" + r.setting("results") + ")"
		}
		return nil, none
	case err != nil:
		return nil, err
	}
	body := s.commandBody(command)
	out := &commandOutput{
		Status: http.StatusOK, Body: body, Position: body.Position(),
		PreferenceApplied: p.applied, CacheControl: revalidate,
	}
	if command.Status == views.Pending {
		out.RetryAfter = "1"
	}
	return out, nil
}

// unknown reports whether an error says that there is no such command, as far as anybody knows.
func unknown(err error, p patience) bool {
	return notInTime(err) || errors.Is(err, views.ErrTooManyWaiters) && p.applied == ""
}

func unknownCommand(id string, p patience) *problem.Problem {
	none := problem.New(http.StatusNotFound, wire.CodeNotFound, "no command %q is known; either it was "+
		"never sent, or so long ago that its result is no longer kept", id)
	if p.applied != "" {
		none.Set("Preference-Applied", p.applied)
	}
	return none
}
