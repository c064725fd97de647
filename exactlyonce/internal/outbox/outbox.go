package outbox

import (
	"fmt"
	"hash"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// Outbox is where Goka's callbacks leave what they emit, until the batch closes. Records wait in one buffer
// per output partition, so that they go out in the order in which they were emitted and callbacks of
// different partitions seldom meet at a lock.
type Outbox struct {
	table  string             // see New
	hasher func() hash.Hash32 // nil: kafka.Partition
	topics atomic.Pointer[map[string]*topic]
	rows   rowHeaders
	tabled [promiseStripes]*goka.Promise
}

// promiseStripes is how many finished promises the rows share. A promise is a lock that each emit takes for a
// moment; rows of different keys should not queue for the same one.
const promiseStripes = 64

var _ goka.Producer = (*Outbox)(nil)

// New returns an empty Outbox without any topics; see Reset. table is the group table's topic, or empty. Its
// rows are not kept here: the table's store holds them, and only the last of each key is written.
func New(table string) *Outbox {
	out := &Outbox{table: table}
	for i := range out.tabled {
		out.tabled[i] = finishedPromise(nil)
	}
	return out
}

// Hash sets the hash function that places keys, instead of Kafka's (kafka.Partition). It must be set before
// the first record is emitted.
func (o *Outbox) Hash(hasher func() hash.Hash32) { o.hasher = hasher }

// topic is an output topic.
type topic struct {
	name       string
	partitions []buffer
}

// buffer gathers the records of one output partition.
type buffer struct {
	finished *goka.Promise

	mu    sync.Mutex
	pages []*Page // all full but the last
	bytes int
}

// finishedPromise returns a promise that was kept already. Goka only ever adds a callback to a promise, which
// a finished one runs at once and forgets, so that one serves any number of emits.
func finishedPromise(err error) *goka.Promise {
	_, finish := goka.NewPromiseWithFinisher()
	return finish(nil, err)
}

// Reset sets the number of partitions of each topic that may be emitted to. Nothing may be waiting.
func (o *Outbox) Reset(partitions map[string]int32) {
	topics := make(map[string]*topic, len(partitions))
	for name, n := range partitions {
		t := &topic{name: name, partitions: make([]buffer, n)}
		for i := range t.partitions {
			t.partitions[i].finished = finishedPromise(nil)
		}
		topics[name] = t
	}
	o.topics.Store(&topics)
}

// Take removes what waits: the records, in pages in the order of each output partition, and the headers of
// rows by key. Give the pages to Recycle when their records are written.
func (o *Outbox) Take() (taken []*Page, rowHeaders map[string][]kgo.RecordHeader) {
	for _, t := range *o.topics.Load() {
		for i := range t.partitions {
			b := &t.partitions[i]
			b.mu.Lock()
			taken = append(taken, b.pages...)
			clear(b.pages)
			b.pages, b.bytes = b.pages[:0], 0
			b.mu.Unlock()
		}
	}
	return taken, o.rows.take()
}

// Size returns how many bytes wait, as RecordSize counts.
func (o *Outbox) Size() (bytes int) {
	for _, t := range *o.topics.Load() {
		for i := range t.partitions {
			b := &t.partitions[i]
			b.mu.Lock()
			bytes += b.bytes
			b.mu.Unlock()
		}
	}
	return bytes + o.rows.size()
}

// Emit keeps a record for the transaction.
func (o *Outbox) Emit(topic, key string, value []byte) *goka.Promise {
	return o.EmitWithHeaders(topic, key, value, nil)
}

// EmitWithHeaders keeps a record for the transaction. Its promise is kept at once: an error when the record
// is written fails the transaction, not the record. Of rows of the group table only the headers are kept.
func (o *Outbox) EmitWithHeaders(
	topic, key string, value []byte, headers goka.Headers,
) *goka.Promise {
	if topic == o.table {
		o.NoteRow(key, headers)
		if key == "" {
			return o.tabled[0]
		}
		return o.tabled[key[len(key)-1]%promiseStripes]
	}
	t, err := o.topic(topic)
	if err != nil {
		return finishedPromise(err)
	}
	var buffer [keyBuffer]byte
	partition := o.partitionOf(append(buffer[:0], key...), t)
	b := &t.partitions[partition]
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.page()
	r := p.add(t.name, partition, value)
	r.Key, r.Headers = p.keep(key), sortedHeaders(headers)
	b.count(r)
	return b.finished
}

// NoteRow notes the headers of a row that was written to the table.
func (o *Outbox) NoteRow(key string, headers goka.Headers) { o.rows.note(key, headers) }

// Send keeps a record for the transaction. It copies the key, which may be nil, the headers and the value. It
// fails if the topic is no output of the graph.
func (o *Outbox) Send(topic string, key []byte, headers []kgo.RecordHeader, value []byte) error {
	t, err := o.topic(topic)
	if err != nil {
		return err
	}
	partition := o.partitionOf(key, t)
	b := &t.partitions[partition]
	b.mu.Lock()
	defer b.mu.Unlock()
	b.count(b.page().copy(t.name, partition, key, headers, value))
	return nil
}

// topic returns an output topic.
func (o *Outbox) topic(name string) (*topic, error) {
	topics := o.topics.Load()
	if topics == nil {
		return nil, fmt.Errorf("emit to %s: the group does not run", name)
	}
	t := (*topics)[name]
	if t == nil || len(t.partitions) == 0 {
		return nil, fmt.Errorf("emit to %s: not an output of the graph", name)
	}
	return t, nil
}

// page returns the page for the next record. The caller holds the lock.
func (b *buffer) page() *Page {
	if n := len(b.pages); n == 0 || b.pages[n-1].n == pageRecords {
		p, _ := pages.Get().(*Page)
		b.pages = append(b.pages, p)
	}
	return b.pages[len(b.pages)-1]
}

// count counts the bytes of a record. The caller holds the lock.
func (b *buffer) count(r *kgo.Record) { b.bytes += RecordSize(r.Key, r.Value, r.Headers) }

// Close does nothing: what waits belongs to the batch.
func (*Outbox) Close() error { return nil }

// keyBuffer is long enough for the keys that are hashed without an allocation.
const keyBuffer = 64

// partitionOf places a key as Goka does, and as Kafka's Java client when there is no hasher.
func (o *Outbox) partitionOf(key []byte, t *topic) int32 {
	partitions := int32(len(t.partitions))
	if o.hasher == nil {
		return kafka.Partition(key, partitions)
	}
	h := o.hasher()
	_, _ = h.Write(key) // a hash.Hash never fails
	p := int32(h.Sum32()) % partitions
	if p < 0 {
		p = -p
	}
	return p
}

// sortedHeaders puts a map's headers in order: handling a record again must yield the same bytes.
func sortedHeaders(headers goka.Headers) []kgo.RecordHeader {
	if len(headers) == 0 {
		return nil
	}
	out := make([]kgo.RecordHeader, 0, len(headers))
	for _, key := range slices.Sorted(maps.Keys(headers)) {
		out = append(out, kgo.RecordHeader{Key: key, Value: headers[key]})
	}
	return out
}
