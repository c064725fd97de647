package exactlyonce

import (
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/lovoo/goka/storage"
	"github.com/twmb/franz-go/pkg/kgo"
)

// stagedTable is the group table's store as Goka sees it in one session.
type stagedTable struct {
	Table
	session   *session
	topic     string
	partition int32
	// written is the size of the rows that the open batch has written, each time that it did.
	written atomic.Int64
}

// layer is the rows that one batch wrote to one table.
type layer struct {
	table   *stagedTable
	rows    map[string][]byte
	headers map[string][]kgo.RecordHeader // by row key, for rows that have some
	at      time.Time
	records []kgo.Record
}

// buildStorage opens the store of any table of the graph.
func (e *engine) buildStorage(topic string, partition int32) (storage.Storage, error) {
	store, err := e.newStorage(topic, partition)
	if err == nil {
		e.stores.Store(topicPartition{topic, partition}, store)
	}
	return store, err
}

// newStorage opens a store. Restores of the group table and of joins end with the session, those
// of lookups with the Processor.
func (e *engine) newStorage(topic string, partition int32) (storage.Storage, error) {
	s := e.session.Load()
	if topic == e.table {
		if s == nil {
			return nil, errors.New("the group table is opened outside of a session")
		}
		table, err := e.cfg.Tables.Staged(s.ctx, topic, partition)
		if err != nil {
			return nil, err
		}
		return s.adopt(&stagedTable{
			Table: table, session: s, topic: topic, partition: partition,
		}), nil
	}
	if s != nil && slices.Contains(e.joins, topic) {
		return e.cfg.Tables.Follower(s.ctx, topic, partition)
	}
	return e.cfg.Tables.Follower(e.ctx, topic, partition)
}

func (s *session) adopt(t *stagedTable) *stagedTable {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tables[t] = struct{}{}
	return t
}

// Set writes a row of the open batch.
func (t *stagedTable) Set(key string, value []byte) error {
	t.written.Add(int64(rowSize(key, value)))
	return t.Table.Set(key, value)
}

// Delete removes a row in the open batch. Its key waits there as a row does.
func (t *stagedTable) Delete(key string) error {
	t.written.Add(int64(rowSize(key, nil)))
	return t.Table.Delete(key)
}

// SetOffset does nothing: Commit carries the offset.
func (*stagedTable) SetOffset(int64) error { return nil }

// Close gives up what is uncommitted, and the store.
func (t *stagedTable) Close() error {
	t.session.mu.Lock()
	delete(t.session.tables, t)
	t.session.mu.Unlock()
	t.Discard()
	return t.Table.Close()
}

// make turns the rows into records.
func (l *layer) make() {
	l.records = make([]kgo.Record, 0, len(l.rows))
	for key, value := range l.rows {
		l.records = append(l.records, kgo.Record{
			Topic: l.table.topic, Partition: l.table.partition, Timestamp: l.at,
			Key: []byte(key), Value: value, Headers: l.headers[key],
		})
	}
}

// next is the offset after the layer's last row, once the rows are produced.
func (l *layer) next() int64 {
	var last int64
	for i := range l.records {
		last = max(last, l.records[i].Offset)
	}
	return last + 1
}
