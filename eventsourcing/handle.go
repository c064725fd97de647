package eventsourcing

import (
	"errors"
	"fmt"
	"math"
	"strconv"
)

// What is wrong when Handle returns an error. Handling the same command again fails again.
var (
	// ErrIncompleteCommand says that the command's metadata lacks what every command has.
	ErrIncompleteCommand = errors.New("incomplete command")
	// ErrBrokenDecider says that the aggregate broke the contract of [Decider].
	ErrBrokenDecider = errors.New("broken decider")
	// ErrBrokenSnapshot says that the snapshot can't have been made by Handle.
	ErrBrokenSnapshot = errors.New("broken snapshot")
)

// Handle takes a command to its outcome on an aggregate. A command that the ring of recent
// commands knows gets its first outcome again, whatever it carries now; one that expects another
// sequence than the aggregate's is rejected; every other is decided. recentSize is how many
// commands the aggregate remembers, itself included: 0 (none) to [MaxRecentSize].
//
// It is pure: it changes nothing that it was given, and the same arguments give the same outcome.
// The error is a bug, never a rejection: an [ErrIncompleteCommand], [ErrBrokenDecider] or
// [ErrBrokenSnapshot]. A panic of Decide or Evolve passes through.
//
// It costs some 300 ns beside Decide and Evolve, the half of it for hashing the command's ID.
func Handle[S, C, E any](
	d Decider[S, C, E], recentSize int, s Snapshot[S], cmd Envelope[C],
) (Outcome[S, E], error) {
	if err := check(s.Sequence, cmd.ID, cmd.Subject); err != nil {
		return Outcome[S, E]{}, err
	}
	if s.Sequence == 0 {
		s.State = d.Initial
	}
	hash := hashOf(cmd.ID)
	result := Result{CommandID: cmd.ID, CommandType: TypeName(cmd.Data)}
	if first, found := s.Recent.find(hash); found {
		return repeated[S, E](s, result, first), nil
	}
	events, rejection, err := decide(d, s, &cmd)
	if err != nil {
		return Outcome[S, E]{}, fmt.Errorf("%w: %s on %s at sequence %d: %w",
			ErrBrokenDecider, result.CommandType, cmd.Subject, s.Sequence, err)
	}
	entry, message := Entry{}, ""
	if rejection != nil {
		entry.Code, message = rejection.Code, rejection.Message
	} else {
		entry.FirstSequence = s.Sequence + 1
		entry.LastSequence = s.Sequence + int64(len(events))
	}
	outcome := Outcome[S, E]{Result: result}
	outcome.Result.set(entry, message)
	outcome.Events, err = envelop(events, s.Sequence, &cmd.Metadata)
	if err != nil {
		return Outcome[S, E]{}, err
	}
	for i := range outcome.Events {
		e := &outcome.Events[i]
		s.State = d.Evolve(s.State, Recorded[E]{Event: e.Data, Sequence: e.Sequence, Time: e.Time})
	}
	outcome.Snapshot = Snapshot[S]{
		State:    s.State,
		Sequence: s.Sequence + int64(len(events)),
		Recent:   s.Recent.add(hash, entry, recentSize),
	}
	return outcome, nil
}

// Repeat returns what comes of a command that was decided before, with the outcome first: that outcome
// again, and nothing else. It is for callers that remember outcomes beyond the ring.
func Repeat[S, C, E any](s Snapshot[S], cmd Envelope[C], first Entry) Outcome[S, E] {
	return repeated[S, E](s, Result{CommandID: cmd.ID, CommandType: TypeName(cmd.Data)}, first)
}

func repeated[S, E any](s Snapshot[S], result Result, first Entry) Outcome[S, E] {
	result.set(first, repeatedMessage)
	result.Repeated = true
	return Outcome[S, E]{Snapshot: s, Result: result}
}

