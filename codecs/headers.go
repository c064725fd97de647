package codecs

import (
	"encoding/binary"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs/excerpt"
	"refold/eventsourcing"
)

// The headers of a record: CloudEvents 1.0 in Kafka's binary mode, and W3C trace context.
const (
	HeaderSpecVersion      = "ce_specversion"
	HeaderID               = "ce_id"
	HeaderSource           = "ce_source"
	HeaderType             = "ce_type"
	HeaderSubject          = "ce_subject"
	HeaderTime             = "ce_time"
	HeaderCorrelationID    = "ce_correlationid"
	HeaderCausationID      = "ce_causationid"
	HeaderSequence         = "ce_sequence"
	HeaderExpectedSequence = "ce_expectedsequence"
	HeaderTraceparent      = "traceparent"
)

// MaxHeaderBytes limits each header that [MetadataFromRecord] reads, in bytes.
const MaxHeaderBytes = eventsourcing.MaxIDBytes

const specVersion = "1.0"

var specVersionBytes = []byte(specVersion)

// Headers returns m as headers, for clients that take them as a map. An empty field has no header.
// Callers may add to the map; they must not change the values, which share memory.
func Headers(m eventsourcing.Metadata) goka.Headers {
	var texts [7]struct{ name, value string }
	n := 0
	size := 0
	text := func(name, value string) {
		if value != "" {
			texts[n].name, texts[n].value = name, value
			n++
			size += len(value)
		}
	}
	text(HeaderID, m.ID)
	text(HeaderSource, m.Source)
	text(HeaderType, m.Type)
	text(HeaderSubject, m.Subject)
	text(HeaderCorrelationID, m.CorrelationID)
	text(HeaderCausationID, m.CausationID)
	text(HeaderTraceparent, m.Traceparent)

	// One piece of memory holds all values, which saves eleven allocations.
	const timeAndNumbers = len("2006-01-02T15:04:05.999999999Z") + 2*len("-9223372036854775808")
	b := make([]byte, 0, size+timeAndNumbers)
	h := make(goka.Headers, n+count(m))
	h[HeaderSpecVersion] = specVersionBytes
	for _, t := range texts[:n] {
		start := len(b)
		b = append(b, t.value...)
		h[t.name] = b[start:len(b):len(b)]
	}
	if !m.Time.IsZero() {
		start := len(b)
		b = m.Time.UTC().AppendFormat(b, time.RFC3339Nano)
		h[HeaderTime] = b[start:len(b):len(b)]
	}
	if m.Sequence != 0 {
		start := len(b)
		b = strconv.AppendInt(b, m.Sequence, 10)
		h[HeaderSequence] = b[start:len(b):len(b)]
	}
	if m.ExpectedSequence != nil {
		start := len(b)
		b = strconv.AppendInt(b, *m.ExpectedSequence, 10)
		h[HeaderExpectedSequence] = b[start:len(b):len(b)]
	}
	return h
}

// count returns the number of headers beside the texts.
func count(m eventsourcing.Metadata) int {
	n := 1
	if !m.Time.IsZero() {
		n++
	}
	if m.Sequence != 0 {
		n++
	}
	if m.ExpectedSequence != nil {
		n++
	}
	return n
}

// MetadataFromRecord reads the headers of a record. ce_id and ce_type are required, since nothing else
// identifies the command; all others may be missing, so that a plain producer need not know more.
// ce_specversion must be 1.0 if it is there, ce_sequence at least 1, ce_expectedsequence at least 0,
// ce_time of RFC 3339. Other headers are ignored. Of two with one name the last counts.
//
// The error is a *[Malformed] that names the header, its value and what would be right:
// [ReasonBeyondLimits] if it is longer than MaxHeaderBytes or no UTF-8, otherwise [ReasonBadHeader].
func MetadataFromRecord(headers []kgo.RecordHeader) (eventsourcing.Metadata, error) {
	var v headerValues
	v.setAll(headers)
	var m eventsourcing.Metadata
	beyond, wrong := v.read(&m)
	if beyond != nil {
		return eventsourcing.Metadata{}, beyond
	}
	if wrong != nil {
		return eventsourcing.Metadata{}, wrong
	}
	return m, nil
}

// StoredMetadata is MetadataFromRecord of events and results, which stay as they were written. Earlier
// versions took commands that led to IDs beyond the limits. StoredMetadata reads such a record, with its
// IDs as they are, and returns the violation as beyond, which is nil otherwise.
func StoredMetadata(headers []kgo.RecordHeader) (
	m eventsourcing.Metadata, beyond *Malformed, err error,
) {
	var v headerValues
	v.setAll(headers)
	beyond, wrong := v.read(&m)
	if wrong != nil {
		return eventsourcing.Metadata{}, beyond, wrong
	}
	return m, beyond, nil
}

// The headers that are read, by their index in headerValues: texts first, in the order of textHeaders.
const (
	atID = iota
	atSource
	atType
	atSubject
	atCorrelationID
	atCausationID
	atTraceparent
	atTime
	atSpecVersion
	atSequence
	atExpectedSequence
	headersRead
)

