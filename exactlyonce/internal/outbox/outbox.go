package exactlyonce

import (
	"fmt"
	"hash"
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// outputs is where Goka's callbacks leave what they emit, until the batch closes. Records wait in
// one buffer per output partition, so that they go out in the order in which they were emitted and
// callbacks of different partitions seldom meet at a lock.
type outputs struct {
	table  string
	framed map[string]bool    // topics whose values are frames
	hasher func() hash.Hash32 // nil: kafka.Partition
	topics atomic.Pointer[map[string]*outputTopic]
	rows   rowHeaders
	tabled [promiseStripes]*goka.Promise
}

// promiseStripes is how many finished promises the rows share. A promise is a lock that each
// emit takes for a moment; rows of different keys should not queue for the same one.
const promiseStripes = 64

type outputTopic struct {
	name       string
	framed     bool
	partitions []outputBuffer
}

// outputBuffer gathers the records of one output partition.
type outputBuffer struct {
	finished *goka.Promise

	mu    sync.Mutex
	pages []*page // all full but the last
	bytes int
}

// finishedPromise is one that has been kept. Goka only ever adds a callback to a promise, which a
// finished one runs at once and forgets, so that one serves any number of emits.
func finishedPromise(err error) *goka.Promise {
	_, finish := goka.NewPromiseWithFinisher()
	return finish(nil, err)
}

// reset sets the number of partitions of each topic. Nothing may be staged.
func (o *outputs) reset(partitions map[string]int32) {
	topics := make(map[string]*outputTopic, len(partitions))
	for name, n := range partitions {
		t := &outputTopic{name: name, framed: o.framed[name], partitions: make([]outputBuffer, n)}
		for i := range t.partitions {
			t.partitions[i].finished = finishedPromise(nil)
		}
		topics[name] = t
	}
	o.topics.Store(&topics)
}

// take removes what is staged: pages in the order of each output partition, and the headers of
// rows.
func (o *outputs) take() (staged []*page, headers map[string][]kgo.RecordHeader) {
	for _, t := range *o.topics.Load() {
		for i := range t.partitions {
			b := &t.partitions[i]
			b.mu.Lock()
			staged = append(staged, b.pages...)
			clear(b.pages)
			b.pages, b.bytes = b.pages[:0], 0
			b.mu.Unlock()
		}
	}
	return staged, o.rows.take()
}

// size is how many bytes are staged.
func (o *outputs) size() (bytes int) {
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

// recordOverhead is counted for each record and row, so that those without content fill a batch, too: less
// than the structure that holds one (some 180 bytes), which is used again.
const recordOverhead = 32

// recordSize is what a record that waits for its batch counts, in bytes.
func recordSize(key, value []byte, headers []kgo.RecordHeader) int {
	return recordOverhead + len(key) + len(value) + headersSize(headers)
}

// rowSize is what a row, or its deletion (nil), counts.
func rowSize(key string, value []byte) int { return recordOverhead + len(key) + len(value) }

func headersSize(headers []kgo.RecordHeader) (bytes int) {
	for _, h := range headers {
		bytes += len(h.Key) + len(h.Value)
	}
	return bytes
}

// buildProducer gives Goka its producer, and learns the effective hash function.
func (e *engine) buildProducer(
	_ []string, _ string, hasher func() hash.Hash32,
) (goka.Producer, error) {
	e.outputs.table = e.table
	if reflect.ValueOf(hasher).Pointer() != reflect.ValueOf(kafka.NewHasher).Pointer() {
		e.outputs.hasher = hasher
	}
	for i := range e.outputs.tabled {
		e.outputs.tabled[i] = finishedPromise(nil)
	}
	return &e.outputs, nil
}

// Emit stages a record.
func (o *outputs) Emit(topic, key string, value []byte) *goka.Promise {
	return o.EmitWithHeaders(topic, key, value, nil)
}

// EmitWithHeaders stages a record. Its promise is kept at once: the record has nowhere to go but
// with its batch, and an error there fails the transaction, not the message. Rows of the group
// table are left out, because the store stages them, and only the last of each key goes out.
func (o *outputs) EmitWithHeaders(
	topic, key string, value []byte, headers goka.Headers,
) *goka.Promise {
	if topic == o.table {
		o.rows.note(key, headers)
		if key == "" {
			return o.tabled[0]
		}
		return o.tabled[key[len(key)-1]%promiseStripes]
	}
	topics := o.topics.Load()
	if topics == nil {
		return finishedPromise(fmt.Errorf("emit to %s: the group does not run", topic))
	}
	t := (*topics)[topic]
	if t == nil || len(t.partitions) == 0 {
		return finishedPromise(fmt.Errorf("emit to %s: not an output of the graph", topic))
	}
	return t.stage(o.hasher, key, value, headers)
}

func (t *outputTopic) stage(
	hasher func() hash.Hash32, key string, value []byte, headers goka.Headers,
) *goka.Promise {
	partition := partitionOf(hasher, key, int32(len(t.partitions)))
	b := &t.partitions[partition]
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := len(b.pages); n == 0 || b.pages[n-1].n == pageRecords {
		p, _ := pages.Get().(*page)
		b.pages = append(b.pages, p)
	}
	p := b.pages[len(b.pages)-1]
	r := p.record(key)
	r.Topic, r.Partition, r.Value = t.name, partition, value
	if !t.framed {
		r.Headers = sortedHeaders(headers)
	} else if err := p.unframe(r); err != nil {
		return finishedPromise(fmt.Errorf("emit to %s: %w", t.name, err))
	}
	b.bytes += recordSize(r.Key, r.Value, r.Headers)
	return b.finished
}

// Close does nothing: what is staged belongs to the batch.
func (*outputs) Close() error { return nil }

// keyBuffer is long enough for the keys that are hashed without an allocation.
const keyBuffer = 64

// partitionOf places a key as Goka does, and as Kafka's Java client when there is no hasher.
func partitionOf(hasher func() hash.Hash32, key string, partitions int32) int32 {
	if hasher == nil {
		var buffer [keyBuffer]byte
		return kafka.Partition(append(buffer[:0], key...), partitions)
	}
	h := hasher()
	_, _ = h.Write([]byte(key)) // a hash.Hash never fails
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

// rowHeaders holds the headers of rows that were written with some: the store knows only keys and
// values.
type rowHeaders struct {
	any atomic.Bool // whether byKey may have entries: most graphs never use it
	mu  sync.Mutex
	// byKey is of the open batch.
	byKey map[string][]kgo.RecordHeader
	bytes int // of all that were noted, each time that they were
}

func (h *rowHeaders) note(key string, headers goka.Headers) {
	if len(headers) == 0 && !h.any.Load() {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(headers) == 0 {
		delete(h.byKey, key)
		return
	}
	if h.byKey == nil {
		h.byKey = make(map[string][]kgo.RecordHeader)
	}
	h.byKey[key] = sortedHeaders(headers)
	h.bytes += headersSize(h.byKey[key])
	h.any.Store(true)
}

// size is how many bytes of headers the open batch has written.
func (h *rowHeaders) size() int {
	if !h.any.Load() {
		return 0
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.bytes
}

func (h *rowHeaders) take() map[string][]kgo.RecordHeader {
	if !h.any.Load() {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	taken := h.byKey
	h.byKey, h.bytes = nil, 0
	h.any.Store(false)
	return taken
}
