package httpapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"refold/views"
)

// everywhere finds commands and traces wherever they are, by asking the owners of their partitions. It is the
// Commands and Traces of requests that name no aggregate.
type everywhere struct{ *Server }

// commands finds commands of all partitions.
func (s *Server) commands() Commands {
	if s.peers == nil {
		return s.options.Commands
	}
	return everywhere{s}
}

// Command asks the owner.
func (e everywhere) Command(ctx context.Context, key views.CommandKey) (views.Command, error) {
	return e.commandOf(ctx, key, views.Unknown, 0)
}

// WaitCommand has the owner wait.
func (e everywhere) WaitCommand(
	ctx context.Context, key views.CommandKey, atLeast views.Status,
) (views.Command, error) {
	ctx, wait, cancel := graced(ctx)
	defer cancel()
	return e.commandOf(ctx, key, atLeast, wait)
}

// graced returns for how long ctx goes on, and a context that does not end with that time: a pod that is
// asked to wait so long needs a moment more to say that it did.
func graced(ctx context.Context) (_ context.Context, wait time.Duration, cancel func()) {
	if until, has := ctx.Deadline(); has {
		wait = max(time.Until(until), 0)
	}
	without, end := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		if !errors.Is(ctx.Err(), context.DeadlineExceeded) { // the client has left, or this server stops
			end(context.Cause(ctx))
		}
	})
	return without, wait, func() {
		stop()
		end(nil)
	}
}

func (e everywhere) commandOf(
	ctx context.Context, key views.CommandKey, atLeast views.Status, wait time.Duration,
) (command views.Command, err error) {
	question := partCommandQuestion{
		Aggregate: key.Aggregate, Subject: exact(key.Subject), ID: exact(key.ID),
		AtLeast: atLeast, Wait: wait,
	}
	var found partCommand
	err = settled(ctx, func() error {
		own, err := e.shareOf(key.Aggregate, key.Subject)
		if err != nil {
			return err
		}
		if own.place.Here {
			found, err = e.commandHere(ctx, &question)
			return movedFromHere(own, err)
		}
		found, err = askPeer[partCommand](ctx, e.Server, own, "command", &question, wait)
		return err
	})
	if err == nil && found.Late {
		err = views.ErrNotYet
	}
	return found.command(), err
}

// shareOf is the partition of a subject, with its owner.
func (s *Server) shareOf(aggregate, subject string) (*share, error) {
	at, err := s.partitionOf(aggregate, subject)
	if err != nil {
		return nil, err
	}
	place, known := s.options.Placement.Owner(at.aggregate, at.partition)
	if !known {
		return nil, noOwner(at)
	}
	return &share{place, partitions{aggregate: {at.partition}}}, nil
}

// partCommand answers another pod.
func (s *Server) partCommand(ctx context.Context, q *partCommandQuestion) (*partCommand, error) {
	if s.resource(q.Aggregate) == nil {
		return nil, views.ErrNotFound
	}
	found, err := s.commandHere(ctx, q)
	return &found, err
}

// commandHere finds a command, and waits until it is as far as asked for if the question has a wait.
func (s *Server) commandHere(ctx context.Context, q *partCommandQuestion) (partCommand, error) {
	at, err := s.partitionOf(q.Aggregate, string(q.Subject))
	if err != nil {
		return partCommand{}, err
	}
	return readHere(s, partitions{at.aggregate: {at.partition}}, func() (found partCommand, err error) {
		key := views.CommandKey{Aggregate: q.Aggregate, Subject: string(q.Subject), ID: string(q.ID)}
		var command views.Command
		if q.Wait <= 0 {
			command, err = s.options.Commands.Command(ctx, key)
		} else {
			waiting, cancel := s.endpoints.Waiting(ctx, min(q.Wait, s.limits.Wait))
			defer cancel()
			command, err = s.options.Commands.WaitCommand(waiting, key, q.AtLeast)
		}
		found = newPartCommand(command)
		if found.Late = notInTime(err); found.Late {
			err = nil
		}
		return found, err
	})
}

