package eventsourcing

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// The limits of IDs and names, in bytes of UTF-8. IDs are made of other IDs, so the limits of those that
// senders choose leave room for what is derived from them. All code that accepts, derives or reads an ID
// takes its limit from here. Control characters are allowed: readers escape what they show.
const (
	// MaxIDBytes limits each ID and each name in a record's headers: of messages, aggregates,
	// correlations and causes, types and sources. Readers refuse what is longer. IDs are copied into
	// every event and result of a chain; one of more than a kilobyte is a mistake.
	MaxIDBytes = 1024
	// MaxProcessNameBytes limits the name of a [Process], which is part of its commands' IDs.
	MaxProcessNameBytes = 64
	// MaxCommandIDBytes limits the ID of a command: its result's ID ([ResultID]) has MaxIDBytes at most.
	MaxCommandIDBytes = MaxIDBytes - len(resultSuffix)
	// MaxKeyBytes limits the ID of an aggregate, the key of its records: the IDs of its events, of what a
	// process does because of one of them, and because of the result of that, have MaxIDBytes at most:
	//
	//	<key>/<n>/<process>.<i>/result.<n>/<process>.<i>/result
	//
	// A chain with more hops than these, or with keys and names that are shorter, ends where a
	// command's ID would be beyond MaxCommandIDBytes.
	MaxKeyBytes = MaxIDBytes - sequenceBytes - hopBytes - len(resultSuffix) - sequenceBytes - hopBytes -
		len(resultSuffix)

	sequenceBytes = len("/9223372036854775807")
	hopBytes      = len("/.2147483647") + MaxProcessNameBytes // "/<process>.<i>"
)

// LimitError says that an ID or a name is beyond the limits of IDs.
type LimitError struct {
	// Field names the ID.
	Field string
	// Value is its beginning.
	Value string
	// Bytes is its length, Limit the greatest that is allowed. If Bytes is not beyond Limit, the ID is
	// not UTF-8.
	Bytes, Limit int
}

// Error names the field, and the limit.
func (e *LimitError) Error() string {
	if e.Bytes > e.Limit {
		return fmt.Sprintf("%s has %d bytes; at most %d are allowed", e.Field, e.Bytes, e.Limit)
	}
	return fmt.Sprintf("%s is %s; must be UTF-8", e.Field, strconv.QuoteToASCII(e.Value))
}

// shownBytes is how much of an ID a LimitError keeps.
const shownBytes = 64

// CheckID returns nil if an ID, or a name, is UTF-8 of at most limit bytes; an empty one is.
func CheckID(field, id string, limit int) *LimitError {
	if len(id) <= limit && utf8.ValidString(id) {
		return nil
	}
	return &LimitError{Field: field, Value: id[:min(len(id), shownBytes)], Bytes: len(id), Limit: limit}
}

// CheckCommand returns nil if all IDs that are derived from a command's own, and from that of the
// aggregate that it goes to, are within the limits. It is asked before the command is decided, or sent:
// afterwards nobody can take the outcome back. The other IDs of an outcome are copies of the command's.
func CheckCommand(id, subject string) *LimitError {
	if wrong := CheckID("the command's ID", id, MaxCommandIDBytes); wrong != nil {
		return wrong
	}
	return CheckID("the aggregate's ID (the record's key)", subject, MaxKeyBytes)
}
