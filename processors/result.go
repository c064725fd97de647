package processors

import (
	_ "embed" // the results' schema

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/kafka"
)

// HeaderRepeated marks, with the value "true", the result of a command that came again: it says
// once more what the first one said.
const HeaderRepeated = "refold_repeated"

// Repeated reports whether a result's headers mark it so.
func Repeated(headers []kgo.RecordHeader) bool {
	return string(kafka.Header(headers, HeaderRepeated)) == "true"
}

//go:embed schemas/Result.avsc
var resultSchema string

// Result is a record of a results topic: the one outcome of a command. The headers name the
// command (ce_causationid) and the aggregate (ce_subject).
type Result struct {
	CommandType string `avro:"commandType"`
	Accepted    bool   `avro:"accepted"`
	// FirstSequence and LastSequence span the events of an accepted command. A command that was
	// accepted without an event has an empty span: LastSequence = FirstSequence - 1.
	FirstSequence int64 `avro:"firstSequence"`
	LastSequence  int64 `avro:"lastSequence"`
	// Code is the rejection's stable code, empty if accepted.
	Code string `avro:"code"`
	// Message says the same to a person. It is not part of the contract.
	Message string `avro:"message"`
}

// NewResultSet returns the codec of the results topics of some aggregates, which are alike for all. Without
// any, subjects can't be named after topics.
func NewResultSet(registry *codecs.Registry, of ...AggregateDefinition) (*codecs.Set, error) {
	return codecs.NewSet(registry, resultType(of))
}

// resultType is the type of results on the topics of some aggregates.
func resultType(of []AggregateDefinition) codecs.Type {
	topics := make([]string, len(of))
	for i, a := range of {
		topics[i] = topicsOf(a, "").Results
	}
	return ResultType().On(topics...)
}

// ResultType is [Result] as a record type, for the inputs of a process.
func ResultType() codecs.Type { return codecs.Record[Result](resultSchema) }

// of is the result as the kit has it. metadata are its record's.
func (r Result) of(metadata *eventsourcing.Metadata) eventsourcing.Result {
	return eventsourcing.Result{
		CommandID: metadata.CausationID, CommandType: r.CommandType, Accepted: r.Accepted,
		FirstSequence: r.FirstSequence, LastSequence: r.LastSequence,
		Code: r.Code, Message: r.Message,
	}
}

// describe fills in the record for an outcome, and its headers.
func (e *emission) describe(
	outcome *eventsourcing.Result, command *eventsourcing.Metadata, source string,
) {
	e.result = Result{
		CommandType:   outcome.CommandType,
		Accepted:      outcome.Accepted,
		FirstSequence: outcome.FirstSequence,
		LastSequence:  outcome.LastSequence,
		Code:          outcome.Code,
		Message:       outcome.Message,
	}
	correlation := command.CorrelationID
	if correlation == "" {
		correlation = command.ID
	}
	e.metadata = eventsourcing.Metadata{
		ID:            eventsourcing.ResultID(command.ID),
		Source:        source,
		Type:          "Result",
		Subject:       command.Subject,
		Time:          command.Time,
		CorrelationID: correlation,
		CausationID:   command.ID,
		Traceparent:   command.Traceparent,
	}
}
