package processors

import (
	"errors"
	"fmt"
	"sync"

	"github.com/lovoo/goka"

	"refold/codecs"
	"refold/kafka"
)

// outbox collects what a record leads to, encoded, before any of it is sent. A record that leads to
// something that no broker takes is poison as a whole: sent in part, it would stop its partition for good.
type outbox struct {
	limit   int            // bytes of a record
	message codecs.Message // the one being encoded
	buffer  codecs.Buffer
	sent    []outgoing
	row     []byte // nil: none is written
}

type outgoing struct {
	topic, key string
	encoded    codecs.Encoded
}

var outboxes = sync.Pool{New: func() any { return &outbox{sent: make([]outgoing, 0, sentGuess)} }}

// sentGuess is how many records, beside a row, a record is likely to lead to at most.
const sentGuess = 4

func newOutbox(limit int) *outbox {
	o, _ := outboxes.Get().(*outbox)
	o.limit = limit
	return o
}

// close empties the outbox and returns its memory to the pool.
func (o *outbox) close() {
	clear(o.sent)
	o.buffer.Reset()
	o.message, o.sent, o.row = codecs.Message{}, o.sent[:0], nil
	outboxes.Put(o)
}

// add encodes a record. The error is a *codecs.Malformed, or a fault.
func (o *outbox) add(topic, key string, set *codecs.Set, m codecs.Message) error {
	o.message = m
	encoded, err := set.EncodeMessage(&o.buffer, &o.message)
	switch {
	case err != nil:
		return unencodable(err)
	case kafka.RecordBytes(len(key), encoded.Value, encoded.Headers) > o.limit:
		return tooLarge("the %s that it leads to, on %s, has more than the %d bytes that are allowed",
			m.Metadata.Type, topic, o.limit)
	}
	o.sent = append(o.sent, outgoing{topic, key, encoded})
	return nil
}

// set encodes the row. The error is a *codecs.Malformed, or a fault.
func (o *outbox) set(key string, rows goka.Codec, row any) (err error) {
	if o.row, err = rows.Encode(row); err != nil {
		return unencodable(err)
	}
	if size := kafka.RecordBytes(len(key), o.row, nil); size > o.limit {
		return tooLarge("the row that it leads to has %d bytes; at most %d are allowed",
			size, o.limit)
	}
	return nil
}

// send sends everything.
func (o *outbox) send(records kafka.Records) {
	for i := range o.sent {
		out := &o.sent[i]
		records.Send(out.topic, []byte(out.key), out.encoded.Headers, out.encoded.Value)
	}
	if o.row != nil {
		records.SetRow(o.row)
	}
}

// unencodable classifies an error of encoding: poison if the value is too large, a fault if the registry
// is the cause, otherwise a bug of the domain that made the value.
func unencodable(err error) error {
	switch {
	case errors.Is(err, codecs.ErrNotYetWritable):
		return &codecs.Malformed{Reason: ReasonNotYetWritable, Err: err}
	case errors.Is(err, codecs.ErrTooLarge):
		return &codecs.Malformed{Reason: codecs.ReasonTooLarge, Err: err}
	case errors.Is(err, codecs.ErrRegistryUnavailable), errors.Is(err, codecs.ErrSchemaNotFound),
		errors.Is(err, codecs.ErrSchemaUnusable), errors.Is(err, codecs.ErrIncompatible):
		return err
	}
	return bug(err)
}

func tooLarge(format string, args ...any) *codecs.Malformed {
	return &codecs.Malformed{Reason: codecs.ReasonTooLarge, Err: fmt.Errorf(format, args...)}
}
