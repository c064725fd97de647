package exactlyonce

import (
	"fmt"
	"time"
	"unsafe"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// records is the goka.Context of a callback that takes kafka.Records. Goka carries one message for all the
// records that a poll brought of a partition; the records themselves wait in the partition's claim. So Goka
// counts, and marks, one message.
type records struct {
	gokaContext // of the message; its key is empty
	session     *session
	table       *sessionTable // nil: not used so far
	left        []*kgo.Record
	record      *kgo.Record
}

// gokaContext is embedded under a name that leaves room for the method Context.
type gokaContext = goka.Context

var _ kafka.Records = (*records)(nil)

// sessionKey is where a session's context has the session.
type sessionKey struct{}

// wrapContext gives callbacks that take records their context. It asks Goka's context for the session: a
// callback of a session that is over must not get the records of the next one.
func (e *engine) wrapContext(ctx goka.Context) goka.Context {
	if !e.records[string(ctx.Topic())] {
		return ctx
	}
	s, _ := ctx.Context().Value(sessionKey{}).(*session)
	c := s.claims[kafka.TopicPartition{Topic: string(ctx.Topic()), Partition: ctx.Partition()}]
	return &records{gokaContext: ctx, session: s, left: c.take()}
}

// Next goes to the next record, unless the session is over.
func (r *records) Next() bool {
	if len(r.left) == 0 || r.session.ctx.Err() != nil {
		return false
	}
	r.record, r.left = r.left[0], r.left[1:]
	return true
}

// Record returns the record.
func (r *records) Record() *kgo.Record { return r.record }

// Key returns the record's key.
func (r *records) Key() string { return string(r.record.Key) }

// Offset returns the record's offset.
func (r *records) Offset() int64 { return r.record.Offset }

// Timestamp returns the record's timestamp.
func (r *records) Timestamp() time.Time { return kafka.TrueTime(r.record.Timestamp) }

// Row returns the row of the record's key.
func (r *records) Row() []byte {
	table := r.openTable()
	if table == nil {
		return nil
	}
	// The key's memory is never changed, so that it can serve as a string.
	key := unsafe.String(unsafe.SliceData(r.record.Key), len(r.record.Key)) //nolint:gosec // see above
	row, err := table.Get(key)
	if err != nil {
		r.Fail(fmt.Errorf("read row %q: %w", r.record.Key, err))
	}
	return row
}

// SetRow writes the row of the record's key, or deletes it.
func (r *records) SetRow(row []byte) {
	table := r.openTable()
	if table == nil {
		return
	}
	key := string(r.record.Key) // of its own: rows live longer than what a fetch brought
	var err error
	if row == nil {
		err = table.Delete(key)
	} else {
		err = table.Set(key, row)
	}
	if err != nil {
		r.Fail(fmt.Errorf("write row %q: %w", key, err))
	}
	r.session.engine.outbox.NoteRow(key, nil)
}

// openTable returns the partition's table; nil after a failure.
func (r *records) openTable() *sessionTable {
	if r.table == nil {
		var err error
		if r.table, err = r.session.table(r.Partition()); err != nil {
			r.Fail(err)
		}
	}
	return r.table
}

// Send keeps a record for the transaction.
func (r *records) Send(topic string, key []byte, headers []kgo.RecordHeader, value []byte) {
	if err := r.session.engine.outbox.Send(topic, key, headers, value); err != nil {
		r.Fail(err)
	}
}