// textHeaders are the headers whose values become strings.
var textHeaders = [...]string{
	HeaderID, HeaderSource, HeaderType, HeaderSubject, HeaderCorrelationID,
	HeaderCausationID, HeaderTraceparent, HeaderTime,
}

// headerValues are the values of the headers that are read; nil where there is none.
type headerValues [headersRead][]byte

func (v *headerValues) set(name string, value []byte) {
	var at int
	switch name {
	case HeaderID:
		at = atID
	case HeaderSource:
		at = atSource
	case HeaderType:
		at = atType
	case HeaderSubject:
		at = atSubject
	case HeaderCorrelationID:
		at = atCorrelationID
	case HeaderCausationID:
		at = atCausationID
	case HeaderTraceparent:
		at = atTraceparent
	case HeaderTime:
		at = atTime
	case HeaderSpecVersion:
		at = atSpecVersion
	case HeaderSequence:
		at = atSequence
	case HeaderExpectedSequence:
		at = atExpectedSequence
	default:
		return
	}
	if value == nil {
		value = []byte{} // a header without a value is still there
	}
	v[at] = value
}

func (v *headerValues) setAll(headers []kgo.RecordHeader) {
	for i := range headers {
		v.set(headers[i].Key, headers[i].Value)
	}
}

// read fills m in. beyond is about the first text that is too long or no UTF-8, wrong about the first
// header that can't be read at all.
func (v *headerValues) read(m *eventsourcing.Metadata) (beyond, wrong *Malformed) {
	// All texts become one string, of which each is a part: one allocation instead of eight.
	var buffer [512]byte
	joined, tooLong := buffer[:0], false
	for i := range textHeaders {
		tooLong = tooLong || len(v[i]) > MaxHeaderBytes
		joined = append(joined, v[i]...)
	}
	if tooLong || !isASCII(joined) { // nearly all are ASCII, and isASCII is much faster
		beyond = v.beyondLimits()
	}
	if wrong = v.texts(m, string(joined)); wrong == nil {
		wrong = v.numbers(m)
	}
	return beyond, wrong
}

// beyondLimits returns what is wrong with the first text that is too long or no UTF-8.
func (v *headerValues) beyondLimits() *Malformed {
	for i, name := range textHeaders {
		if len(v[i]) > MaxHeaderBytes || !utf8.Valid(v[i]) {
			return &Malformed{
				Reason: ReasonBeyondLimits, Err: eventsourcing.CheckID(name, string(v[i]), MaxHeaderBytes),
			}
		}
	}
	return nil
}

// texts takes the joined texts apart.
func (v *headerValues) texts(m *eventsourcing.Metadata, all string) *Malformed {
	next := func(at int) string {
		text := all[:len(v[at])]
		all = all[len(v[at]):]
		return text
	}
	m.ID, m.Source, m.Type, m.Subject = next(atID), next(atSource), next(atType), next(atSubject)
	m.CorrelationID, m.CausationID = next(atCorrelationID), next(atCausationID)
	m.Traceparent = next(atTraceparent)
	switch version := v[atSpecVersion]; {
	case m.ID == "":
		return missing(HeaderID, "the command's unique ID")
	case m.Type == "":
		return missing(HeaderType, "the record type, such as DepositMoney")
	case version != nil && string(version) != specVersion:
		return bad(HeaderSpecVersion, version, "must be "+specVersion+", or missing")
	}
	if text := next(atTime); text != "" {
		t, err := ParseTime(text)
		if err != nil {
			return bad(HeaderTime, v[atTime], "must be of RFC 3339, like 2026-01-31T23:59:59.123Z")
		}
		m.Time = t
	}
	return nil
}

func (v *headerValues) numbers(m *eventsourcing.Metadata) *Malformed {
	if text := v[atSequence]; text != nil {
		n, err := strconv.ParseInt(string(text), 10, 64)
		if err != nil || n < 1 {
			return bad(HeaderSequence, text, "must be a whole number from 1, or missing")
		}
		m.Sequence = n
	}
	if text := v[atExpectedSequence]; text != nil {
		n, err := strconv.ParseInt(string(text), 10, 64)
		if err != nil || n < 0 {
			return bad(HeaderExpectedSequence, text, "must be a whole number from 0, or missing")
		}
		m.ExpectedSequence = &n
	}
	return nil
}

func missing(name, what string) *Malformed {
	return malformed(ReasonBadHeader, nil, "%s is missing or empty; must be %s", name, what)
}

// maxFoundBytes limits how much of a foreign text is repeated in an error.
const maxFoundBytes = 60

func bad(name string, value []byte, must string) *Malformed {
	found := excerpt.Quoted(string(value), maxFoundBytes)
	return malformed(ReasonBadHeader, nil, "%s is %s; %s", name, found, must)
}

func isASCII(b []byte) bool {
	const highBits = 0x8080808080808080
	for ; len(b) >= 8; b = b[8:] {
		if binary.LittleEndian.Uint64(b)&highBits != 0 {
			return false
		}
	}
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
