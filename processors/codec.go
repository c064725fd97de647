package processors

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

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
	// noKey: its key is nil, and not merely empty. Only a frame tells.
	noKey bool
}

// headersGuess is how many headers a command is likely to have at most.
const headersGuess = 16

// metadata is what the headers say.
func (r *received) metadata(ctx goka.Context) (eventsourcing.Metadata, error) {
	if r.frame == nil {
		return codecs.MetadataFrom(ctx.Headers())
	}
	var room [headersGuess]kgo.RecordHeader // stays on the stack
	split, err := kafka.SplitFrame(room[:0], r.frame)
	if err != nil {
		return eventsourcing.Metadata{}, err
	}
	return codecs.MetadataFromRecord(split.Headers)
}

// fits reports whether the record has at most limit bytes.
func (r *received) fits(ctx goka.Context, limit int) bool {
	if r.frame != nil {
		return kafka.FitsFrame(len(ctx.Key()), r.frame, limit)
	}
	return kafka.RecordBytes(len(ctx.Key()), r.bytes, recordHeaders(ctx.Headers())) <= limit
}

// describe returns what the headers, the key and the timestamp say of a record of at most limit
// bytes, or why it can't be what it should be. Its IDs are within the limits of IDs.
func (r *received) describe(
	ctx goka.Context, limit int,
) (eventsourcing.Metadata, *codecs.Malformed) {
	var none eventsourcing.Metadata
	if !r.fits(ctx, limit) {
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
	m, err := r.metadata(ctx)
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

// recordHeaders puts Goka's headers in order.
func recordHeaders(headers goka.Headers) []kgo.RecordHeader {
	ordered := make([]kgo.RecordHeader, 0, len(headers))
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		ordered = append(ordered, kgo.RecordHeader{Key: name, Value: headers[name]})
	}
	return ordered
}

// asMalformed returns err as the poison that it is.
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
// The codec has waited enough; the callback, which knows the partition, has it held.
type unread struct {
	err   error
	again func(ctx context.Context) error // whether it still can't be
}

// value is what a record decodes to: a value, a *codecs.Malformed, or an *unread.
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

// inputOf returns the codec of a graph's input.
func inputOf(set *codecs.Set, framed bool) goka.Codec {
	if framed {
		return framedInputCodec{set.FramedCodec(), set.Codec(), set}
	}
	return inputCodec{set.Codec(), set}
}

// inputCodec decodes to *received.
type inputCodec struct {
	goka.Codec
	set *codecs.Set
}

func (c inputCodec) Decode(data []byte) (any, error) {
	v, err := value(c.set, c.Codec, data)
	if err != nil {
		return nil, err
	}
	return &received{value: v, bytes: data}, nil
}

// framedInputCodec decodes frames to *received.
type framedInputCodec struct {
	goka.Codec // of frames
	values     goka.Codec
	set        *codecs.Set
}

var _ kafka.FramedCodec = framedInputCodec{}

// Framed marks the codec.
func (framedInputCodec) Framed() {}

func (c framedInputCodec) Decode(frame []byte) (any, error) {
	var room [headersGuess]kgo.RecordHeader
	split, err := kafka.SplitFrame(room[:0], frame)
	if err != nil {
		return nil, err
	}
	r := &received{bytes: split.Value, frame: frame, noKey: split.NoKey}
	if split.Value == nil {
		return r, nil // no command, and not for a codec to say
	}
	r.value, err = value(c.set, c.values, split.Value)
	return r, err
}

// letterCodec returns the codec of dead letters, which passes bytes through.
func letterCodec(framed bool) goka.Codec {
	if framed {
		return framedRawCodec{}
	}
	return rawCodec{}
}

type rawCodec struct{}

func (rawCodec) Encode(value any) ([]byte, error) {
	b, is := value.([]byte)
	if !is {
		return nil, fmt.Errorf("a dead letter is made of bytes, not of %T", value)
	}
	return b, nil
}

func (rawCodec) Decode(data []byte) (any, error) { return data, nil }

// framedRawCodec passes frames through.
type framedRawCodec struct{ rawCodec }

var _ kafka.FramedCodec = framedRawCodec{}

// Framed marks the codec.
func (framedRawCodec) Framed() {}
