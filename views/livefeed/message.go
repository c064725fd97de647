package livefeed

import (
	"context"
	"encoding/json"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/client/wire"
	"refold/codecs"
	"refold/kafka"
	"refold/processors"
	"refold/processors/deadletters"
)

// The shapes of messages are those of the API.
type (
	// Message is a record as it is shown.
	Message = wire.Message
	// Aside is the place that a dead letter came from, and why it was set aside.
	Aside = wire.Aside
	// Missed says that a listener did not get all.
	Missed = wire.Missed
	// Span is a piece of a partition that was passed.
	Span = wire.Span
)

// describe returns what a record is by its headers: all that a filter asks for.
func (f *Feed) describe(t *Topic, r *kgo.Record) Message {
	m := Message{
		Kind: t.Kind, Topic: r.Topic, Partition: r.Partition, Offset: r.Offset,
		Aggregate: t.Aggregate, Subject: string(r.Key), Time: kafka.ReadTime(r.Timestamp).UTC(),
	}
	if metadata, _, err := codecs.StoredMetadata(r.Headers); err == nil {
		m.ID, m.Type, m.Sequence = metadata.ID, metadata.Type, metadata.Sequence
		m.CorrelationID, m.CausationID = metadata.CorrelationID, metadata.CausationID
		if metadata.Subject != "" {
			m.Subject = metadata.Subject
		}
		if !metadata.Time.IsZero() {
			m.Time = metadata.Time
		}
	}
	if t.Kind != DeadLetter {
		return m
	}
	if letter, err := deadletters.Parse(r); err == nil {
		m.Aggregate = f.aggregates[letter.Origin.Topic]
		m.Aside = &Aside{
			Topic: letter.Origin.Topic, Partition: letter.Origin.Partition,
			Offset: letter.Origin.Offset, Reason: letter.Reason, Message: letter.Message,
		}
	}
	return m
}

// decodeLimit is how long a record whose schema is not known yet waits for the registry. It is
// then shown without its data: what is late is of little use to a live listener.
const decodeLimit = 2 * time.Second

// show returns a value as JSON.
func (f *Feed) show(ctx context.Context, t *Topic, value []byte) (shown codecs.Shown, err error) {
	if t.Types != nil {
		return t.Types.Show(ctx, value) //nolint:wrapcheck // it says what it was doing
	}
	shown.Type, shown.Data, err = f.options.Decoder.ToJSON(ctx, value)
	return shown, err //nolint:wrapcheck // the same
}

// Parts returns what a record is read as in the shape of the API; nil of nil.
func Parts(readAs []codecs.Part) []wire.Part {
	if readAs == nil {
		return nil
	}
	parts := make([]wire.Part, len(readAs))
	for i, p := range readAs {
		parts[i] = wire.Part{Type: p.Type, Data: p.Data}
	}
	return parts
}

// decode fills in the data.
func (f *Feed) decode(ctx context.Context, t *Topic, m *Message, r *kgo.Record) {
	if r.Value == nil {
		m.Undecodable = "there is no value"
		return
	}
	ctx, cancel := context.WithTimeout(ctx, decodeLimit)
	defer cancel()
	shown, err := f.show(ctx, t, codecs.Framed(r.Headers, r.Value))
	if err != nil {
		m.Undecodable = err.Error()
		return
	}
	m.Data, m.ReadAs = shown.Data, Parts(shown.ReadAs)
	if m.Kind != Result {
		return
	}
	var result struct{ Accepted *bool }
	if json.Unmarshal(m.Data, &result) == nil && result.Accepted != nil {
		m.Outcome = wire.StatusRejected
		if *result.Accepted {
			m.Outcome = wire.StatusAccepted
		}
	}
	m.Repeated = processors.Repeated(r.Headers)
}
