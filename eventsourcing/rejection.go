package eventsourcing

import "fmt"

// CodeSequenceMismatch is the code of a command that expected another sequence than the
// aggregate's: somebody else was faster, or it is a repeat that the ring has forgotten.
const CodeSequenceMismatch = "sequence-mismatch"

// CodeRuleViolated is the code of a command that breaks a rule of its schema: nothing was decided. Such a
// rule holds whatever the aggregate's state is.
const CodeRuleViolated = "rule-violated"

// CodeNotYetWritable is the code of a command that was rejected because its events, or the state that they
// lead to, can't be expressed in the versions that the release before reads, and that the program writes
// until its configuration allows the latest. Sent again after that, under another ID, it can be accepted.
const CodeNotYetWritable = "not-yet-writable"

// repeatedMessage stands in for the message of a rejection that is given again: the ring of
// recent commands keeps its code only.
const repeatedMessage = "rejected before, when the command first came; see the code"

// Rejection is a business reason why a command is refused. It is an outcome, not a failure: it
// is committed and answered like an acceptance.
type Rejection struct {
	// Code is stable and belongs to the contract, such as "insufficient-funds": 1 to
	// [MaxCodeBytes] bytes.
	Code string
	// Message tells a person the same, with the values that led to it. It may change at any time.
	Message string
}

// Reject returns a rejection with a message made by [fmt.Sprintf].
func Reject(code, format string, args ...any) *Rejection {
	return &Rejection{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Error returns code and message.
func (r *Rejection) Error() string { return r.Code + ": " + r.Message }
