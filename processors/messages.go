package processors

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/eventsourcing"
)

// Messages reads what the records of topics say of commands, for those who compare or repair topics.
type Messages struct {
	// Results is NewResultSet's.
	Results *codecs.Set
}

// Cause returns the ID of the command that caused an event or a result, and the event's sequence. The
// error is a *codecs.Malformed.
func (Messages) Cause(r *kgo.Record) (eventsourcing.Metadata, error) {
	m, err := codecs.MetadataFromRecord(r.Headers)
	if err != nil {
		return m, fmt.Errorf("read the headers: %w", err)
	}
	return m, nil
}

// Result reads a record of a results topic.
func (m Messages) Result(
	ctx context.Context, r *kgo.Record,
) (eventsourcing.Result, eventsourcing.Metadata, error) {
	var none eventsourcing.Result
	metadata, err := m.Cause(r)
	if err != nil {
		return none, metadata, err
	}
	value, err := m.Results.Decode(ctx, r.Value)
	if err != nil {
		return none, metadata, fmt.Errorf("decode a result: %w", err)
	}
	result, is := value.(Result)
	if !is {
		return none, metadata, fmt.Errorf("decode a result: it is a %T", value)
	}
	told := result.of(&metadata)
	for _, h := range r.Headers {
		told.Repeated = told.Repeated || h.Key == HeaderRepeated
	}
	return told, metadata, nil
}