// check finds what neither a client nor an aggregate can be the cause of.
func check(sequence int64, commandID, subject string) error {
	switch {
	case commandID == "":
		return fmt.Errorf("%w: it has no ID", ErrIncompleteCommand)
	case subject == "":
		return fmt.Errorf("%w: command %q has no subject, the aggregate's ID",
			ErrIncompleteCommand, commandID)
	case sequence < 0 || sequence > math.MaxInt64/2: // so that adding events can't overflow
		return fmt.Errorf("%w: %q is at sequence %d", ErrBrokenSnapshot, subject, sequence)
	}
	return nil
}

// decide asks the aggregate, unless the command expects another sequence, and holds it to the
// contract of Decide.
func decide[S, C, E any](
	d Decider[S, C, E], s Snapshot[S], cmd *Envelope[C],
) ([]E, *Rejection, error) {
	if want := cmd.ExpectedSequence; want != nil && *want != s.Sequence {
		return nil, Reject(CodeSequenceMismatch, "expected is sequence %d, %s is at sequence %d",
			*want, cmd.Subject, s.Sequence), nil
	}
	events, err := d.Decide(contextOf(s.Sequence, cmd), s.State, cmd.Data)
	if err == nil {
		return events, nil, nil
	}
	rejection, is := errors.AsType[*Rejection](err)
	switch {
	case !is:
		return nil, nil, fmt.Errorf("decide returned an error that is no *Rejection: %w", err)
	case rejection == nil:
		return nil, nil, errors.New("decide returned a nil *Rejection as its error")
	case rejection.Code == "" || len(rejection.Code) > MaxCodeBytes:
		return nil, nil, fmt.Errorf("decide rejected with the code %q; its length must be 1 to %d "+
			"bytes", rejection.Code, MaxCodeBytes)
	case len(events) > 0:
		return nil, nil, fmt.Errorf("decide returned %d events and a rejection (%w)",
			len(events), err)
	}
	return nil, rejection, nil
}

func contextOf[C any](sequence int64, cmd *Envelope[C]) Context {
	return Context{
		CommandID: cmd.ID, Subject: cmd.Subject, Sequence: sequence, Time: cmd.Time, Source: cmd.Source,
		CorrelationID: correlationOf(&cmd.Metadata), CausationID: cmd.CausationID,
	}
}

// correlationOf returns the ID of the command that began the chain: its own, if it names no other.
func correlationOf(cmd *Metadata) string {
	if cmd.CorrelationID == "" {
		return cmd.ID
	}
	return cmd.CorrelationID
}

// set fills in the outcome.
func (r *Result) set(e Entry, message string) {
	r.FirstSequence, r.LastSequence = e.FirstSequence, e.LastSequence
	if r.Accepted = e.Code == ""; !r.Accepted {
		r.Code, r.Message = e.Code, message
	}
}

// envelop numbers the events from sequence + 1 on. Their IDs are derived, never random.
func envelop[E any](events []E, sequence int64, cmd *Metadata) ([]Envelope[E], error) {
	if len(events) == 0 {
		return nil, nil
	}
	correlation := correlationOf(cmd)
	envelopes := make([]Envelope[E], len(events))
	for i, event := range events {
		sequence++
		e := &envelopes[i]
		e.Data = event
		e.Type = TypeName(event)
		if e.Type == "" {
			return nil, fmt.Errorf("%w: event %d of %d of command %q is a %T, which has no name",
				ErrBrokenDecider, i+1, len(events), cmd.ID, event)
		}
		e.ID = eventID(cmd.Subject, sequence)
		e.Subject = cmd.Subject
		e.Time = cmd.Time
		e.CorrelationID = correlation
		e.CausationID = cmd.ID
		e.Sequence = sequence
		e.Traceparent = cmd.Traceparent
	}
	return envelopes, nil
}

// eventID returns "<subject>/<sequence>".
func eventID(subject string, sequence int64) string {
	var buffer [64]byte // long enough for most, so that only the string is allocated
	id := append(buffer[:0], subject...)
	id = append(id, '/')
	return string(strconv.AppendInt(id, sequence, 10))
}
