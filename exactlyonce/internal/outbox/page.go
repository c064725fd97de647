package outbox

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// Sizes of a page. One output partition uses it for one batch, so a large page wastes memory where little is
// written, and a small one saves nothing where much is.
const (
	pageRecords = 32
	// pageKeyBytes is as many as the keys of a page's records are likely to need.
	pageKeyBytes = 32 * pageRecords
	// headersGuess is how many headers a record is likely to have: CloudEvents' and one to spare.
	headersGuess = 12
)

// Page holds records of one output partition, with their keys and headers, in memory that is used again after
// the transaction: records live just long enough to burden the garbage collector most.
type Page struct {
	n       int
	records [pageRecords]kgo.Record
	keys    []byte
	headers []kgo.RecordHeader
}

var pages = sync.Pool{New: func() any {
	return &Page{
		keys:    make([]byte, 0, pageKeyBytes),
		headers: make([]kgo.RecordHeader, 0, headersGuess*pageRecords),
	}
}}

// record returns the page's next record, with its key. The page must not be full.
func (p *Page) record(key string) *kgo.Record {
	r := &p.records[p.n]
	p.n++
	if len(key) > cap(p.keys)-len(p.keys) {
		r.Key = []byte(key)
		return r
	}
	start := len(p.keys)
	p.keys = append(p.keys, key...)
	r.Key = p.keys[start:len(p.keys):len(p.keys)]
	return r
}

// unframe takes the frame that is the record's value apart into headers and value.
func (p *Page) unframe(r *kgo.Record) error {
	free := p.headers[len(p.headers):]
	split, err := kafka.SplitFrame(free, r.Value)
	r.Headers, r.Value = split.Headers, split.Value
	if split.NoKey {
		r.Key = nil
	}
	if n := len(r.Headers); n <= cap(free) { // or they have memory of their own
		p.headers = p.headers[:len(p.headers)+n]
		r.Headers = r.Headers[:n:n]
	}
	return err
}

// Records returns the page's records, in the order in which they were emitted.
func (p *Page) Records() []kgo.Record { return p.records[:p.n] }

// Recycle gives pages back for other batches. Their records must not be used any more: the producer must have
// called the promise of each.
func Recycle(used []*Page) {
	for _, p := range used {
		clear(p.Records()) // so that values are not held
		clear(p.headers)
		p.n, p.keys, p.headers = 0, p.keys[:0], p.headers[:0]
		pages.Put(p)
	}
}
