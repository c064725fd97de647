package views

import (
	"context"
	"errors"
	"fmt"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/processors"
)

func isNotFound(err error) bool { return errors.Is(err, ErrNotFound) }

// Command returns what is known of a command: first its result, or else that it is pending. It is
// known for as long as the topics keep it. The error is ErrNotFound, ErrNotReady or a fault. While
// a view has lost its broker, nobody can say that there is no such command: that is an ErrNotReady
// then.
//
// It costs a look into each partition of the aggregates' results, and if there is no result, of
// their commands.
func (v *Views) Command(ctx context.Context, id string) (Command, error) {
	command, err := v.command(ctx, id)
	if !isNotFound(err) {
		return command, err
	}
	for _, a := range v.aggregates {
		for _, l := range []*live{a.commands, a.results} {
			if notReady := l.ready(); notReady != nil {
				return command, notReady
			}
		}
	}
	return command, err
}

// command is Command by what the copies have, be it old.
func (v *Views) command(ctx context.Context, id string) (Command, error) {
	var notReady error
	for _, look := range []func(*Aggregate, context.Context, string) (Command, error){
		(*Aggregate).result, (*Aggregate).pending,
	} {
		for _, a := range v.aggregates {
			command, err := look(a, ctx, id)
			switch {
			case err == nil:
				return command, nil
			case errors.Is(err, ErrNotReady):
				notReady = err // another aggregate may know
			case !isNotFound(err):
				return Command{}, err
			}
		}
		if notReady != nil {
			// Not having looked at all results, nobody can say that there is none.
			return Command{}, notReady
		}
	}
	return Command{}, fmt.Errorf("%w: command %q", ErrNotFound, id)
}

// WaitCommand returns a command as soon as it has come as far as atLeast. When ctx ends before, the
// error is ErrNotYet, beside the command as it is (its status Unknown if nothing is known of it).
// It may also be ErrTooManyWaiters, ErrNotReady, or a fault.
func (v *Views) WaitCommand(ctx context.Context, id string, atLeast Status) (Command, error) {
	var command Command
	keys := make([]waitKey, 0, 2*len(v.aggregates))
	for _, a := range v.aggregates {
		keys = append(keys, waitKey{a.results.topic, id}, waitKey{a.commands.topic, id})
	}
	err := v.waiters.wait(ctx, func() (bool, error) {
		found, err := v.command(ctx, id)
		switch {
		case isNotFound(err):
			command = Command{}
			return false, nil
		case err != nil:
			return false, err
		}
		command = found
		return command.Status >= atLeast, nil
	}, keys...)
	return command, err
}

// Differs tells whether the first command under the same ID, to the same aggregate, was of another
// type or had other data. It knows the commands that the topic keeps and this copy has seen: of
// others, and of data written by another version of the schema, it says false. The error is
// ErrNotReady or a fault.
//
// It costs an encoding and a look into one partition of the commands.
func (a *Aggregate) Differs(command eventsourcing.Envelope[any]) (bool, error) {
	first, has, err := a.commands.findOf(command.Subject, command.ID)
	if err != nil || !has {
		return false, err
	}
	if first.subject != command.Subject || first.typeName != command.Type {
		return true, nil
	}
	value, err := a.description.Commands.Encode(command.Data)
	if err != nil {
		return false, fmt.Errorf("encode command %q: %w", command.ID, err)
	}
	return otherData(first.value, fingerprint(value)), nil
}

// result returns a command that has a result.
func (a *Aggregate) result(ctx context.Context, id string) (Command, error) {
	e, has, err := a.results.find(id)
	if err != nil {
		return Command{}, err
	}
	if !has {
		return Command{}, ErrNotFound
	}
	value, err := a.description.Results.Decode(ctx, e.value)
	if errors.Is(err, codecs.ErrRegistryUnavailable) {
		return Command{}, fmt.Errorf("%w: read the result of command %q: %w", ErrNotReady, id, err)
	}
	result, is := value.(processors.Result)
	if err == nil && !is {
		err = fmt.Errorf("%T is no result", value)
	}
	if err != nil {
		return Command{}, fmt.Errorf("read the result of command %q: %w", id, err)
	}
	command := Command{
		ID: id, Type: result.CommandType, Aggregate: a.description.Name, Subject: e.subject,
		Time: e.time, Status: Rejected, Code: result.Code, Message: result.Message,
	}
	if result.Accepted {
		command.Status = Accepted
		command.FirstSequence, command.LastSequence = result.FirstSequence, result.LastSequence
	}
	return command, nil
}

// pending returns a command that is in the commands topic.
func (a *Aggregate) pending(_ context.Context, id string) (Command, error) {
	e, has, err := a.commands.find(id)
	if err != nil {
		return Command{}, err
	}
	if !has {
		return Command{}, ErrNotFound
	}
	return Command{
		ID: id, Type: e.typeName, Aggregate: a.description.Name, Subject: e.subject, Time: e.time,
		Status: Pending,
	}, nil
}
