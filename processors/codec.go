package processors

import (
	"fmt"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/kafka"
)

// received is a record of the commands topic: what it was decoded to, and its bytes, which go
// into the dead letters unchanged if the domain turns out not to be able to handle it. Goka shows
// a callback only what the codec returned.
type received struct {
	value any
	bytes []byte
	// frame of a record that came as one; nil for one whose headers Goka has.
	frame []byte
}

// headersGuess is how many headers a command is likely to have at most.
const headersGuess = 16

// metadata is what the headers say.
func (r *received) metadata(ctx goka.Context) (eventsourcing.Metadata, error) {
	if r.frame == nil {
		return codecs.MetadataFrom(ctx.Headers())
	}
	var room [headersGuess]kgo.RecordHeader // stays on the stack
	headers, _, err := kafka.SplitFrame(room[:0], r.frame)
	if err != nil {
		return eventsourcing.Metadata{}, err
	}
	return codecs.MetadataFromRecord(headers)
}

// headers are the record's, as Goka writes them.
func (r *received) headers(ctx goka.Context) goka.Headers {
	if r.frame == nil {
		return ctx.Headers()
	}
	split, _, err := kafka.SplitFrame(nil, r.frame)
	if err != nil {
		return nil // the codec has split it before
	}
	headers := make(goka.Headers, len(split))
	for _, h := range split {
		headers[h.Key] = h.Value
	}
	return headers
}

// inputCodec decodes to *received.
type inputCodec struct{ goka.Codec }

func (c inputCodec) Decode(data []byte) (any, error) {
	value, err := c.Codec.Decode(data)
	if err != nil {
		return nil, err // a fault, not poison: the codec has said and waited enough
	}
	return &received{value: value, bytes: data}, nil
}

// framedInputCodec decodes frames to *received.
type framedInputCodec struct {
	goka.Codec // of frames
	values     inputCodec
}

var _ kafka.FramedCodec = framedInputCodec{}

// Framed marks the codec.
func (framedInputCodec) Framed() {}

func (c framedInputCodec) Decode(frame []byte) (any, error) {
	var room [headersGuess]kgo.RecordHeader
	_, value, err := kafka.SplitFrame(room[:0], frame)
	if err != nil {
		return nil, err
	}
	v, err := c.values.Decode(value)
	if r, is := v.(*received); is {
		r.frame = frame
	}
	return v, err
}

// rawCodec passes the bytes of dead letters through.
type rawCodec struct{}

func (rawCodec) Encode(value any) ([]byte, error) {
	b, is := value.([]byte)
	if !is {
		return nil, fmt.Errorf("a dead letter is made of bytes, not of %T", value)
	}
	return b, nil
}

func (rawCodec) Decode(data []byte) (any, error) { return data, nil }
