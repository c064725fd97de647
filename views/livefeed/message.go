package livefeed

import (
	"context"
	"encoding/json"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/kafka"
	"refold/processors"
	"refold/processors/deadletters"
)

// Message is a record as it is shown. What is not known is left out: a record in a topic of ours
// may have been written by anybody.
type Message struct {
	Kind      Kind   `json:"kind" enum:"command,event,result,dead-letter"`
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`

	Aggregate     string    `json:"aggregate,omitempty" doc:"Of a dead letter: where it came from."`
	Subject       string    `json:"subject,omitempty" doc:"The aggregate's ID."`
	ID            string    `json:"id,omitempty"`
	Type          string    `json:"type,omitempty"`
	Sequence      int64     `json:"sequence,omitempty" doc:"Of an event."`
	Time          time.Time `json:"time"`
	CorrelationID string    `json:"correlationId,omitempty"`
	CausationID   string    `json:"causationId,omitempty"`

	// Outcome is of results. Repeated marks one that says once more what the first one said.
	Outcome  string `json:"outcome,omitempty" enum:"accepted,rejected" doc:"Of a result."`
	Repeated bool   `json:"repeated,omitempty" doc:"A result that was given before."`
	// Aside says where a dead letter came from, and why it is one.
	Aside *Aside `json:"deadLetter,omitempty"`

	Data        json.RawMessage `json:"data" doc:"The value; null if it can't be decoded."`
	Undecodable string          `json:"undecodable,omitempty" doc:"Why it can't be."`
}

// Aside is the place that a dead letter came from, and why it was set aside.
type Aside struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	Reason    string `json:"reason"`
	Message   string `json:"message"`
}

// The values of Message.Outcome.
const (
	accepted = "accepted"
	rejected = "rejected"
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
// then shown without its data: who listens live has little use for what is late.
const decodeLimit = 2 * time.Second

// decode fills in the data.
func (f *Feed) decode(ctx context.Context, m *Message, r *kgo.Record) {
	if r.Value == nil {
		m.Undecodable = "there is no value"
		return
	}
	ctx, cancel := context.WithTimeout(ctx, decodeLimit)
	defer cancel()
	_, data, err := f.options.Decoder.ToJSON(ctx, r.Value)
	if err != nil {
		m.Undecodable = err.Error()
		return
	}
	m.Data = data
	if m.Kind != Result {
		return
	}
	var result struct{ Accepted *bool }
	if json.Unmarshal(data, &result) == nil && result.Accepted != nil {
		m.Outcome = rejected
		if *result.Accepted {
			m.Outcome = accepted
		}
	}
	m.Repeated = processors.Repeated(r.Headers)
}
