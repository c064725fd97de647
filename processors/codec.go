package processors

import (
	"context"
	"errors"
	"fmt"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/kafka"
)

// received is a record of an input: the decoded value, and the bytes, which go into the dead letters
// unchanged if the record can't be handled. Goka gives a callback only what the codec returned.
type received struct {
	value any
	bytes []byte // of the value as it came
	frame []byte // headers and value
	noKey bool   // the key is nil, and not merely empty
}

// headersGuess is how many headers a command is likely to have at most.
const headersGuess = 16

// metadata reads the headers.
func (r *received) metadata() (eventsourcing.Metadata, error) {
	var room [headersGuess]kgo.RecordHeader // stays on the stack
	split, err := kafka.SplitFrame(room[:0], r.frame)
	if err != nil {
		return eventsourcing.Metadata{}, err
	}
	return codecs.MetadataFromRecord(split.Headers)
}

// describe returns the metadata of a record, from its headers, key and timestamp. The metadata's IDs
// are within the limits of IDs. A record of more than limit bytes, or one without usable metadata, is
// poison.
func (r *received) describe(
	ctx goka.Context, limit int,
) (eventsourcing.Metadata, *codecs.Malformed) {
	var none eventsourcing.Metadata
	if !kafka.FitsFrame(len(ctx.Key()), r.frame, limit) {
		return none, tooLarge("the record has more than the %d bytes that are allowed", limit)
	}
	if malformed, is := r.value.(*codecs.Malformed); is {
		return none, malformed
	}
	if r.value == nil {
		return none, &codecs.Malformed{
			Reason: codecs.ReasonNotWireFormat,
			Err:    errors.New("the record has no value: a tombstone is no message"),
		}
	}
	m, err := r.metadata()
	if err != nil {
		return none, asMalformed(err)
	}
	switch key, name := ctx.Key(), eventsourcing.TypeName(r.value); {
	case key == "":
		return none, badHeader("the record has no key; it must be the aggregate's ID")
	case m.Subject != "" && m.Subject != key:
		return none, badHeader("ce_subject is %q, the record's key is %q", m.Subject, key)
	case m.Type != name:
		return none, badHeader("ce_type is %q, the value is a %s", m.Type, name)
	}
	const limitOfKey = eventsourcing.MaxIDBytes
	if wrong := eventsourcing.CheckID("the record's key", ctx.Key(), limitOfKey); wrong != nil {
		return none, beyondLimits(wrong)
	}
	m.Subject, m.Time = ctx.Key(), ctx.Timestamp().UTC()
	return m, nil
}

// asMalformed returns err as poison: the *codecs.Malformed in it, or a bad header.
func asMalformed(err error) *codecs.Malformed {
	var malformed *codecs.Malformed
	if errors.As(err, &malformed) {
		return malformed
	}
	return &codecs.Malformed{Reason: codecs.ReasonBadHeader, Err: err}
}

func beyondLimits(wrong *eventsourcing.LimitError) *codecs.Malformed {
	return &codecs.Malformed{Reason: codecs.ReasonBeyondLimits, Err: wrong}
}

func badHeader(format string, args ...any) *codecs.Malformed {
	return &codecs.Malformed{Reason: codecs.ReasonBadHeader, Err: fmt.Errorf(format, args...)}
}

// unread is the value of a record that can't be decoded yet: the registry does not answer for its schema.
// The codec has waited long enough, so the callback, which knows the partition, has the partition held.
type unread struct {
	err   error
	again func(ctx context.Context) error // an error while the record still can't be decoded
}

// value decodes a record to a value, a *codecs.Malformed, or an *unread.
func value(set *codecs.Set, codec goka.Codec, data []byte) (any, error) {
	v, err := codec.Decode(data)
	if !errors.Is(err, codecs.ErrRegistryUnavailable) {
		return v, err
	}
	return &unread{err: err, again: func(ctx context.Context) error {
		if _, err := set.Decode(ctx, data); errors.Is(err, codecs.ErrRegistryUnavailable) {
			return err
		}
		return nil // it can be decoded, or never will be
	}}, nil
}

// inputCodec is the codec of a graph's inputs. It decodes frames to *received.
type inputCodec struct {
	goka.Codec // of frames
	values     goka.Codec
	set        *codecs.Set
}

var _ kafka.FramedCodec = inputCodec{}

func inputOf(set *codecs.Set) goka.Codec { return inputCodec{set.FramedCodec(), set.Codec(), set} }

// Framed marks the codec.
func (inputCodec) Framed() {}

// Decode returns a *received. The error says that the bytes are no frame.
func (c inputCodec) Decode(frame []byte) (any, error) {
	var room [headersGuess]kgo.RecordHeader
	split, err := kafka.SplitFrame(room[:0], frame)
	if err != nil {
		return nil, err
	}
	r := &received{bytes: split.Value, frame: frame, noKey: split.NoKey}
	if split.Value == nil {
		return r, nil // a tombstone: describe refuses it
	}
	r.value, err = value(c.set, c.values, split.Value)
	return r, err
}

// letterCodec is the codec of dead letters. It passes frames through.
type letterCodec struct{}

var _ kafka.FramedCodec = letterCodec{}

// Framed marks the codec.
func (letterCodec) Framed() {}

// Encode returns the bytes that it is given.
func (letterCodec) Encode(value any) ([]byte, error) {
	b, is := value.([]byte)
	if !is {
		return nil, fmt.Errorf("a dead letter is made of bytes, not of %T", value)
	}
	return b, nil
}

// Decode returns the bytes that it is given.
func (letterCodec) Decode(data []byte) (any, error) { return data, nil }
