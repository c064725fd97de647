package exactlyonce

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/lovoo/goka/storage"

	"refold/kafka"
)

// rowWriter is a RowWriter. It keeps the rows until the function that writes them has returned without an
// error.
type rowWriter struct {
	ctx     context.Context //nolint:containedctx // nothing is read or written after its end
	table   *sessionTable
	most    int // bytes
	written map[string][]byte
	bytes   int
}

var _ RowWriter = (*rowWriter)(nil)

// Get returns a row, as written here or else as it is in the table.
func (r *rowWriter) Get(key string) ([]byte, error) {
	if r.ctx.Err() != nil {
		return nil, context.Cause(r.ctx)
	}
	if value, is := r.written[key]; is {
		return value, nil
	}
	return r.table.Get(key)
}

// Set writes a row.
func (r *rowWriter) Set(key string, value []byte) error {
	if value == nil {
		return fmt.Errorf("row %q: a nil value can't be stored; delete the row instead", key)
	}
	return r.write(key, value)
}

// Delete removes a row.
func (r *rowWriter) Delete(key string) error { return r.write(key, nil) }

func (r *rowWriter) write(key string, value []byte) error {
	if r.ctx.Err() != nil {
		return context.Cause(r.ctx)
	}
	size := len(key) + len(value)
	if r.bytes+size > r.most {
		return fmt.Errorf("%w: row %q: with it more than Config.BatchBytes (%d) would be written in "+
			"one transaction", ErrRefused, key, r.most)
	}
	if r.written == nil {
		r.written = make(map[string][]byte)
	}
	r.written[key] = value
	r.bytes += size
	return nil
}

// stage writes the rows to the table's open layer.
func (r *rowWriter) stage() error {
	for key, value := range r.written {
		var err error
		if value == nil {
			err = r.table.Delete(key)
		} else {
			err = r.table.Set(key, value)
		}
		if err != nil {
			return fmt.Errorf("stage row %q: %w", key, err)
		}
	}
	return nil
}

// partitions returns the partitions of the group table that the session has, in order.
func (s *session) partitions() []int32 {
	if s.engine.table == "" {
		return nil
	}
	var all []int32
	for tp := range s.claims {
		all = append(all, tp.Partition)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// table returns the open store of a partition of the group table.
func (s *session) table(partition int32) (*sessionTable, error) {
	if s.engine.table == "" {
		return nil, errNoTable
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.released {
		return nil, ErrSessionEnded
	}
	for t := range s.tables {
		if t.at.Partition == partition {
			return t, nil
		}
	}
	return nil, fmt.Errorf("partition %d of %s is not this worker's", partition, s.engine.table)
}

// standing returns the group's offset in each input of a partition: what this session has committed, or where
// it began. Committing it again changes nothing, and only the partition's owner can. If the group has no
// offset yet, it gets that of its first record: a table that has rows must have offsets (see checkInputs).
func (s *session) standing(
	partition int32, committed map[kafka.TopicPartition]int64,
) map[kafka.TopicPartition]int64 {
	at := make(map[kafka.TopicPartition]int64)
	for tp, offset := range s.begins.at {
		if tp.Partition == partition {
			at[tp] = offset
		}
	}
	for tp := range maps.Keys(at) {
		if offset, seen := committed[tp]; seen {
			at[tp] = offset
		}
	}
	return at
}

// readOnly is a table for readers other than Goka.
type readOnly struct{ *sessionTable }

var _ storage.Storage = readOnly{}

var errReadOnly = errors.New("the table is Goka's; it is written to by Session.Between")

// Open is Goka's.
func (readOnly) Open() error { return errReadOnly }

// Close is Goka's.
func (readOnly) Close() error { return errReadOnly }

// MarkRecovered is Goka's.
func (readOnly) MarkRecovered() error { return errReadOnly }

// Set is refused.
func (readOnly) Set(string, []byte) error { return errReadOnly }

// Delete is refused.
func (readOnly) Delete(string) error { return errReadOnly }

// SetOffset is refused.
func (readOnly) SetOffset(int64) error { return errReadOnly }
