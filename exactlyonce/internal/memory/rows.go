package memory

import (
	"bytes"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// rows is the committed rows of a partition.
type rows struct {
	mu     sync.RWMutex
	values map[string][]byte
	next   int64 // the offset in the table topic after what values hold; 0: they hold nothing of it
}

func (r *rows) get(key string) []byte {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.values[key]
}

// set stores a row; nil deletes it.
func (r *rows) set(key string, value []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.put(key, value)
}

func (r *rows) put(key string, value []byte) {
	if value == nil {
		delete(r.values, key)
	} else {
		r.values[key] = value
	}
}

// merge stores a layer, whose last row lies before next.
func (r *rows) merge(layer map[string][]byte, next int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, value := range layer {
		r.put(key, value)
	}
	r.next = next
}

func (r *rows) moveTo(next int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next = next
}

func (r *rows) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.values, r.next = make(map[string][]byte), 0
}

// missing is what the table topic may have beyond the rows.
func (r *rows) missing(at kafka.TopicPartition) kafka.Range {
	r.mu.RLock()
	defer r.mu.RUnlock()
	from := r.next
	if from == 0 {
		from = kafka.FromStart
	}
	return kafka.Range{Topic: at.Topic, Partition: at.Partition, From: from}
}

// restore stores what was read of the table topic.
func (r *rows) restore(records []*kgo.Record, p kafka.Progress) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, record := range records {
		// The record shares memory with thousands of others.
		r.put(string(record.Key), bytes.Clone(record.Value))
	}
	r.next = p.Next
	return nil
}

// GetOffset returns the offset before the first that the rows lack, or the default if they lack all.
func (r *rows) GetOffset(byDefault int64) (int64, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.next == 0 {
		return byDefault, nil
	}
	return r.next - 1, nil
}

// between copies the rows from start on and before limit; nil is no bound.
func (r *rows) between(start, limit []byte) map[string][]byte {
	r.mu.RLock()
	defer r.mu.RUnlock()
	found := make(map[string][]byte)
	for key, value := range r.values {
		if key >= string(start) && (limit == nil || key < string(limit)) {
			found[key] = value
		}
	}
	return found
}
