package processors

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/kafka"
)

// received is a record of an input, with its decoded value: a message, a *codecs.Malformed, an *unread, or
// nil if the record has none. It is used again for the next record.
type received struct {
	*kgo.Record
	value any
}

// given returns the records that a callback is given. It panics under plain Goka, which has none: package
// exactlyonce runs the graphs.
func given(ctx goka.Context) kafka.Records { return ctx.(kafka.Records) }

// next goes to the next record that a callback is given.
func (r *received) next(records kafka.Records) bool {
	if !records.Next() {
		return false
	}
	r.Record, r.value = records.Record(), nil
	return true
}

// decode decodes the record's value.
func (r *received) decode(set *codecs.Set) {
	if r.Value != nil {
		r.value = decode(set, codecs.Framed(r.Headers, r.Value))
	}
}

// time is the time that the record was sent with.
func (r *received) time() time.Time { return kafka.TrueTime(r.Timestamp) }

// describe returns the metadata of a record, from its headers, key and timestamp. The metadata's IDs
// are within the limits of IDs. A record of more than limit bytes, or one without usable metadata, is
// poison.
func (r *received) describe(limit int) (eventsourcing.Metadata, *codecs.Malformed) {
	var none eventsourcing.Metadata
	if kafka.RecordBytes(len(r.Key), r.Value, r.Headers) > limit {
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
	m, err := codecs.MetadataFromRecord(r.Headers)
	if err != nil {
		return none, asMalformed(err)
	}
	if m.Subject == "" {
		m.Subject = string(r.Key)
	}
	written, values := readAs(r.value)
	switch {
	case len(r.Key) == 0:
		return none, badHeader("the record has no key; it must be the aggregate's ID")
	case m.Subject != string(r.Key):
		return none, badHeader("ce_subject is %q, the record's key is %q", m.Subject, r.Key)
	case m.Type != written:
		return none, badHeader("ce_type is %q, the value is a %s", m.Type, written)
	}
	if len(values) == 1 { // of a former version, whose type may be called otherwise today
		r.value, m.Type = values[0], eventsourcing.TypeName(values[0])
	}
	if wrong := eventsourcing.CheckID("the record's key", m.Subject, eventsourcing.MaxIDBytes); wrong != nil {
		return none, beyondLimits(wrong)
	}
	m.Time = r.time().UTC()
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

// decode decodes a record to a value, a *codecs.Malformed, or an *unread.
func decode(set *codecs.Set, data []byte) any {
	v, err := set.Codec().Decode(data)
	if err == nil {
		return v
	}
	return &unread{err: err, again: func(ctx context.Context) error {
		if _, err := set.Decode(ctx, data); errors.Is(err, codecs.ErrRegistryUnavailable) {
			return err
		}
		return nil // it can be decoded, or never will be
	}}
}
