package inspect

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/codecs/jsonvalue"
	"refold/kafka"
)

// Registry shows bytes of the wire format as JSON. A *codecs.Registry is one.
type Registry interface {
	ToJSON(ctx context.Context, b []byte) (typeName string, json []byte, err error)
}

// registryPause is how long the registry is not asked again after it gave no answer: each record would wait
// for it anew.
const registryPause = 10 * time.Second

// decoder turns Kafka's records into those that are shown. It is safe for concurrent use.
type decoder struct {
	registry Registry

	mu             sync.Mutex
	away           error // why the registry gave no answer, until then
	then           time.Time
	known, unknown map[codecs.SchemaID]bool
}

// maxUnknown is how many schema IDs the registry may not know before it is asked for no more that are new:
// values that begin with a zero byte by chance would cost a request each.
const maxUnknown = 100

// envelope returns all of a record but its value: what most filters ask for.
func envelope(r *kgo.Record) Record {
	shown := Record{
		Topic: r.Topic, Partition: r.Partition, Offset: r.Offset,
		Timestamp: r.Timestamp.UTC(), TimestampType: "create", Headers: make([]Header, len(r.Headers)),
		Type: string(kafka.Header(r.Headers, codecs.HeaderType)), Bytes: len(r.Value), raw: r.Value,
		framed:   codecs.Framed(r.Headers, r.Value),
		inHeader: kafka.Header(r.Headers, codecs.HeaderValueSchemaID) != nil,
	}
	switch r.Attrs.TimestampType() {
	case 1:
		shown.TimestampType = "append"
	case -1:
		shown.TimestampType = "none"
	}
	switch kafka.TransactionOf(r) {
	case kafka.Aborted:
		shown.Transaction = aborted
	case kafka.Undecided:
		shown.Transaction = undecided
	case kafka.Committed:
	}
	if !legible([]byte(shown.Type)) {
		shown.Type = "" // the header is shown as it is
	}
	shown.KeyFormat = FormatNone
	if r.Key != nil {
		text := string(r.Key)
		shown.KeyFormat = FormatText
		if !legible(r.Key) {
			text, shown.KeyFormat = base64.StdEncoding.EncodeToString(r.Key), FormatBase64
		}
		shown.Key = &text
	}
	for i, h := range r.Headers {
		shown.Headers[i] = headerOf(h)
	}
	return shown
}

func headerOf(h kgo.RecordHeader) Header {
	text := string(h.Value)
	if legible(h.Value) {
		return Header{Name: h.Key, Value: &text}
	}
	text = base64.StdEncoding.EncodeToString(h.Value)
	return Header{Name: h.Key, ValueBase64: &text}
}

// decode fills in the value.
func (d *decoder) decode(ctx context.Context, r *Record) {
	value := r.raw
	if value == nil {
		r.Format, r.Value = FormatNone, json.RawMessage("null")
		return
	}
	if d.bySchema(ctx, r) {
		return
	}
	if text, err := jsonvalue.Parse(value, math.MaxInt); err == nil && text.CheckDepth(maxDepth) == nil {
		var compact bytes.Buffer
		if json.Compact(&compact, value) == nil {
			r.Format, r.Value = FormatJSON, compact.Bytes()
			return
		}
	}
	if legible(value) {
		r.Format, r.Value = FormatText, quote(string(value))
		return
	}
	r.Format, r.Value = FormatBase64, quote(base64.StdEncoding.EncodeToString(value))
}

// bySchema fills in a value in the wire format, or why it is not shown as that. It reports whether the value
// is shown.
func (d *decoder) bySchema(ctx context.Context, r *Record) bool {
	id, _, err := codecs.SplitWire(r.framed)
	switch {
	case r.inHeader:
		r.SchemaIn = codecs.InHeader
	case err != nil:
		return false // it does not even look like that
	default:
		r.SchemaIn = codecs.InPrefix
	}
	if err != nil {
		r.Undecodable = err.Error()
		return false
	}
	r.SchemaID = id.Number
	if id.HasGUID() {
		r.SchemaGUID = id.String()
	}
	name, decoded, err := d.wire(ctx, id, r.framed)
	r.SchemaName = name
	if err != nil {
		r.Undecodable = err.Error()
		return false
	}
	r.Format, r.Value = FormatWire, decoded
	if r.Type == "" {
		r.Type = bare(name)
	}
	return true
}

// maxDepth limits the nesting of a value that is shown as JSON; encoding/json has the same limit.
const maxDepth = 1000

// wire decodes a value in the wire format.
func (d *decoder) wire(ctx context.Context, id codecs.SchemaID, value []byte) (string, []byte, error) {
	if err := d.refuse(id); err != nil {
		return "", nil, err
	}
	name, decoded, err := d.registry.ToJSON(ctx, value)
	if ctx.Err() == nil {
		d.learn(id, err)
	}
	return name, decoded, err
}

// refuse returns why the registry is not asked for a schema; nil if it is.
func (d *decoder) refuse(id codecs.SchemaID) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.registry == nil:
		return errors.New("there is no schema registry")
	case d.known[id]:
	case len(d.unknown) >= maxUnknown && !d.unknown[id]:
		return fmt.Errorf("schema %v is not asked for: the registry does not know %d others of this topic",
			id, maxUnknown)
	case d.away != nil && time.Now().Before(d.then):
		return d.away
	}
	return nil
}

// learn remembers what the registry has answered about a schema.
func (d *decoder) learn(id codecs.SchemaID, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	malformed, poison := errors.AsType[*codecs.Malformed](err)
	switch {
	case err != nil && !poison:
		d.away, d.then = err, time.Now().Add(registryPause)
	case poison && malformed.Reason == codecs.ReasonUnknownSchema:
		if d.unknown == nil {
			d.unknown = make(map[codecs.SchemaID]bool)
		}
		d.unknown[id] = true
	default:
		if d.known == nil {
			d.known = make(map[codecs.SchemaID]bool)
		}
		d.known[id] = true
	}
}

// bare returns the last part of a full name.
func bare(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// legible reports whether bytes are text that people read.
func legible(b []byte) bool {
	return utf8.Valid(b) && !bytes.ContainsFunc(b, func(r rune) bool {
		return unicode.IsControl(r) && r != '\t' && r != '\n' && r != '\r'
	})
}

// quote returns a text as JSON.
func quote(text string) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil {
		panic(fmt.Sprintf("a string has no JSON: %v", err)) // can't be
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
