package catalogue

import (
	"refold/codecs"
	"refold/eventsourcing"
	"refold/processors"
)

// Header is a header of records.
type Header struct {
	Name, Doc string
	Required  bool
	// Number says that the value is a whole number, as text.
	Number bool
}

// HeaderValue is a header of an example.
type HeaderValue struct{ Name, Value string }

// HeadersOf returns the headers of records of a kind: CloudEvents in Kafka's binary mode. Rows have none.
func HeadersOf(kind Kind) []Header {
	if kind == Row || kind == Unknown {
		return nil
	}
	id := map[Kind]string{
		Command: "The command's ID, which its sender chooses. A command that comes again has one outcome.",
		Event:   "The event's ID: <aggregate ID>/<sequence>.",
		Result:  "The result's ID: <command ID>/result.",
	}[kind]
	ours := kind != Command // the worker has written it
	headers := []Header{
		{Name: codecs.HeaderSpecVersion, Doc: "1.0, of CloudEvents.", Required: ours},
		{Name: codecs.HeaderID, Doc: id, Required: true},
		{Name: codecs.HeaderType, Doc: "The name of the type.", Required: true},
		{Name: codecs.HeaderSource, Doc: "The sender, as it calls itself.", Required: ours},
		{Name: codecs.HeaderSubject, Doc: "The aggregate's ID, which is the key, too.", Required: ours},
		{
			Name: codecs.HeaderTime, Required: ours,
			Doc: "RFC 3339. Events and results have the time of their command's record.",
		},
		{
			Name: codecs.HeaderCorrelationID, Required: ours,
			Doc: "The ID of the command that began the chain.",
		},
		{
			Name: codecs.HeaderCausationID, Required: ours,
			Doc: "The ID of the message that directly caused this one.",
		},
		{Name: codecs.HeaderTraceparent, Doc: "W3C trace context."},
	}
	switch kind {
	case Command:
		headers = append(headers, Header{
			Name: codecs.HeaderExpectedSequence, Number: true,
			Doc: "The aggregate's sequence that the sender has seen; the command is rejected at another one.",
		})
	case Event:
		headers = append(headers, Header{
			Name: codecs.HeaderSequence, Number: true, Required: true,
			Doc: "The event's place in its aggregate: 1, 2, 3 and so on, without a gap.",
		})
	case Result:
		headers = append(headers, Header{
			Name: processors.HeaderRepeated,
			Doc:  "true: the command came again, and this is its first outcome.",
		})
	case Row, Unknown:
	}
	return headers
}

// headerValues returns metadata as headers, in the order of [HeadersOf].
func headerValues(kind Kind, m eventsourcing.Metadata) (values []HeaderValue) {
	written := codecs.Headers(m)
	for _, h := range HeadersOf(kind) {
		if value, has := written[h.Name]; has {
			values = append(values, HeaderValue{h.Name, string(value)})
		}
	}
	return values
}
