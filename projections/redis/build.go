package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"refold/projections"
)

// open is a handle on a build.
type open struct {
	store      *Store
	projection *projections.Projection
	build      projections.Build
}

// run runs a script with the build's number and what else it takes.
func (o *open) run(ctx context.Context, script script, args arguments) ([]any, error) {
	return o.store.run(ctx, script, o.build.Projection, append(arguments{o.build.Number}, args...))
}

// Claim raises the epochs of partitions. If Redis was emptied, the build begins again from nothing.
func (o *open) Claim(
	ctx context.Context, partitions []projections.Partition,
) ([]projections.Progress, error) {
	var a arguments
	a.made(o.projection, o.build)
	names := make([]string, len(partitions))
	for i, p := range partitions {
		names[i] = partition(p)
	}
	a.list(names)
	answer, err := o.run(ctx, claimScript, a)
	if err != nil {
		return nil, fmt.Errorf("claiming partitions of %s: %w", o.build.Name(), err)
	}
	if len(answer) != 1 {
		return nil, fmt.Errorf("claim in Redis: the answer has %d items", len(answer))
	}
	fields, _, err := texts(answer[0])
	if err != nil {
		return nil, err
	}
	progress, err := decodeProgress(fields)
	if err != nil {
		return nil, err
	}
	all := make([]projections.Progress, len(partitions))
	for i, p := range partitions {
		all[i] = progress[p]
	}
	return all, nil
}

// progressTime is how a progress has its time.
const progressTime = time.RFC3339Nano

// decodeProgress reads the hash of a build's progress: names and values, by turns.
func decodeProgress(fields []string) (map[projections.Partition]projections.Progress, error) {
	all := make(map[projections.Partition]projections.Progress)
	for i := 0; i+1 < len(fields); i += 2 {
		parts := strings.Split(fields[i], "/")
		if len(parts) != 3 {
			return nil, fmt.Errorf("the progress has a field %q; it must be like topic/0/next", fields[i])
		}
		number, err := strconv.ParseInt(parts[1], 10, 32)
		if err != nil {
			return nil, fmt.Errorf("the progress has a field %q: %w", fields[i], err)
		}
		id := projections.Partition{Topic: parts[0], Partition: int32(number)}
		p, known := all[id]
		if !known {
			p = projections.Progress{Partition: id, Next: -1}
		}
		if err := setProgress(&p, parts[2], fields[i+1]); err != nil {
			return nil, fmt.Errorf("the progress of %s: %w", partition(id), err)
		}
		all[id] = p
	}
	return all, nil
}

func setProgress(p *projections.Progress, field, text string) (err error) {
	switch field {
	case "epoch":
		p.Epoch, err = strconv.ParseInt(text, 10, 64)
	case "next":
		p.Next, err = strconv.ParseInt(text, 10, 64)
	case "end":
		p.End, err = strconv.ParseInt(text, 10, 64)
	case "time":
		p.Time, err = time.Parse(progressTime, text)
	default:
		err = fmt.Errorf("the field %q is not known", field)
	}
	return err //nolint:wrapcheck // the caller says of which partition
}

// statesAtOnce is how many names of states fit on the stack of Lua, and more.
const statesAtOnce = 1_000

// States returns the states of some aggregates.
func (o *open) States(
	ctx context.Context, aggregate string, subjects []string,
) ([]projections.StoredState, error) {
	var all []projections.StoredState
	for begin := 0; begin < len(subjects); begin += statesAtOnce {
		some := subjects[begin:min(begin+statesAtOnce, len(subjects))]
		names := make([]string, len(some))
		for i, subject := range some {
			names[i] = stateName(aggregate, subject)
		}
		var a arguments
		a.list(names)
		answer, err := o.run(ctx, statesScript, a)
		if err != nil {
			return nil, fmt.Errorf("reading states of %s: %w", o.build.Name(), err)
		}
		if len(answer) != 1 {
			return nil, fmt.Errorf("states in Redis: the answer has %d items", len(answer))
		}
		values, has, err := texts(answer[0])
		if err != nil {
			return nil, err
		}
		if len(values) != len(some) {
			return nil, fmt.Errorf("states in Redis: the answer has %d states of %d", len(values), len(some))
		}
		for i, subject := range some {
			if !has[i] {
				continue
			}
			state, err := decodeState(aggregate, subject, values[i])
			if err != nil {
				return nil, err
			}
			all = append(all, state)
		}
	}
	return all, nil
}

// decodeState reads a state: its sequence, a colon, and the bytes.
func decodeState(aggregate, subject, value string) (projections.StoredState, error) {
	sequence, state, found := strings.Cut(value, ":")
	n, err := strconv.ParseInt(sequence, 10, 64)
	if err != nil || !found {
		return projections.StoredState{}, fmt.Errorf(
			"the state of %s %q in Redis begins with %.20q; it must be a sequence and a colon",
			aggregate, subject, value)
	}
	return projections.StoredState{
		Aggregate: aggregate, Subject: subject, Sequence: n, State: []byte(state),
	}, nil
}

// Write writes a batch by one script.
func (o *open) Write(ctx context.Context, batch *projections.Batch) error {
	changes, err := ofChanges(batch.Changes)
	if err != nil {
		return err
	}
	var a arguments
	a.advances(batch.Advances)
	a.states(batch.States)
	if err := a.changes(changes); err != nil {
		return err
	}
	if _, err := o.run(ctx, writeScript, a); err != nil {
		return fmt.Errorf("writing to %s: %w", o.build.Name(), err)
	}
	return nil
}

// Mend writes rows, unless the build has gone on meanwhile.
func (o *open) Mend(
	ctx context.Context, at []projections.Progress, rows []projections.Mended,
) error {
	var a arguments
	var seen []string
	for _, p := range at {
		seen = append(seen, partition(p.Partition), strconv.FormatInt(p.Next, 10))
	}
	a.list(seen)
	if err := a.changes(ofMended(rows)); err != nil {
		return err
	}
	if _, err := o.run(ctx, mendScript, a); err != nil {
		return fmt.Errorf("mending %s: %w", o.build.Name(), err)
	}
	return nil
}

// betweenTries is how long a take-over waits before it looks again whether the build is level.
const betweenTries = 20 * time.Millisecond

// TakeOver makes the build live.
func (o *open) TakeOver(ctx context.Context, hold time.Duration) error {
	deadline := time.Now().Add(hold)
	for {
		left := max(0, time.Until(deadline))
		_, err := o.run(ctx, takeOverScript, arguments{left.Microseconds()})
		if err == nil {
			return nil
		}
		if !errors.Is(err, projections.ErrBehind) || left == 0 {
			return fmt.Errorf("%s takes over: %w", o.build.Name(), err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s takes over: %w", o.build.Name(), ctx.Err())
		case <-time.After(min(betweenTries, left)):
		}
	}
}
