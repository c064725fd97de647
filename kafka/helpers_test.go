package kafka_test

import (
	"context"
	"encoding/binary"
	"hash/crc32"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"refold/kafka"
	"refold/kafka/local"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// Sarama's metrics library has one goroutine for the whole process.
		goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

// patience is the deadline of every wait in these tests. Nothing is measured against it.
const patience = time.Minute

func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// start starts a cluster that is closed when the test ends.
func start(t *testing.T, options local.Options) *local.Cluster {
	t.Helper()
	cluster, err := local.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Close(); err != nil {
			t.Error(err)
		}
	})
	return cluster
}

// options are those of a client of the cluster, with more behind them.
func options(t *testing.T, cluster *local.Cluster, more ...kgo.Opt) []kgo.Opt {
	t.Helper()
	opts, err := kafka.Settings{Brokers: cluster.Brokers()}.Options()
	if err != nil {
		t.Fatal(err)
	}
	return append(opts, more...)
}

// connect makes a client that is closed when the test ends.
func connect(t *testing.T, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// one is a topic with one partition.
func one(name string) []kafka.TopicSpec { return []kafka.TopicSpec{{Name: name, Partitions: 1}} }

// ignore takes what ReadPartition gives and does nothing with it.
func ignore([]*kgo.Record, kafka.Progress) error { return nil }

// emptyBatch is a record batch, as compaction leaves one, over offsets first to last.
func emptyBatch(first, last int64) []byte {
	batch := kmsg.RecordBatch{
		FirstOffset: first, LastOffsetDelta: int32(last - first), Magic: 2,
		ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1,
	}
	const header = 61 // bytes of a batch without records; Length does not count the first 12
	batch.Length = header - 12
	encoded := batch.AppendTo(nil)
	const crcAt = 17
	crc := crc32.Checksum(encoded[crcAt+4:], crc32.MakeTable(crc32.Castagnoli))
	binary.BigEndian.PutUint32(encoded[crcAt:], crc)
	return encoded
}
