package inventory

import (
	"errors"
	"fmt"
	"time"
)

// ErrLost says that a topic of the installation is missing, or is another one.
var ErrLost = errors.New("a topic of the installation is lost")

// runbook is where a reader of the errors goes on.
const runbook = "docs/runbooks/lost-topic.md"

// LostError says that a topic is not the one that the installation knows. It wraps ErrLost.
type LostError struct {
	Known Record
	// Present is the ID of the topic that is there under the name; empty: there is none.
	Present string
}

// Error says what is wrong, and which runbook to follow.
func (e *LostError) Error() string {
	since := fmt.Sprintf("the installation knows it by ID %s since %s", e.Known.ID,
		e.Known.Time.Format(time.RFC3339))
	if e.Present == "" {
		return fmt.Sprintf("topic %s is lost: %s, and there is none; it is not made anew, and nothing that "+
			"belongs to it is handled: %s", e.Known.Topic, since, runbook)
	}
	return fmt.Sprintf("topic %s was made anew: %s, and now it has ID %s; nothing that belongs to it is "+
		"handled: %s", e.Known.Topic, since, e.Present, runbook)
}

// Unwrap returns ErrLost.
func (e *LostError) Unwrap() error { return ErrLost }

// MissingError says that a topic of which the installation never knew is missing, and may not be made.
type MissingError struct{ Topic string }

// Error says how it is made.
func (e *MissingError) Error() string {
	return fmt.Sprintf("topic %s is missing; `processor topics apply` makes it, or a worker with "+
		"topics.create", e.Topic)
}
