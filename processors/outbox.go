package processors

import (
	"errors"
	"fmt"
	"sync"

	"github.com/lovoo/goka"

	"refold/codecs"
	"refold/kafka"
)

// outbox takes what a record leads to, encoded, before any of it is emitted: a record that leads to
// something that no broker takes is poison as a whole, and would otherwise stop the line for good.
// Goka is handed the bytes, so that nothing is encoded twice.
type outbox struct {
	limit   int // bytes of a record
	framed  bool
	message codecs.Message // the one being encoded
	sent    []outgoing
	row     encoded
	changed bool // there is a row
}

type outgoing struct {
	topic, key string
	headers    goka.Headers // beside a value that is no frame
	encoded    encoded
}

// encoded are bytes that are ready for Goka, which asks a codec for all the same.
type encoded struct{ bytes []byte }

// outboxes are used again.
var outboxes = sync.Pool{New: func() any { return &outbox{sent: make([]outgoing, 0, sentGuess)} }}

// sentGuess is how many records one is likely to lead to at most, beside a row.
const sentGuess = 4

func newOutbox(limit int, framed bool) *outbox {
	o, _ := outboxes.Get().(*outbox)
	o.limit, o.framed = limit, framed
	return o
}

// close forgets what is in the outbox and keeps its memory for others.
func (o *outbox) close() {
	clear(o.sent)
	*o = outbox{sent: o.sent[:0]}
	outboxes.Put(o)
}

// add encodes a record. The error is a *codecs.Malformed, or a fault.
func (o *outbox) add(topic, key string, set *codecs.Set, m codecs.Message) (err error) {
	o.message = m
	next := outgoing{topic: topic, key: key}
	fits := false
	if o.framed {
		next.encoded.bytes, err = set.FramedCodec().Encode(&o.message)
		fits = kafka.FitsFrame(len(key), next.encoded.bytes, o.limit)
	} else {
		next.encoded.bytes, err = set.Encode(m.Data)
		next.headers = m.Headers()
		fits = kafka.RecordBytes(len(key), next.encoded.bytes, recordHeaders(next.headers)) <= o.limit
	}
	switch {
	case err != nil:
		return unencodable(err)
	case !fits:
		return tooLarge("the %s that it leads to, on %s, has more than the %d bytes that are allowed",
			m.Metadata.Type, topic, o.limit)
	}
	o.sent = append(o.sent, next)
	return nil
}

// set encodes the row. The error is a *codecs.Malformed, or a fault.
func (o *outbox) set(key string, rows goka.Codec, row any) (err error) {
	if o.row.bytes, err = rows.Encode(row); err != nil {
		return unencodable(err)
	}
	if size := kafka.RecordBytes(len(key), o.row.bytes, nil); size > o.limit {
		return tooLarge("the row that it leads to has %d bytes; at most %d are allowed",
			size, o.limit)
	}
	o.changed = true
	return nil
}

// send hands all of it to Goka, which keeps none of it but the bytes.
func (o *outbox) send(ctx goka.Context) {
	for i := range o.sent {
		out := &o.sent[i]
		if o.framed {
			ctx.Emit(goka.Stream(out.topic), out.key, &out.encoded)
		} else {
			ctx.Emit(goka.Stream(out.topic), out.key, &out.encoded,
				goka.WithCtxEmitHeaders(out.headers))
		}
	}
	if o.changed {
		ctx.SetValue(&o.row)
	}
}

// unencodable says what it means that something can't be encoded: a fault if it was the registry
// that did not let us, otherwise a bug in what made it.
func unencodable(err error) error {
	switch {
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

// encodedCodec lets bytes that are encoded already pass through another codec.
type encodedCodec struct{ goka.Codec }

func (c encodedCodec) Encode(value any) ([]byte, error) {
	if e, is := value.(*encoded); is {
		return e.bytes, nil
	}
	return c.Codec.Encode(value)
}

// framedEncodedCodec is encodedCodec of frames.
type framedEncodedCodec struct{ encodedCodec }

var _ kafka.FramedCodec = framedEncodedCodec{}

// Framed marks the codec.
func (framedEncodedCodec) Framed() {}

// outputOf returns the codec of a graph's output.
func outputOf(set *codecs.Set, framed bool) goka.Codec {
	if framed {
		return framedEncodedCodec{encodedCodec{set.FramedCodec()}}
	}
	return encodedCodec{set.Codec()}
}