// CommandsOf asks all owners.
func (e everywhere) CommandsOf(ctx context.Context, id string) (found views.Namesakes, err error) {
	err = settled(ctx, func() error {
		shares, err := e.shares(e.names()...)
		if err != nil {
			return err
		}
		ask := func(ctx context.Context, own *share) (partCommands, error) {
			return e.commandsOf(ctx, own, id, 0)
		}
		parts, err := ofAll(ctx, e.Server, shares, ask)
		found = joinNamesakes(e.limits.Namesakes, parts)
		return err
	})
	if err == nil && len(found.Commands) == 0 {
		err = fmt.Errorf("%w: command %q", views.ErrNotFound, id)
	}
	return found, err
}

// errFound ends the waiting for a command as soon as one owner has it.
var errFound = errors.New("one is found")

// WaitCommandsOf has all owners wait, and asks them all again when one has a command.
func (e everywhere) WaitCommandsOf(ctx context.Context, id string) (views.Namesakes, error) {
	waiting, wait, cancel := graced(ctx)
	defer cancel()
	err := settled(waiting, func() error {
		shares, err := e.shares(e.names()...)
		if err != nil {
			return err
		}
		_, err = ofAll(waiting, e.Server, shares, func(ctx context.Context, own *share) (struct{}, error) {
			part, err := e.commandsOf(ctx, own, id, wait)
			if err == nil && len(part.Commands) > 0 {
				err = errFound
			}
			return struct{}{}, err
		})
		return err
	})
	switch {
	case errors.Is(err, errFound):
		return e.CommandsOf(waiting, id)
	case err == nil:
		err = fmt.Errorf("%w: command %q", views.ErrNotYet, id)
	}
	return views.Namesakes{}, err
}

func (e everywhere) commandsOf(
	ctx context.Context, own *share, id string, wait time.Duration,
) (part partCommands, err error) {
	question := partCommandsQuestion{Partitions: own.of, ID: exact(id), Wait: wait}
	if own.place.Here {
		part, err = e.commandsHere(ctx, &question)
		return part, movedFromHere(own, err)
	}
	return askPeer[partCommands](ctx, e.Server, own, "commands", &question, wait)
}

// partCommands answers another pod.
func (s *Server) partCommands(ctx context.Context, q *partCommandsQuestion) (*partCommands, error) {
	part, err := s.commandsHere(ctx, q)
	return &part, err
}

// commandsHere finds the commands of an ID in the partitions: none, if there is none in time.
func (s *Server) commandsHere(ctx context.Context, q *partCommandsQuestion) (partCommands, error) {
	return readHere(s, q.Partitions, func() (part partCommands, err error) {
		var found views.Namesakes
		if q.Wait <= 0 {
			found, err = s.options.Commands.CommandsOf(ctx, string(q.ID))
		} else {
			waiting, cancel := s.endpoints.Waiting(ctx, min(q.Wait, s.limits.Wait))
			defer cancel()
			found, err = s.options.Commands.WaitCommandsOf(waiting, string(q.ID))
		}
		if errors.Is(err, views.ErrNotFound) || notInTime(err) {
			return partCommands{}, nil
		}
		part.More = found.More
		for _, c := range found.Commands {
			if s.inPartitions(c.Aggregate, q.Partitions[c.Aggregate])(c.Subject) {
				part.Commands = append(part.Commands, newPartCommand(c))
			}
		}
		return part, err
	})
}

// joinNamesakes puts the parts together, in order: at most limit commands.
func joinNamesakes(limit int, parts []partCommands) (all views.Namesakes) {
	for _, part := range parts {
		all.More = all.More || part.More
		for i := range part.Commands {
			all.Commands = append(all.Commands, part.Commands[i].command())
		}
	}
	slices.SortFunc(all.Commands, func(a, b views.Command) int {
		return cmp.Or(cmp.Compare(a.Aggregate, b.Aggregate), cmp.Compare(a.Subject, b.Subject))
	})
	if len(all.Commands) > limit {
		all.Commands, all.More = all.Commands[:limit], true
	}
	return all
}
