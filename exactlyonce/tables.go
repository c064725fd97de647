package exactlyonce

import (
	"context"

	"github.com/lovoo/goka/storage"

	"refold/exactlyonce/internal/memory"
	"refold/kafka"
)

// StagedTable is what the engine asks of a group table's local store: Goka's storage whose writes stay
// uncommitted, in layers, until the transaction that holds them has ended. Package tabletest checks an
// implementation.
//
// Goka reads and writes it from one goroutine and may read it from others, as Config.Background may; when
// nothing is with Goka's callbacks, Session.Between writes. The engine calls Seal, Commit and Discard while
// reads go on, and Commit also while writes go on.
type StagedTable interface {
	// Storage is Goka's. Open restores the rows from the table topic, exactly to its end; from then on
	// GetOffset returns high watermark - 1, so that Goka takes the table for recovered. Get, Has and
	// iterators see all layers, the newest first. SetOffset has no effect.
	storage.Storage

	// Seal closes the layer of rows written since the last Seal and returns it, by row key; nil is a
	// deletion. The caller does not change it. When nothing was written the result is empty and no layer is
	// kept. Seal is never called while a row is being written.
	Seal() map[string][]byte

	// Commit makes the oldest sealed layer part of the committed store. next is the offset in the table
	// topic after the layer's last row. The layer may become durable late: after a crash the store may be
	// behind the topic, never ahead.
	Commit(next int64) error

	// Discard forgets the open layer and all sealed ones.
	Discard()
}

// Tables opens local stores. The context ends when the partition is taken away: a restore that is going on in
// Open must then return soon, with an error. A store that is opened again for the same partition may continue
// from what it has.
type Tables struct {
	// Staged opens the store of one partition of the group table.
	Staged func(ctx context.Context, topic string, partition int32) (StagedTable, error)
	// Follower opens the store of one partition of a table that another process writes: joins and lookups.
	// Its Open restores, too; Goka follows the live tail from there.
	Follower func(ctx context.Context, topic string, partition int32) (storage.Storage, error)
}

// InMemory keeps tables in memory, each partition restored from its topic when it is opened. The stores
// outlive sessions: a partition that comes back reads only what it missed. A Config without Tables uses it.
func InMemory(settings kafka.Settings) Tables {
	stores := memory.New(settings)
	return Tables{
		Staged: func(ctx context.Context, topic string, partition int32) (StagedTable, error) {
			return stores.Staged(ctx, topic, partition), nil
		},
		Follower: func(ctx context.Context, topic string, partition int32) (storage.Storage, error) {
			return stores.Follower(ctx, topic, partition), nil
		},
	}
}
