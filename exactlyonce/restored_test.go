package exactlyonce_test

import (
	"context"
	"sync"
	"testing"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
	"github.com/lovoo/goka/storage"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/exactlyonce"
)

// A transaction on a table ends between its restore and Goka's question where the table ends. The
// answer must not be the transaction's marker, which Goka would wait for in vain (design §2, no. 4):
// so it is with every worker that takes over from one that died in the middle of a transaction.
func TestTableGrowsByMarker(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]kgo.TransactionEndTry{
		"abort": kgo.TryAbort, "commit": kgo.TryCommit,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startCluster(t, 0, topic("in", 1), topic("out", 1), topic("joined", 1))
			c.send("in", 0, 10, 5)
			c.send("joined", 0, 5, 5)
			c.work(c.config("first"), counter("count", "in")).isReady()
			c.waitForOutputs(10)

			cfg := c.config("second")
			cfg.Tables = growing(exactlyonce.InMemory(cfg.Kafka), func(topic string) {
				c.transaction(topic, end)
			})
			c.work(cfg, goka.DefineGroup("other", goka.Input("in", new(codec.String),
				func(ctx goka.Context, _ any) { ctx.SetValue(int64(1)) }),
				goka.Persist(new(codec.Int64)), goka.Join("joined", new(codec.String)),
				goka.Lookup("count-table", new(codec.Int64)))).isReady()
		})
	}
}

// growing calls grow after each store's first restore.
func growing(tables exactlyonce.Tables, grow func(topic string)) exactlyonce.Tables {
	return exactlyonce.Tables{
		Staged: func(ctx context.Context, topic string, partition int32) (exactlyonce.StagedTable, error) {
			table, err := tables.Staged(ctx, topic, partition)
			return &growingTable{StagedTable: table, grow: func() { grow(topic) }}, err
		},
		Follower: func(ctx context.Context, topic string, partition int32) (storage.Storage, error) {
			store, err := tables.Follower(ctx, topic, partition)
			return &growingStore{Storage: store, grow: func() { grow(topic) }}, err
		},
	}
}

type growingTable struct {
	exactlyonce.StagedTable
	once sync.Once
	grow func()
}

// Open restores the table, which grows at once.
func (g *growingTable) Open() error {
	err := g.StagedTable.Open()
	g.once.Do(g.grow)
	return err
}

type growingStore struct {
	storage.Storage
	once sync.Once
	grow func()
}

// Open restores the store, whose table grows at once.
func (g *growingStore) Open() error {
	err := g.Storage.Open()
	g.once.Do(g.grow)
	return err
}

// transaction writes a tombstone of nothing to partition 0, and ends the transaction.
func (c *cluster) transaction(topic string, end kgo.TransactionEndTry) {
	cl := c.client(kgo.TransactionalID("grow-"+topic), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	defer cl.Close()
	err := cl.BeginTransaction()
	if err == nil {
		r := &kgo.Record{Topic: topic, Key: []byte("nobody")}
		err = cl.ProduceSync(c.t.Context(), r).FirstErr()
	}
	if err == nil {
		err = cl.EndTransaction(c.t.Context(), end)
	}
	if err != nil {
		c.t.Errorf("a transaction on %s: %v", topic, err)
	}
}
