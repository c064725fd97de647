package codecs

import (
	"strconv"
	"time"

	"github.com/lovoo/goka"

	"refold/eventsourcing"
	"refold/kafka"
)

// packedGuess is as many bytes as the packed headers of an event are likely to take.
const packedGuess = 320

// PackedHeaders returns what [Headers] returns, in one header that the writer of the record has to
// unpack (kafka.PackedHeaders says why). The headers come out in a fixed order.
func PackedHeaders(m eventsourcing.Metadata) goka.Headers {
	b := make([]byte, 0, packedGuess)
	b = kafka.AppendPackedHeader(b, HeaderSpecVersion, specVersion)
	for _, text := range [...]struct{ name, value string }{
		{HeaderID, m.ID},
		{HeaderSource, m.Source},
		{HeaderType, m.Type},
		{HeaderSubject, m.Subject},
		{HeaderCorrelationID, m.CorrelationID},
		{HeaderCausationID, m.CausationID},
		{HeaderTraceparent, m.Traceparent},
	} {
		if text.value != "" {
			b = kafka.AppendPackedHeader(b, text.name, text.value)
		}
	}
	var scratch [len("2006-01-02T15:04:05.999999999Z")]byte
	if !m.Time.IsZero() {
		b = kafka.AppendPackedHeader(b, HeaderTime,
			m.Time.UTC().AppendFormat(scratch[:0], time.RFC3339Nano))
	}
	if m.Sequence != 0 {
		b = kafka.AppendPackedHeader(b, HeaderSequence,
			strconv.AppendInt(scratch[:0], m.Sequence, 10))
	}
	if m.ExpectedSequence != nil {
		b = kafka.AppendPackedHeader(b, HeaderExpectedSequence,
			strconv.AppendInt(scratch[:0], *m.ExpectedSequence, 10))
	}
	return goka.Headers{kafka.PackedHeaders: b}
}
