//go:build system

package system_test

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// hang leaves a transaction that no coordinator knows in an account's partition of commands: a batch of a
// transaction to which the partition was never added. Brokers refuse that, unless they are told not to look,
// as those before 3.6 didn't.
func (s *scene) hang(account string) {
	s.t.Helper()
	s.verifiesTransactions(false)
	defer s.verifiesTransactions(true)
	client, err := kgo.NewClient(kgo.SeedBrokers(s.cluster.brokers()...), kgo.MaxVersions(kversion.V3_0_0()))
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Close()
	id := "hangs"
	begin := kmsg.NewPtrInitProducerIDRequest()
	begin.TransactionalID, begin.TransactionTimeoutMillis = &id, 60_000
	began, err := begin.RequestWith(s.t.Context(), client)
	if err == nil {
		err = kerr.ErrorForCode(began.ErrorCode)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	partition := kmsg.NewProduceRequestTopicPartition()
	partition.Partition = partitionOf(account)
	partition.Records = transactionalBatch(began.ProducerID, began.ProducerEpoch)
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic = s.prefix + "account-commands"
	topic.Partitions = append(topic.Partitions, partition)
	produce := kmsg.NewPtrProduceRequest()
	produce.TransactionID, produce.Acks, produce.TimeoutMillis = &id, -1, 10_000
	produce.Topics = append(produce.Topics, topic)
	eventually(s.t, time.Minute, func(ctx context.Context) error { // brokers hear of it a moment later
		produced, err := produce.RequestWith(ctx, client)
		if err != nil {
			return err
		}
		return kerr.ErrorForCode(produced.Topics[0].Partitions[0].ErrorCode)
	})
}

// verifiesTransactions tells the brokers whether to ask coordinators before they write.
func (s *scene) verifiesTransactions(does bool) {
	s.t.Helper()
	value := strconv.FormatBool(does)
	answers, err := kadm.NewClient(s.client).AlterBrokerConfigs(s.t.Context(), []kadm.AlterConfig{{
		Op: kadm.SetConfig, Name: "transaction.partition.verification.enable", Value: &value,
	}})
	for _, answer := range answers {
		err = errors.Join(err, answer.Err)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// transactionalBatch is a batch with one record, in a producer's transaction.
func transactionalBatch(producer int64, epoch int16) []byte {
	record := kmsg.Record{Value: []byte("never")}
	body := record.AppendTo(nil)[1:] // without the length, which is zero yet
	record.Length = int32(len(body))
	now := time.Now().UnixMilli()
	batch := kmsg.RecordBatch{
		PartitionLeaderEpoch: -1, Magic: 2, Attributes: 0x10, FirstTimestamp: now, MaxTimestamp: now,
		ProducerID: producer, ProducerEpoch: epoch, NumRecords: 1, Records: record.AppendTo(nil),
	}
	const behindLength, behindCRC = 12, 21
	batch.Length = int32(len(batch.AppendTo(nil)) - behindLength)
	bytes := batch.AppendTo(nil)
	sum := crc32.Checksum(bytes[behindCRC:], crc32.MakeTable(crc32.Castagnoli))
	binary.BigEndian.PutUint32(bytes[behindCRC-4:], sum)
	return bytes
}
