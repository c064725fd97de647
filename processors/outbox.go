package processors

import (
	"errors"
	"fmt"
	"sync"

	"github.com/lovoo/goka"

	"refold/codecs"
	"refold/kafka"
)

// outbox collects what a record leads to, encoded, before any of it is emitted. A record that leads to
// something that no broker takes is poison as a whole: emitted in part, it would stop its partition for
// good. Goka is given the bytes, so that nothing is encoded twice.
type outbox struct {
	limit   int            // bytes of a record
	message codecs.Message // the one being encoded
	sent    []outgoing
	row     encoded
	changed bool // there is a row
}

type outgoing struct {
	topic, key string
	encoded    encoded // a frame
}

// encoded is a value whose bytes are ready. Goka calls a codec's Encode for it all the same.
type encoded struct{ bytes []byte }

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
	*o = outbox{sent: o.sent[:0]}
	outboxes.Put(o)
}

// add encodes a record. The error is a *codecs.Malformed, or a fault.
func (o *outbox) add(topic, key string, set *codecs.Set, m codecs.Message) error {
	o.message = m
	frame, err := set.FramedCodec().Encode(&o.message)
	switch {
	case err != nil:
		return unencodable(err)
	case !kafka.FitsFrame(len(key), frame, o.limit):
		return tooLarge("the %s that it leads to, on %s, has more than the %d bytes that are allowed",
			m.Metadata.Type, topic, o.limit)
	}
	o.sent = append(o.sent, outgoing{topic: topic, key: key, encoded: encoded{frame}})
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

// send gives everything to Goka, which keeps nothing but the bytes.
func (o *outbox) send(ctx goka.Context) {
	for i := range o.sent {
		out := &o.sent[i]
		ctx.Emit(goka.Stream(out.topic), out.key, &out.encoded)
	}
	if o.changed {
		ctx.SetValue(&o.row)
	}
}

// unencodable classifies an error of encoding: poison if the value is too large, a fault if the registry
// is the cause, otherwise a bug of the domain that made the value.
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

// encodedCodec is another codec that also takes an *encoded, whose bytes it passes through.
type encodedCodec struct{ goka.Codec }

func (c encodedCodec) Encode(value any) ([]byte, error) {
	if e, is := value.(*encoded); is {
		return e.bytes, nil
	}
	return c.Codec.Encode(value)
}

// outputCodec is the codec of a graph's outputs: an encodedCodec of frames.
type outputCodec struct{ encodedCodec }

var _ kafka.FramedCodec = outputCodec{}

func outputOf(set *codecs.Set) goka.Codec { return outputCodec{encodedCodec{set.FramedCodec()}} }

// Framed marks the codec.
func (outputCodec) Framed() {}
