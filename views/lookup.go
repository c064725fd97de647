package views

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/processors"
)

func isNotFound(err error) bool { return errors.Is(err, ErrNotFound) }

// CommandKey is the whole identity of a command. Its ID is the sender's, and unique among the commands
// to one aggregate only: two aggregates may each have a command of one ID.
type CommandKey struct {
	Aggregate string // the aggregate's name: "account"
	Subject   string // the aggregate's ID
	ID        string
}

// Command returns what is known of a command: its result, or else that it is pending. It is known for
// as long as the topics keep it. The error is ErrNotFound, ErrNotReady or a fault. While a view has
// lost its broker, a command that is missing here may exist: the error is ErrNotReady then.
//
// It costs a look into one partition of the aggregate's results and one of its commands.
func (v *Views) Command(ctx context.Context, key CommandKey) (Command, error) {
	command, err := v.command(ctx, key)
	a := v.Aggregate(key.Aggregate)
	switch {
	case a == nil:
	case isNotFound(err):
		if notReady := a.missing(); notReady != nil {
			return command, notReady
		}
	case err == nil && command.Source == "":
		// A result does not say who sent its command. What is not here must not fail what is.
		if sent, err := a.pending(ctx, key); err == nil {
			command.Source = sent.Source
		}
	}
	return command, err
}

// missing says why a command that is not here may be elsewhere.
func (a *Aggregate) missing() error {
	for _, l := range a.lookups() {
		if notReady := l.ready(); notReady != nil {
			return notReady
		}
	}
	return nil
}

// command is Command by what the copies have, be it old.
func (v *Views) command(ctx context.Context, key CommandKey) (Command, error) {
	none := fmt.Errorf("%w: command %q to the %s %q", ErrNotFound, key.ID, key.Aggregate, key.Subject)
	a := v.Aggregate(key.Aggregate)
	if a == nil {
		return Command{}, none
	}
	for _, look := range []func(*Aggregate, context.Context, CommandKey) (Command, error){
		(*Aggregate).result, (*Aggregate).pending,
	} {
		if command, err := look(a, ctx, key); !isNotFound(err) {
			return command, err
		}
	}
	return Command{}, none
}

// Namesakes are the commands of one ID, to different aggregates.
type Namesakes struct {
	Commands []Command // ordered by aggregate and subject
	More     bool      // there are more than Limits.Namesakes
}

// CommandsOf returns the commands of an ID, whichever aggregates they are to. The error is ErrNotFound,
// ErrNotReady or a fault, as of Command.
//
// It costs a look into each partition of all aggregates' results and commands, and for each command
// what Command costs.
func (v *Views) CommandsOf(ctx context.Context, id string) (Namesakes, error) {
	found, err := v.namesakes(ctx, id)
	if !isNotFound(err) {
		return found, err
	}
	for _, a := range v.aggregates {
		if notReady := a.missing(); notReady != nil {
			return found, notReady
		}
	}
	return found, err
}

// namesakes is CommandsOf by what the copies have, be it old.
func (v *Views) namesakes(ctx context.Context, id string) (Namesakes, error) {
	limit := v.options.Limits.Namesakes
	var found Namesakes
	for _, a := range v.aggregates {
		subjects, err := a.subjects(id, limit+1)
		if err != nil {
			// There may be another one where the look-up failed.
			return Namesakes{}, err
		}
		for _, subject := range subjects {
			if len(found.Commands) == limit {
				found.More = true
				break
			}
			command, err := v.command(ctx, CommandKey{a.description.Name, subject, id})
			switch {
			case err == nil:
				found.Commands = append(found.Commands, command)
			case !isNotFound(err): // else it was forgotten in between
				return Namesakes{}, err
			}
		}
	}
	if len(found.Commands) == 0 {
		return Namesakes{}, fmt.Errorf("%w: command %q", ErrNotFound, id)
	}
	slices.SortFunc(found.Commands, func(a, b Command) int {
		return cmp.Or(cmp.Compare(a.Aggregate, b.Aggregate), cmp.Compare(a.Subject, b.Subject))
	})
	return found, nil
}

// subjects returns the IDs of aggregates that have a command of the ID, in order.
func (a *Aggregate) subjects(id string, limit int) ([]string, error) {
	var subjects []string
	for _, l := range a.lookups() {
		some, err := l.subjects(id, limit)
		if err != nil {
			return nil, err
		}
		subjects = append(subjects, some...)
	}
	slices.Sort(subjects)
	return slices.Compact(subjects), nil
}

