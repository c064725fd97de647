package machine

import "errors"

// Reason says why a session, or the whole run, ends. A greater one takes precedence.
type Reason int

// The reasons, from the least to the greatest.
const (
	Stay    Reason = iota // nothing ends
	Revoked               // a rebalance begins: finish what is in hand, then let it go on
	Lost                  // the group went on without this worker: drop everything
	Rebuild               // the clients must be made anew
	Stopped               // the worker was asked to stop: finish what is in hand, then leave the group
	Failed                // a callback failed, or a record can't be written: end with an error
)

// FatalError is an error that ends the Processor: trying again would not help, or would do harm.
type FatalError struct{ Err error }

// Error returns the text of Err.
func (f *FatalError) Error() string { return f.Err.Error() }

// Unwrap returns Err.
func (f *FatalError) Unwrap() error { return f.Err }

// IsFatal reports whether err wraps a FatalError.
func IsFatal(err error) bool {
	_, is := errors.AsType[*FatalError](err)
	return is
}
