package operator

import (
	"context"
	"errors"
	"os"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
	"refold/snapshots"
	"refold/snapshots/rebuild/refold"
)

const (
	// copyCacheBytes is enough to write a copy in bulk and to go through it once.
	copyCacheBytes = 32 << 20
	// copyOpenFiles is enough for the few files of one copy, and stays below what systems allow a process.
	copyOpenFiles = 640
)

// tableCopy is a partition of the table's topic as rows in the order of their keys: a copy on the disk.
type tableCopy struct {
	kafka  kafka.Settings
	topic  string
	dir    string
	stores *snapshots.Stores
	copied *snapshots.Follower
}

// Open copies the topic to its end. It returns the rows, and the offset behind the last record in them.
func (t *tableCopy) Open(ctx context.Context, partition int32) (refold.RowIterator, int64, error) {
	next, err := t.copy(ctx, partition)
	if err != nil {
		return nil, 0, err
	}
	rows, err := t.Rows()
	return rows, next, err
}

// copy makes the copy, and returns the offset behind the last record in it.
func (t *tableCopy) copy(ctx context.Context, partition int32) (next int64, err error) {
	if err := t.close(); err != nil {
		return 0, err
	}
	t.stores, err = snapshots.Open(snapshots.Options{
		Name: "copy", Dir: t.dir, Kafka: t.kafka, CacheBytes: copyCacheBytes, MaxOpenFiles: copyOpenFiles,
	})
	if err != nil {
		return 0, err
	}
	t.copied, err = t.stores.Follower(ctx, t.topic, partition, snapshots.Projection{
		File: func(w snapshots.Writer, r *kgo.Record) error {
			next = r.Offset + 1
			if r.Value == nil {
				return w.Delete(r.Key)
			}
			return w.Set(r.Key, r.Value)
		},
	})
	if err != nil {
		return 0, err
	}
	return next, t.copied.Open()
}

// Rows goes through the copy, which has been made. It may be called more than once.
func (t *tableCopy) Rows() (refold.RowIterator, error) { return t.copied.Iterator() }

// Get returns a row of the copy, nil if there is none.
func (t *tableCopy) Get(key string) ([]byte, error) { return t.copied.Get(key) }

// close removes the copy.
func (t *tableCopy) close() error {
	var err error
	if t.stores != nil {
		err = t.stores.Close()
		t.stores, t.copied = nil, nil
	}
	return errors.Join(err, os.RemoveAll(t.dir))
}
