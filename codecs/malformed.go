package codecs

import (
	"fmt"

	"refold/codecs/avrotype"
)

// Reason says why a record is poison. Reasons are stable, since dead letters, metrics and alerts have
// them.
type Reason string

// The reasons this package gives.
const (
	// ReasonNotWireFormat: the bytes do not begin with the magic byte and a schema ID.
	ReasonNotWireFormat Reason = "not-wire-format"
	// ReasonUnknownSchema: the registry has no schema of that ID.
	ReasonUnknownSchema Reason = "unknown-schema"
	// ReasonRefusedSchema: the registry refuses to return that schema, but returns others.
	ReasonRefusedSchema Reason = "refused-schema"
	// ReasonUnusableSchema: the registry has one, but it is no Avro schema, or too large.
	ReasonUnusableSchema Reason = "unusable-schema"
	// ReasonUnknownType: a record type that does not belong on this topic.
	ReasonUnknownType Reason = "unknown-type"
	// ReasonIncompatible: a known type, but written with a schema that does not resolve to ours.
	ReasonIncompatible Reason = "incompatible-schema"
	// ReasonUndecodable: the bytes are not what their schema says.
	ReasonUndecodable Reason = "undecodable"
	// ReasonTooLarge: more bytes than Limits.RecordBytes, or it would grow to more than
	// Limits.ExpandedBytes.
	ReasonTooLarge Reason = "too-large"
	// ReasonBadHeader: a header is missing or says something impossible; the text names it.
	ReasonBadHeader Reason = "bad-header"
	// ReasonBeyondLimits: an ID or a name is beyond the limits of IDs (package eventsourcing), or one
	// that would be derived from it is; the text names it.
	ReasonBeyondLimits Reason = "beyond-limits"
)

// ErrTooLarge says that a value would take more than its limit: encoded more than
// Limits.RecordBytes, decoded or as JSON more than Limits.ExpandedBytes.
var ErrTooLarge = avrotype.ErrTooLarge

// Malformed is a record that will never decode. It is an error, and it is the value to which a [Set.Codec]
// decodes such a record.
type Malformed struct {
	Reason Reason
	// Bytes is the record's value as it came, shared with the record, not copied; nil if the fault is in
	// the headers.
	Bytes []byte
	// Err gives the details. Its text is not part of the contract.
	Err error
}

// Error gives the reason and the details.
func (m *Malformed) Error() string {
	if m.Err == nil {
		return string(m.Reason)
	}
	return string(m.Reason) + ": " + m.Err.Error()
}

// Unwrap returns the details.
func (m *Malformed) Unwrap() error { return m.Err }

func tooLarge(b []byte, limit int) *Malformed {
	return malformed(ReasonTooLarge, b, "%w: %d bytes; at most %d are allowed", ErrTooLarge, len(b), limit)
}

func malformed(reason Reason, bytes []byte, format string, args ...any) *Malformed {
	return &Malformed{Reason: reason, Bytes: bytes, Err: fmt.Errorf(format, args...)}
}
