package outbox

import (
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Sizes of a page. One output partition uses it for one batch, so a large page wastes memory where little is
// written, and a small one saves nothing where much is.
const (
	pageRecords = 32
	// pageKeyBytes is as many as the keys of a page's records are likely to need. A page that copies records
	// soon has memory for them, too.
	pageKeyBytes = 32 * pageRecords
	maxPageBytes = 64 << 10
	// headersGuess is how many headers a record is likely to have: CloudEvents' and one to spare.
	headersGuess = 12
)

// Page holds records of one output partition in memory that is used again after the transaction: records
// live just long enough to burden the garbage collector most.
type Page struct {
	n       int
	records [pageRecords]kgo.Record
	bytes   []byte // of keys and of what was copied
	headers []kgo.RecordHeader
}

var pages = sync.Pool{New: func() any {
	return &Page{
		bytes:   make([]byte, 0, pageKeyBytes),
		headers: make([]kgo.RecordHeader, 0, headersGuess*pageRecords),
	}
}}

// add returns the page's next record. The page must not be full.
func (p *Page) add(topic string, partition int32, value []byte) *kgo.Record {
	r := &p.records[p.n]
	p.n++
	r.Topic, r.Partition, r.Value = topic, partition, value
	return r
}

// copy adds a record with copies of its parts.
func (p *Page) copy(
	topic string, partition int32, key []byte, headers []kgo.RecordHeader, value []byte,
) *kgo.Record {
	n := len(key) + len(value)
	for i := range headers {
		n += len(headers[i].Value)
	}
	p.makeRoom(n)
	bytes, first := p.bytes, len(p.headers)
	all := slices.Grow(p.headers, len(headers))
	keep := func(b []byte) []byte {
		if b == nil {
			return nil // and not merely empty
		}
		start := len(bytes)
		bytes = append(bytes, b...)
		return bytes[start:len(bytes):len(bytes)]
	}
	r := p.add(topic, partition, keep(value))
	r.Key = keep(key)
	for i := range headers {
		all = append(all, kgo.RecordHeader{Key: headers[i].Key, Value: keep(headers[i].Value)})
	}
	r.Headers = all[first:len(all):len(all)]
	p.bytes, p.headers = bytes, all
	return r
}

// keep copies a key.
func (p *Page) keep(key string) []byte {
	p.makeRoom(len(key))
	start := len(p.bytes)
	p.bytes = append(p.bytes, key...)
	return p.bytes[start:len(p.bytes):len(p.bytes)]
}

// makeRoom makes room for bytes. What was copied before stays where it is: a page that is full goes on in new
// memory.
func (p *Page) makeRoom(n int) {
	if n > cap(p.bytes)-len(p.bytes) {
		p.bytes = make([]byte, 0, max(2*cap(p.bytes), pageKeyBytes, n))
	}
}

// Records returns the page's records, in the order in which they were emitted.
func (p *Page) Records() []kgo.Record { return p.records[:p.n] }

// Recycle gives pages back for other batches. Their records must not be used any more: the producer must have
// called the promise of each.
func Recycle(used []*Page) {
	for _, p := range used {
		clear(p.Records()) // so that values are not held
		clear(p.headers)
		p.n, p.bytes, p.headers = 0, p.bytes[:0], p.headers[:0]
		if cap(p.bytes) > maxPageBytes {
			p.bytes = nil // one large record must not hold its memory for good
		}
		pages.Put(p)
	}
}
