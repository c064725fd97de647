package codecs

import (
	"errors"

	"refold/codecs/avrotype"
)

// PlaceOf returns which bytes of a malformed record are at fault, from ≤ byte < to, counted in
// [Malformed.Bytes], as far as that can be said: of the frame in front of the data, and of Avro data. Both
// are the length if bytes are missing at the end.
func PlaceOf(err error) (from, to int, known bool) {
	m, is := errors.AsType[*Malformed](err)
	if !is || m.Bytes == nil {
		return 0, 0, false
	}
	b := m.Bytes
	frame := wireNumberBytes
	if len(b) > 0 && b[0] == wireGUID {
		frame = wireGUIDBytes
	}
	switch m.Reason {
	case ReasonNotWireFormat:
		switch {
		case len(b) > 0 && b[0] != wireNumber && b[0] != wireGUID:
			return 0, 1, true
		case len(b) < frame:
			return len(b), len(b), true
		}
		return 1, frame, true
	case ReasonUnknownSchema, ReasonUnusableSchema, ReasonRefusedSchema:
		return min(1, len(b)), min(frame, len(b)), true
	case ReasonUndecodable:
		if d, is := errors.AsType[*avrotype.DataError](err); is && frame <= len(b) {
			from := frame + d.Offset
			return from, min(from+1, len(b)), true
		}
	case ReasonUnknownType, ReasonIncompatible, ReasonTooLarge, ReasonBadHeader, ReasonBeyondLimits:
	}
	return 0, 0, false
}
