package views

import (
	"bytes"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/kafka"
	"refold/processors"
)

// heads are the headers of a record that indices are made of, read in one pass. Of two with one name the
// last counts. One that codecs would refuse for its length counts as none.
type heads struct {
	id, typeName, causation, correlation, source []byte
	repeated                                     bool
}

func headsOf(r *kgo.Record) (h heads) {
	for i := range r.Headers {
		value := r.Headers[i].Value
		if len(value) > codecs.MaxHeaderBytes {
			value = nil
		}
		switch r.Headers[i].Key {
		case codecs.HeaderID:
			h.id = value
		case codecs.HeaderType:
			h.typeName = value
		case codecs.HeaderCausationID:
			h.causation = value
		case codecs.HeaderCorrelationID:
			h.correlation = value
		case codecs.HeaderSource:
			h.source = value
		case processors.HeaderRepeated:
			h.repeated = string(value) == "true"
		}
	}
	return h
}

// plain reports whether a message belongs to the trace of the command that begins its chain, and all that
// its headers say follows from that command's ID: of a command that it is this command, of a result
// and an event that they are this command's.
func (h *heads) plain(kind Kind) bool {
	switch kind {
	case KindCommand:
		return len(h.id) > 0 && len(h.causation) == 0 &&
			(len(h.correlation) == 0 || bytes.Equal(h.correlation, h.id))
	case KindResult:
		return len(h.causation) > 0 && bytes.Equal(h.correlation, h.causation) &&
			string(h.id) == eventsourcing.ResultID(string(h.causation))
	case KindEvent:
		return len(h.id) > 0 && len(h.causation) > 0 && bytes.Equal(h.correlation, h.causation)
	case KindDeadLetter:
	}
	return false
}

// header returns a record's header, or nothing.
func header(r *kgo.Record, name string) string { return string(kafka.Header(r.Headers, name)) }
