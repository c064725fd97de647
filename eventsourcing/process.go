package eventsourcing

import (
	"strconv"
	"strings"
)

// Process reacts to the events of one kind of aggregate with commands to others, and to the
// results of these commands with commands again: "when an order is placed, charge the account;
// when it is charged, record the payment". E is the interface of the events.
//
// It is pure, as a [Decider] is, and has no state of its own: what must be remembered is in the
// aggregates, and which event a result goes back to is in the command's ID. That ID is derived
// from its cause, never random, so that reacting again yields the same command, and the aggregate
// that gets it twice decides it once (G1), for as long as it remembers. If it has forgotten and
// decides again, otherwise, what follows from that is another command with another ID.
type Process[E any] struct {
	// Name is the process's own: a part of the IDs of its commands, without "/" and ".". It can't
	// be changed while commands of it are under way.
	Name string
	// React says which commands an event leads to; none as a rule.
	React func(Envelope[E]) []Instruction
	// Conclude says which commands the result of one of the process's own commands leads to.
	Conclude func(Reply) []Instruction
}

// Instruction is what a process wants: a command to an aggregate.
type Instruction struct {
	Aggregate string // its kind by name, such as "account"
	Subject   string // its ID
	Command   any    // one of the aggregate's commands
}

// Reply is the result of a command that a process has sent.
type Reply struct {
	// Origin is the event that the process sent the command for.
	Origin EventRef
	// Subject is the ID of the aggregate that answers.
	Subject string
	Result  Result
}

// EventRef names an event.
type EventRef struct {
	Subject  string // its aggregate's ID
	Sequence int64
}

// ID returns the event's ID, "<subject>/<sequence>".
func (r EventRef) ID() string { return eventID(r.Subject, r.Sequence) }

// ParseEventRef takes an event's ID apart, and reports whether it is one.
func ParseEventRef(id string) (EventRef, bool) {
	at := strings.LastIndexByte(id, '/')
	if at <= 0 {
		return EventRef{}, false
	}
	sequence, err := strconv.ParseInt(id[at+1:], 10, 64)
	ref := EventRef{Subject: id[:at], Sequence: sequence}
	if err != nil || sequence < 1 || ref.ID() != id { // "a/01" and "a/+1" are no IDs
		return EventRef{}, false
	}
	return ref, true
}

// Sent is a command of a process on its way to an aggregate.
type Sent struct {
	// Aggregate is the kind of aggregate it goes to.
	Aggregate string
	Envelope[any]
}

// On returns the commands that an event leads to, ready to be sent.
func (p Process[E]) On(event Envelope[E]) []Sent {
	return p.send(p.React(event), &event.Metadata, event.ID)
}

// OnParts returns the commands that the parts of one recorded event lead to: what it has become, if it was
// written by a former version. All parts have the event's metadata but for their type. The commands are
// numbered as those of one event.
func (p Process[E]) OnParts(metadata *Metadata, parts []E) []Sent {
	var wanted []Instruction
	for _, part := range parts {
		event := Envelope[E]{Metadata: *metadata, Data: part}
		event.Type = TypeName(part)
		wanted = append(wanted, p.React(event)...)
	}
	return p.send(wanted, metadata, metadata.ID)
}

// OnResult returns the commands that a result leads to. metadata are the result's own, of its
// record. A result of a command that was not this process's leads to none.
func (p Process[E]) OnResult(metadata *Metadata, result Result) []Sent {
	origin, is := p.origin(result.CommandID)
	if !is {
		return nil
	}
	return p.send(p.Conclude(Reply{
		Origin: origin, Subject: metadata.Subject, Result: result,
	}), metadata, metadata.ID+happened(result))
}

// happened is what tells the outcomes of one command apart, should there be several: an aggregate
// that has forgotten a command decides it again. All results of a command have one ID; events that
// happened have a sequence that none had before.
func happened(r Result) string {
	if !r.Accepted || r.LastSequence < r.FirstSequence || r.FirstSequence < 1 {
		return "" // nothing has
	}
	return "." + strconv.FormatInt(r.FirstSequence, 10)
}

// send derives IDs from the cause's.
func (p Process[E]) send(wanted []Instruction, cause *Metadata, causeID string) []Sent {
	sent := make([]Sent, len(wanted))
	for i, w := range wanted {
		sent[i] = Sent{w.Aggregate, Envelope[any]{Data: w.Command, Metadata: Metadata{
			ID:            causeID + p.suffix() + strconv.Itoa(i),
			Source:        p.Name,
			Type:          TypeName(w.Command),
			Subject:       w.Subject,
			Time:          cause.Time,
			CorrelationID: cause.CorrelationID,
			CausationID:   cause.ID,
			Traceparent:   cause.Traceparent,
		}}}
	}
	return sent
}

// suffix stands in the ID of a command between that of its cause and its number.
func (p Process[E]) suffix() string { return suffixOf(p.Name) }

func suffixOf(process string) string { return "/" + process + "." }

// Own reports whether a command's ID is that of a command of the process. Results of others lead to nothing.
func (p Process[E]) Own(commandID string) bool {
	_, is := p.origin(commandID)
	return is
}

func (p Process[E]) origin(commandID string) (EventRef, bool) {
	cause, is := CauseOf(p.Name, commandID)
	return cause.Origin, is
}

// Cause is what a process has sent a command for, as the command's ID has it.
type Cause struct {
	// Origin is the event at the beginning: a command may have been sent for the result of a command of the
	// process.
	Origin EventRef
	// Answer is the sequence of the first event of the result that the command was sent for; 0 if it was sent
	// for the origin itself, or if nothing has happened. The ID does not say which aggregate has answered.
	Answer int64
}

// CauseOf takes the ID of a command apart, and reports whether the process of that name has sent it. The
// causation ID of an event is the ID of its command.
func CauseOf(process, commandID string) (Cause, bool) {
	suffix := suffixOf(process)
	var found Cause
	for steps := 0; ; steps++ {
		at := strings.LastIndex(commandID, suffix)
		if at < 0 {
			return Cause{}, false
		}
		if _, err := strconv.ParseUint(commandID[at+len(suffix):], 10, 31); err != nil {
			return Cause{}, false
		}
		cause := commandID[:at]
		command, answer, isResult := cutResult(cause)
		if !isResult {
			var is bool
			found.Origin, is = ParseEventRef(cause)
			return found, is
		}
		if commandID = command; steps == 0 {
			found.Answer = answer
		}
	}
}

// cutResult undoes ResultID and happened. No event's ID looks like that: it ends in "/" and a number.
func cutResult(cause string) (commandID string, first int64, is bool) {
	if at := strings.LastIndexByte(cause, '.'); at >= 0 {
		sequence, err := strconv.ParseInt(cause[at+1:], 10, 64)
		if err == nil && sequence >= 1 && strings.HasSuffix(cause[:at], resultSuffix) {
			cause, first = cause[:at], sequence
		}
	}
	commandID, is = strings.CutSuffix(cause, resultSuffix)
	return commandID, first, is
}

// resultSuffix is what a result's ID has behind that of its command.
const resultSuffix = "/result"

// ResultID returns the ID of the result of a command.
func ResultID(commandID string) string { return commandID + resultSuffix }
