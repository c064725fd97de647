package exactlyonce

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// concurrentPause is the pause before a request is repeated that met the end of the transaction
// before it.
const concurrentPause = 2 * time.Millisecond

// membership is as whom offsets are committed: the broker takes them only from a member of the
// group's present generation, which is what fences a worker that lost its partitions (KIP-447).
type membership struct {
	member     string
	generation int32
}

// addOffsets makes the offsets part of the producer's transaction.
func (p *producer) addOffsets(
	ctx context.Context, m membership, next map[topicPartition]int64,
) error {
	if !offsetsInside {
		return nil
	}
	if !fencing {
		m = membership{generation: -1} // as somebody who is no member of the group
	}
	id, epoch, err := p.client.ProducerID(ctx)
	if err != nil {
		return fmt.Errorf("producer ID of %s: %w", p.id, err)
	}
	if !p.feat.v2 {
		req := kmsg.NewPtrAddOffsetsToTxnRequest()
		req.TransactionalID, req.ProducerID, req.ProducerEpoch = p.id, id, epoch
		req.Group = p.group
		err := retryConcurrent(ctx, func() error {
			resp, err := req.RequestWith(ctx, p.client)
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
	req.TransactionalID, req.ProducerID, req.ProducerEpoch = p.id, id, epoch
	req.Group, req.MemberID, req.Generation = p.group, m.member, m.generation
	req.Topics = p.offsetTopics(next)
	err = retryConcurrent(ctx, func() error {
		resp, err := req.RequestWith(ctx, p.client)
		if err != nil {
			return err
		}
		return offsetsError(resp, len(next))
	})
	if err != nil {
		return fmt.Errorf("commit offsets in the transaction: %w", err)
	}
	return nil
}

func (p *producer) offsetTopics(
	next map[topicPartition]int64,
) (topics []kmsg.TxnOffsetCommitRequestTopic) {
	for _, tp := range sorted(next) {
		if n := len(topics); n == 0 || topics[n-1].Topic != tp.topic {
			t := kmsg.NewTxnOffsetCommitRequestTopic()
			t.Topic, t.TopicID = tp.topic, p.feat.ids[tp.topic]
			topics = append(topics, t)
		}
		rp := kmsg.NewTxnOffsetCommitRequestTopicPartition()
		rp.Partition, rp.Offset = tp.partition, next[tp]
		t := &topics[len(topics)-1]
		t.Partitions = append(t.Partitions, rp)
	}
	return topics
}

// errLeftOut says that an answer says nothing of some of the partitions: they are not known to be committed.
var errLeftOut = errors.New("the answer leaves partitions out")

// offsetsError is the first error of an answer about so many partitions.
func offsetsError(resp *kmsg.TxnOffsetCommitResponse, partitions int) error {
	for _, t := range resp.Topics {
		for _, rp := range t.Partitions {
			partitions--
			if err := kerr.ErrorForCode(rp.ErrorCode); err != nil {
				return fmt.Errorf("partition %d: %w", rp.Partition, err)
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
		if !errors.Is(err, kerr.ConcurrentTransactions) || !sleep(ctx, concurrentPause) {
			return err
		}
	}
}

// commitPlainly commits offsets outside of any transaction: for batches that produced nothing,
// because ending a transaction without records sends nothing. The boolean reports whether the
// broker answered, so that an error means that nothing was committed.
func commitPlainly(
	ctx context.Context, cl *kgo.Client, group string, ids map[string][16]byte, m membership,
	next map[topicPartition]int64,
) (answered bool, err error) {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.MemberID, req.Generation = group, m.member, m.generation
	for _, tp := range sorted(next) {
		if n := len(req.Topics); n == 0 || req.Topics[n-1].Topic != tp.topic {
			t := kmsg.NewOffsetCommitRequestTopic()
			t.Topic, t.TopicID = tp.topic, ids[tp.topic]
			req.Topics = append(req.Topics, t)
		}
		rp := kmsg.NewOffsetCommitRequestTopicPartition()
		rp.Partition, rp.Offset = tp.partition, next[tp]
		t := &req.Topics[len(req.Topics)-1]
		t.Partitions = append(t.Partitions, rp)
	}
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return false, fmt.Errorf("commit offsets: %w", err)
	}
	partitions, wrong := 0, 0
	for _, t := range resp.Topics {
		for _, rp := range t.Partitions {
			partitions++
			if e := kerr.ErrorForCode(rp.ErrorCode); e != nil {
				wrong++
				err = fmt.Errorf("commit offsets: partition %d: %w", rp.Partition, e)
			}
		}
	}
	if partitions < len(next) {
		return false, errors.Join(err, fmt.Errorf("commit offsets: %w", errLeftOut))
	}
	// Some taken and some not is neither a commit nor none.
	return wrong == 0 || wrong == partitions, err
}
