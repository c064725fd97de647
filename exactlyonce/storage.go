package exactlyonce

import (
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/lovoo/goka/storage"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/exactlyonce/internal/outbox"
	"refold/kafka"
)

// sessionTable is the group table's store as Goka sees it in one session.
type sessionTable struct {
	StagedTable
	session *session
	at      kafka.TopicPartition
	// written is the size of the rows that the open batch has written, each time that it wrote them.
	written atomic.Int64
}

// layer is the rows that one batch wrote to one table.
type layer struct {
	table   *sessionTable
	rows    map[string][]byte
	headers map[string][]kgo.RecordHeader // by row key, for rows that have some
	at      time.Time
	records []kgo.Record
}

// buildStorage opens the store of any table of the graph.
func (e *engine) buildStorage(topic string, partition int32) (storage.Storage, error) {
	store, err := e.newStorage(topic, partition)
	if err == nil {
		e.stores.Store(kafka.TopicPartition{Topic: topic, Partition: partition}, store)
	}
	return store, err
}

// newStorage opens a store. The end of the session ends restores of the group table and of joins; the end of
// the Processor ends those of lookups.
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
		return s.adopt(&sessionTable{
			StagedTable: table, session: s, at: kafka.TopicPartition{Topic: topic, Partition: partition},
		}), nil
	}
	if s != nil && slices.Contains(e.joins, topic) {
		return e.cfg.Tables.Follower(s.ctx, topic, partition)
	}
	return e.cfg.Tables.Follower(e.ctx, topic, partition)
}

func (s *session) adopt(t *sessionTable) *sessionTable {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tables[t] = struct{}{}
	return t
}

// Set writes a row of the open batch.
func (t *sessionTable) Set(key string, value []byte) error {
	t.written.Add(int64(outbox.RowSize(key, value)))
	return t.StagedTable.Set(key, value)
}

// Delete removes a row in the open batch, where its key takes memory as a row does.
func (t *sessionTable) Delete(key string) error {
	t.written.Add(int64(outbox.RowSize(key, nil)))
	return t.StagedTable.Delete(key)
}

// SetOffset does nothing: Commit carries the offset.
func (*sessionTable) SetOffset(int64) error { return nil }

// Close discards what is uncommitted, and closes the store.
func (t *sessionTable) Close() error {
	t.session.mu.Lock()
	delete(t.session.tables, t)
	t.session.mu.Unlock()
	t.Discard()
	return t.StagedTable.Close()
}

// make turns the rows into records.
func (l *layer) make() {
	l.records = make([]kgo.Record, 0, len(l.rows))
	for key, value := range l.rows {
		l.records = append(l.records, kgo.Record{
			Topic: l.table.at.Topic, Partition: l.table.at.Partition, Timestamp: l.at,
			Key: []byte(key), Value: value, Headers: l.headers[key],
		})
	}
}

// next returns the offset after the layer's last row, once the rows are produced.
func (l *layer) next() int64 {
	var last int64
	for i := range l.records {
		last = max(last, l.records[i].Offset)
	}
	return last + 1
}