// WaitCommand returns a command as soon as it has come as far as atLeast. When ctx ends before, the
// error is ErrNotYet, beside the command as it is (its status Unknown if nothing is known of it).
// It may also be ErrTooManyWaiters, ErrNotReady, or a fault.
func (v *Views) WaitCommand(ctx context.Context, key CommandKey, atLeast Status) (Command, error) {
	var command Command
	asked := false
	err := v.waiters.wait(ctx, func() (bool, error) {
		found, err := v.command(ctx, key)
		if isNotFound(err) && atLeast <= Pending && !asked {
			asked = true
			found, err = v.waits(ctx, key)
		}
		switch {
		case isNotFound(err):
			command = Command{}
			return false, nil
		case err != nil:
			return false, err
		}
		command = found
		return command.Status >= atLeast, nil
	}, v.commandKeys(key)...)
	if errors.Is(err, ErrNotYet) && command.Status == Unknown && !asked {
		if found, waits := v.waits(ctx, key); waits == nil {
			command = found
		}
	}
	return command, err
}

// commandKeys are what is waited for of a command.
func (v *Views) commandKeys(key CommandKey) []waitKey {
	a := v.Aggregate(key.Aggregate)
	if a == nil {
		return nil
	}
	var keys []waitKey
	for _, l := range a.lookups() {
		keys = append(keys, waitKey{l.topic, key.Subject, key.ID})
	}
	return keys
}

// WaitCommandsOf returns the commands of an ID as soon as there is one. When ctx ends before, the error
// is ErrNotYet. It may also be ErrTooManyWaiters, ErrNotReady, or a fault.
func (v *Views) WaitCommandsOf(ctx context.Context, id string) (Namesakes, error) {
	keys := make([]waitKey, 0, 2*len(v.aggregates))
	for _, a := range v.aggregates {
		for _, l := range a.lookups() {
			keys = append(keys, waitKey{topic: l.topic, command: id})
		}
	}
	var found Namesakes
	asked := false
	err := v.waiters.wait(ctx, func() (is bool, err error) {
		found, err = v.namesakes(ctx, id)
		if isNotFound(err) && !asked {
			asked = true
			found, err = v.waitsAnywhere(ctx, id)
		}
		if isNotFound(err) {
			return false, nil
		}
		return err == nil, err
	}, keys...)
	return found, err
}

// Differs reports whether the first command under the same ID to the same aggregate was of another
// type or had other data. It knows the commands that the topic keeps and this copy has seen: of
// others, and of data written by another version of the schema, it says false. The error is
// ErrNotReady or a fault.
//
// It costs an encoding and a look into one partition of the commands.
func (a *Aggregate) Differs(command eventsourcing.Envelope[any]) (bool, error) {
	first, has, err := a.commands.find(command.Subject, command.ID)
	if err != nil || !has {
		return false, err
	}
	if first.typeName != cmp.Or(a.description.Commands.WrittenType(command.Data), command.Type) {
		return true, nil
	}
	value, err := a.description.Commands.Encode(command.Data)
	if err != nil {
		return false, fmt.Errorf("encode command %q: %w", command.ID, err)
	}
	return otherData(first.value, fingerprint(value)), nil
}

// result returns a command that has a result.
func (a *Aggregate) result(ctx context.Context, key CommandKey) (Command, error) {
	if a.results == nil {
		return Command{}, ErrNotFound
	}
	e, has, err := a.results.find(key.Subject, key.ID)
	if err != nil {
		return Command{}, err
	}
	if !has {
		return Command{}, ErrNotFound
	}
	value, err := a.description.Results.Decode(ctx, e.value)
	if errors.Is(err, codecs.ErrRegistryUnavailable) {
		return Command{}, fmt.Errorf("%w: read the result of command %q: %w", ErrNotReady, key.ID, err)
	}
	result, is := value.(processors.Result)
	if err == nil && !is {
		err = fmt.Errorf("%T is no result", value)
	}
	if err != nil {
		return Command{}, fmt.Errorf("read the result of command %q: %w", key.ID, err)
	}
	command := Command{
		CommandKey: key, Type: result.CommandType,
		Time: e.time, Status: Rejected, Code: result.Code, Message: result.Message,
	}
	if result.Accepted {
		command.Status = Accepted
		command.FirstSequence, command.LastSequence = result.FirstSequence, result.LastSequence
	}
	return command, nil
}

// pending returns a command that is in the commands topic.
func (a *Aggregate) pending(_ context.Context, key CommandKey) (Command, error) {
	e, has, err := a.commands.find(key.Subject, key.ID)
	if err != nil {
		return Command{}, err
	}
	if !has {
		return Command{}, ErrNotFound
	}
	return Command{
		CommandKey: key, Type: e.typeName, Time: e.time, Status: Pending, Source: e.source,
	}, nil
}
