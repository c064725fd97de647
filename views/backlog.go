package views

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/kafka"
)

// In Owned placement a command is kept when it has been handled. One that still waits in its topic is
// looked for there, behind the last one that is kept: a question that is only asked about commands that
// are not known.

// errFoundInBacklog ends the reading of a topic.
var errFoundInBacklog = errors.New("found")

// waits looks for a command that waits to be handled. The error is ErrNotFound also where more commands wait
// than Limits.BacklogRecords, and it is not among the first of these.
func (v *Views) waits(ctx context.Context, key CommandKey) (Command, error) {
	none := fmt.Errorf("%w: command %q to the %s %q", ErrNotFound, key.ID, key.Aggregate, key.Subject)
	a := v.Aggregate(key.Aggregate)
	if a == nil || a.holding == nil {
		return Command{}, none
	}
	var place kafka.Range
	err := a.commands.readAt(key.Subject, func(partition int32, part follower) (err error) {
		place, err = a.backlog(partition, part)
		return err
	})
	if err != nil {
		return Command{}, err
	}
	found := Command{}
	err = v.readBacklog(ctx, place, func(r *kgo.Record) bool {
		if string(r.Key) != key.Subject || header(r, codecs.HeaderID) != key.ID {
			return false
		}
		found = pendingCommand(key, r)
		return true
	})
	if err == nil && found.Status == Unknown {
		err = none
	}
	return found, err
}

// waitsAnywhere looks for commands of an ID that wait to be handled by this process. It stops at the
// first of each aggregate and partition.
func (v *Views) waitsAnywhere(ctx context.Context, id string) (Namesakes, error) {
	var found Namesakes
	for _, a := range v.aggregates {
		places, err := a.backlogs()
		if err != nil {
			return Namesakes{}, err
		}
		for _, place := range places {
			err := v.readBacklog(ctx, place, func(r *kgo.Record) bool {
				if header(r, codecs.HeaderID) != id {
					return false
				}
				key := CommandKey{a.description.Name, string(r.Key), id}
				found.Commands = append(found.Commands, pendingCommand(key, r))
				return true
			})
			if err != nil {
				return Namesakes{}, err
			}
		}
	}
	if len(found.Commands) == 0 {
		return found, fmt.Errorf("%w: command %q", ErrNotFound, id)
	}
	return found, nil
}

func pendingCommand(key CommandKey, r *kgo.Record) Command {
	return Command{
		CommandKey: key, Type: header(r, codecs.HeaderType), Time: r.Timestamp.UTC(), Status: Pending,
	}
}

// backlog is what of a partition of the commands topic is not kept yet.
func (a *Aggregate) backlog(partition int32, part follower) (kafka.Range, error) {
	at, err := position(partition, part)
	return kafka.Range{Topic: a.commands.topic, Partition: partition, From: at.Offset + 1}, err
}

// backlogs is backlog of all partitions that are this process's.
func (a *Aggregate) backlogs() (places []kafka.Range, err error) {
	if a.holding == nil {
		return nil, nil
	}
	err = a.commands.read(func(parts []follower) error {
		for partition, part := range parts {
			if part == nil {
				continue
			}
			place, err := a.backlog(int32(partition), part)
			if err != nil {
				return err
			}
			places = append(places, place)
		}
		return nil
	})
	return places, err
}

// readBacklog reads until is says so, the end, or Limits.BacklogRecords.
func (v *Views) readBacklog(ctx context.Context, place kafka.Range, is func(r *kgo.Record) bool) error {
	client := v.client.Load()
	if client == nil {
		return notReady(place.Topic + ": not connected")
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), v.options.Limits.BacklogTimeout)
	defer cancel()
	left := v.options.Limits.BacklogRecords
	_, err := kafka.ReadPartitionBy(ctx, client, place, func(records []*kgo.Record, _ kafka.Progress) error {
		for _, r := range records {
			left--
			if is(r) || left <= 0 {
				return errFoundInBacklog
			}
		}
		return nil
	})
	switch {
	case errors.Is(err, errFoundInBacklog):
		return nil
	case err != nil:
		return fmt.Errorf("%w: look for a command in %s/%d: %w",
			ErrNotReady, place.Topic, place.Partition, err)
	}
	return nil
}
