package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ConcurrentPause is the pause before a request is repeated that met the end of the transaction before it.
const ConcurrentPause = 2 * time.Millisecond

// OffsetCommit is the offsets that a group commits, and the member that commits them. Brokers take offsets
// only from a member of the group's present generation, which fences a worker that lost its partitions
// (KIP-447).
type OffsetCommit struct {
	Group      string
	Member     string
	Generation int32
	// IDs are the topics' IDs, which newer versions of the requests need.
	IDs map[string][16]byte
	// Next is the offset after the last handled record of each partition.
	Next map[TopicPartition]int64
	// Metadata is kept with each offset, and returned by CommittedMetadata; empty: none. Brokers take 4,096
	// bytes as they come.
	Metadata string
}

// metadata is what a request says of each partition.
func (c OffsetCommit) metadata() *string {
	if c.Metadata == "" {
		return nil
	}
	return &c.Metadata
}

// partitions lists the partitions in a fixed order, each topic's together.
func (c OffsetCommit) partitions() []TopicPartition {
	return slices.SortedFunc(maps.Keys(c.Next), TopicPartition.Compare)
}

// InTransaction makes the offsets part of the open transaction of a producer, whose transactional ID is id.
// It repeats its requests while the broker is still ending the transaction before.
func (c OffsetCommit) InTransaction(ctx context.Context, producer *kgo.Client, id string, f Features) error {
	producerID, epoch, err := producer.ProducerID(ctx)
	if err != nil {
		return fmt.Errorf("producer ID of %s: %w", id, err)
	}
	if !f.TransactionsV2 {
		req := kmsg.NewPtrAddOffsetsToTxnRequest()
		req.TransactionalID, req.ProducerID, req.ProducerEpoch = id, producerID, epoch
		req.Group = c.Group
		err := retryConcurrent(ctx, func() error {
			resp, err := req.RequestWith(ctx, producer)
			if err != nil {
				return err
			}
			return kerr.ErrorForCode(resp.ErrorCode)
		})
		if err != nil {
			return fmt.Errorf("add offsets to the transaction: %w", err)
		}
	}
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch = id, producerID, epoch
	req.Group, req.MemberID, req.Generation = c.Group, c.Member, c.Generation
	req.Topics = c.transactionTopics()
	err = retryConcurrent(ctx, func() error {
		resp, err := req.RequestWith(ctx, producer)
		if err != nil {
			return err
		}
		return offsetsError(resp, len(c.Next))
	})
	if err != nil {
		return fmt.Errorf("commit offsets in the transaction: %w", err)
	}
	return nil
}

func (c OffsetCommit) transactionTopics() (topics []kmsg.TxnOffsetCommitRequestTopic) {
	for _, tp := range c.partitions() {
		if n := len(topics); n == 0 || topics[n-1].Topic != tp.Topic {
			t := kmsg.NewTxnOffsetCommitRequestTopic()
			t.Topic, t.TopicID = tp.Topic, c.IDs[tp.Topic]
			topics = append(topics, t)
		}
		p := kmsg.NewTxnOffsetCommitRequestTopicPartition()
		p.Partition, p.Offset, p.Metadata = tp.Partition, c.Next[tp], c.metadata()
		t := &topics[len(topics)-1]
		t.Partitions = append(t.Partitions, p)
	}
	return topics
}

// offsetsError returns the first error of an answer about so many partitions. One that leaves partitions out
// is an error: they are not known to be committed.
func offsetsError(resp *kmsg.TxnOffsetCommitResponse, partitions int) error {
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			partitions--
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return fmt.Errorf("partition %d: %w", p.Partition, err)
			}
		}
	}
	if partitions > 0 {
		return errLeftOut
	}
	return nil
}

// retryConcurrent repeats a request while the broker is ending the transaction before.
func retryConcurrent(ctx context.Context, request func() error) error {
	for {
		err := request()
		if !errors.Is(err, kerr.ConcurrentTransactions) || !Sleep(ctx, ConcurrentPause) {
			return err
		}
	}
}

// Plainly commits the offsets outside of any transaction. That is for batches that produced nothing, because
// the end of a transaction without records sends nothing. answered reports whether the broker decided on all
// of them alike, so that an error means that nothing was committed.
func (c OffsetCommit) Plainly(ctx context.Context, cl *kgo.Client) (answered bool, err error) {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.MemberID, req.Generation = c.Group, c.Member, c.Generation
	for _, tp := range c.partitions() {
		if n := len(req.Topics); n == 0 || req.Topics[n-1].Topic != tp.Topic {
			t := kmsg.NewOffsetCommitRequestTopic()
			t.Topic, t.TopicID = tp.Topic, c.IDs[tp.Topic]
			req.Topics = append(req.Topics, t)
		}
		p := kmsg.NewOffsetCommitRequestTopicPartition()
		p.Partition, p.Offset, p.Metadata = tp.Partition, c.Next[tp], c.metadata()
		t := &req.Topics[len(req.Topics)-1]
		t.Partitions = append(t.Partitions, p)
	}
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return false, fmt.Errorf("commit offsets: %w", err)
	}
	partitions, wrong := 0, 0
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			partitions++
			if e := kerr.ErrorForCode(p.ErrorCode); e != nil {
				wrong++
				err = fmt.Errorf("commit offsets: partition %d: %w", p.Partition, e)
			}
		}
	}
	if partitions < len(c.Next) {
		return false, errors.Join(err, fmt.Errorf("commit offsets: %w", errLeftOut))
	}
	// If the broker took some and refused others, the commit neither succeeded nor failed.
	return wrong == 0 || wrong == partitions, err
}
