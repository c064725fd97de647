package views

import (
	"errors"
	"fmt"
	"time"

	"refold/codecs"
)

// Errors of the readers, for errors.Is.
var (
	// ErrNotFound says that there is no such aggregate or command here (yet).
	ErrNotFound = errors.New("not found")
	// ErrNotReady says that the view is being restored or has lost its broker: try again later,
	// or ask another pod.
	ErrNotReady = errors.New("the view is not ready")
	// ErrNotHere says that another process keeps this partition, or that it is not certain that this one
	// does. Ask the owner.
	ErrNotHere = errors.New("kept by another process")
	// ErrOff is the ErrNotReady of a process that keeps no views (Options.Off): it won't pass.
	ErrOff = fmt.Errorf("%w: this process keeps no views", ErrNotReady)
	// ErrNoHistory is the ErrNotReady of a process that keeps no histories (Options.NoHistory): it
	// won't pass.
	ErrNoHistory = fmt.Errorf("%w: this process keeps no histories", ErrNotReady)
	// ErrNoTraces is the same for traces (Options.TraceRetention).
	ErrNoTraces = fmt.Errorf("%w: this process keeps no traces", ErrNotReady)
	// ErrNotYet says that the wait ended before what was waited for became readable.
	ErrNotYet = errors.New("not readable yet")
	// ErrTooManyWaiters says that the limit of concurrent waits is reached (Limits.Waiters).
	ErrTooManyWaiters = errors.New("too many readers are waiting already")
	// ErrNotSent says that a command is certainly not in its topic. After any other error of
	// Send it may be.
	ErrNotSent = errors.New("not sent")
)

// notReady is an ErrNotReady that says what is missing, and nothing else.
type notReady string

func (n notReady) Error() string { return string(n) }

// Is tells errors.Is that it is an ErrNotReady.
func (n notReady) Is(target error) bool { return target == ErrNotReady }

// Row is an aggregate's current state.
type Row struct {
	ID       string
	Sequence int64 // of the last event in it, from 1
	State    any   // what the aggregate's description makes of it
	// Unreadable says why there is neither State nor Sequence: the row can't be decoded. Only List has
	// such rows; they don't hide the others.
	Unreadable *codecs.Malformed
	// Position is where the copy that it was read from stands; List leaves it out.
	Position Position
}

// Page is a part of the ordered list of rows.
type Page struct {
	Rows []Row // ordered by ID, byte by byte
	// Next is where the next page starts (List's after), or empty after the last one. A page may
	// have fewer rows than asked for, even none, and still a Next.
	Next string
}

// Status is how far a command has come. Statuses are ordered.
type Status uint8

// The statuses of a command.
const (
	Unknown  Status = iota // no record of it here
	Pending                // in the commands topic, no result yet
	Rejected               // decided, no event
	Accepted               // decided, with its events
)

// Decided is the first of the statuses that are final: the one to wait for.
const Decided = Rejected

// String returns the status as the API spells it.
func (s Status) String() string {
	switch s {
	case Pending:
		return "pending"
	case Rejected:
		return "rejected"
	case Accepted:
		return "accepted"
	case Unknown:
	}
	return "unknown"
}

// Command is what is known of a command.
type Command struct {
	CommandKey

	Type   string // "DepositMoney"
	Time   time.Time
	Status Status
	// Source says who sent it (ce_source); empty if that is not known any more, and of a decided command that
	// was waited for.
	Source string
	// FirstSequence and LastSequence span the events of an accepted command; the span is empty,
	// LastSequence = FirstSequence - 1, if it was accepted without one.
	FirstSequence, LastSequence int64
	Code, Message               string // of a rejection
}
