package reactions

import (
	"errors"
	"fmt"
	"time"

	"refold/codecs"
)

// The reasons of a reaction's dead letters, beside those of records that can't be decoded.
const (
	// ReasonRefused: the receiver refuses the event for good.
	ReasonRefused codecs.Reason = "reaction-refused"
	// ReasonPanic: the function of the reaction panicked.
	ReasonPanic codecs.Reason = "reaction-panic"
	// ReasonGaveUp: the event was tried for as long as Options.GiveUp allows.
	ReasonGaveUp codecs.Reason = "reaction-gave-up"
)

// Refuse marks an error as one that comes again however often the event is sent.
func Refuse(err error) error {
	return &codecs.Malformed{Reason: ReasonRefused, Err: err}
}

// After marks a fault as one that must not be tried again before so much time has passed.
func After(wait time.Duration, err error) error { return &later{wait, err} }

type later struct {
	wait time.Duration
	err  error
}

// Error returns the error, and how long to wait.
func (l *later) Error() string { return fmt.Sprintf("%v; try again in %v", l.err, l.wait) }

// Unwrap returns the error.
func (l *later) Unwrap() error { return l.err }

// waitOf returns how long an error asks to wait, 0 if it does not.
func waitOf(err error) time.Duration {
	if l, is := errors.AsType[*later](err); is {
		return l.wait
	}
	return 0
}
