package local

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"refold/kafka"
)

// ProduceAt writes records as one batch into the partition of the first one's key, of partitions, each
// with the timestamp of the same index in milliseconds: any number, as clients of other kinds may send it.
func ProduceAt(
	ctx context.Context, brokers []string, partitions int32, records []*kgo.Record, milliseconds []int64,
) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.MaxVersions(kversion.V3_0_0()))
	if err != nil {
		return fmt.Errorf("make a client: %w", err)
	}
	defer client.Close()
	partition := kmsg.NewProduceRequestTopicPartition()
	partition.Partition = kafka.Partition(records[0].Key, partitions)
	partition.Records = batchOf(records, milliseconds)
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic = records[0].Topic
	topic.Partitions = append(topic.Partitions, partition)
	produce := kmsg.NewPtrProduceRequest()
	produce.Acks, produce.TimeoutMillis = -1, 10_000
	produce.Topics = append(produce.Topics, topic)
	produced, err := produce.RequestWith(ctx, client)
	if err == nil {
		err = kerr.ErrorForCode(produced.Topics[0].Partitions[0].ErrorCode)
	}
	if err != nil {
		return fmt.Errorf("produce to %s: %w", topic.Topic, err)
	}
	return nil
}

// batchOf is a batch as it is sent.
func batchOf(records []*kgo.Record, milliseconds []int64) []byte {
	batch := kmsg.RecordBatch{
		PartitionLeaderEpoch: -1, Magic: 2, ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1,
		LastOffsetDelta: int32(len(records) - 1), NumRecords: int32(len(records)),
		FirstTimestamp: milliseconds[0], MaxTimestamp: milliseconds[0],
	}
	for i, r := range records {
		record := kmsg.Record{
			TimestampDelta64: milliseconds[i] - milliseconds[0], OffsetDelta: int32(i),
			Key: r.Key, Value: r.Value,
		}
		for _, h := range r.Headers {
			record.Headers = append(record.Headers, kmsg.Header{Key: h.Key, Value: h.Value})
		}
		record.Length = int32(len(record.AppendTo(nil)) - 1) // of a length of zero, which is one byte
		batch.Records = record.AppendTo(batch.Records)
		batch.MaxTimestamp = max(batch.MaxTimestamp, milliseconds[i])
	}
	const behindLength, behindCRC = 12, 21
	batch.Length = int32(len(batch.AppendTo(nil)) - behindLength)
	bytes := batch.AppendTo(nil)
	sum := crc32.Checksum(bytes[behindCRC:], crc32.MakeTable(crc32.Castagnoli))
	binary.BigEndian.PutUint32(bytes[behindCRC-4:], sum)
	return bytes
}
