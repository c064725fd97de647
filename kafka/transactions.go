package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// OpenTransaction is a transaction that has not ended in a partition: readers of committed records stop there
// before its first record.
type OpenTransaction struct {
	Topic      string
	Partition  int32
	Offset     int64 // of its first record there
	ProducerID int64
	Epoch      int16
	Written    time.Time // when its producer has written there last

	// TransactionalID is the producer's, as the coordinator of the transaction knows it; empty if no
	// coordinator knows the transaction. Such a transaction hangs: nothing will ever end it (KIP-664).
	TransactionalID string
	// Began and Timeout are the coordinator's: it ends the transaction when Timeout has passed.
	Began   time.Time
	Timeout time.Duration

	coordinatorEpoch int32
}

// Hangs reports whether nothing will ever end the transaction.
func (t *OpenTransaction) Hangs() bool { return t.TransactionalID == "" }

// Since returns when the transaction began, as far as that is known.
func (t *OpenTransaction) Since() time.Time {
	if t.Hangs() {
		return t.Written
	}
	return t.Began
}

// OpenTransactions returns the transactions that are open in some topics, by topic, partition and offset. It
// asks the leaders of all partitions, and all coordinators (Kafka 3.0 and later).
//
// The leaders are asked again about a transaction that no coordinator knows: it may have ended between the
// two requests, and its producer may have begun another one, which a marker would abort in that partition
// alone.
func OpenTransactions(ctx context.Context, cl *kgo.Client, topics ...string) ([]OpenTransaction, error) {
	open, err := openIn(ctx, cl, topics...)
	if err != nil {
		return nil, err
	}
	if err := attribute(ctx, kadm.NewClient(cl), open); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(open, func(t OpenTransaction) bool { return t.Hangs() }) {
		return open, nil
	}
	still, err := openIn(ctx, cl, topics...)
	return slices.DeleteFunc(open, func(t OpenTransaction) bool {
		return t.Hangs() && !slices.ContainsFunc(still, t.same)
	}), err
}

// same reports whether both are the same transaction in the same partition.
func (t *OpenTransaction) same(other OpenTransaction) bool {
	return t.Topic == other.Topic && t.Partition == other.Partition && t.Offset == other.Offset &&
		t.ProducerID == other.ProducerID
}

// openIn asks the leaders of the topics' partitions.
func openIn(ctx context.Context, cl *kgo.Client, topics ...string) ([]OpenTransaction, error) {
	about, err := describe(ctx, cl, topics...)
	if err != nil {
		return nil, err
	}
	var all kadm.TopicsSet
	for _, topic := range topics {
		if err := kerr.ErrorForCode(about[topic].ErrorCode); err != nil {
			return nil, fmt.Errorf("topic %s: %w", topic, err)
		}
		for _, p := range about[topic].Partitions {
			all.Add(topic, p.Partition)
		}
	}
	producers, err := kadm.NewClient(cl).DescribeProducers(ctx, all)
	if err != nil {
		return nil, fmt.Errorf("ask who writes to the topics: %w", err)
	}
	var open []OpenTransaction
	for _, p := range producers.SortedPartitions() {
		if p.Err != nil {
			return nil, fmt.Errorf("ask who writes to %s/%d: %w", p.Topic, p.Partition, p.Err)
		}
		for _, d := range p.ActiveProducers {
			if d.CurrentTxnStartOffset < 0 {
				continue
			}
			open = append(open, OpenTransaction{
				Topic: d.Topic, Partition: d.Partition, Offset: d.CurrentTxnStartOffset,
				ProducerID: d.ProducerID, Epoch: d.ProducerEpoch,
				Written:          ReadTime(time.UnixMilli(d.LastTimestamp)),
				coordinatorEpoch: d.CoordinatorEpoch,
			})
		}
	}
	slices.SortFunc(open, func(a, b OpenTransaction) int {
		if a.Topic == b.Topic && a.Partition == b.Partition {
			return int(a.Offset - b.Offset)
		}
		return 0 // they are sorted
	})
	return open, nil
}

// attribute adds what coordinators know about transactions.
func attribute(ctx context.Context, admin *kadm.Client, open []OpenTransaction) error {
	var producers []int64
	for i := range open {
		producers = append(producers, open[i].ProducerID)
	}
	if len(producers) == 0 {
		return nil // none would mean all
	}
	listed, err := admin.ListTransactions(ctx, producers, nil)
	if err != nil {
		return fmt.Errorf("ask coordinators for transactions: %w", err)
	}
	if len(listed) == 0 {
		return nil
	}
	described, err := admin.DescribeTransactions(ctx, listed.TransactionalIDs()...)
	if err != nil {
		return fmt.Errorf("ask coordinators for transactions: %w", err)
	}
	for i := range open {
		t := &open[i]
		for _, d := range described {
			if d.Err != nil {
				return fmt.Errorf("ask its coordinator for transaction %s: %w", d.TxnID, d.Err)
			}
			// A coordinator that has ended it, or begun another one, will not end this one.
			if d.ProducerID == t.ProducerID && d.Topics.Lookup(t.Topic, t.Partition) {
				t.TransactionalID = d.TxnID
				t.Began = time.UnixMilli(d.StartTimestamp)
				t.Timeout = time.Duration(d.TimeoutMillis) * time.Millisecond
			}
		}
	}
	return nil
}

// AbortTransaction ends an open transaction: nothing of it will ever be read as committed. A transaction that
// a coordinator knows is ended in all its partitions, and its producer, if it is alive, is fenced: its next
// request fails. A transaction that hangs is ended in this partition only, by a marker (KIP-664). It takes no
// longer than abortTimeout.
func AbortTransaction(ctx context.Context, cl *kgo.Client, t OpenTransaction) error {
	ctx, cancel := context.WithTimeout(ctx, abortTimeout)
	defer cancel()
	if t.Hangs() {
		return abortHanging(ctx, cl, t)
	}
	request := kmsg.NewPtrInitProducerIDRequest()
	request.TransactionalID = kmsg.StringPtr(t.TransactionalID)
	request.TransactionTimeoutMillis = int32(t.Timeout.Milliseconds())
	for {
		response, err := request.RequestWith(ctx, cl)
		if err == nil {
			err = kerr.ErrorForCode(response.ErrorCode)
		}
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, kerr.ConcurrentTransactions): // while it is being ended
			return fmt.Errorf("abort transaction %s: %w", t.TransactionalID, err)
		}
		if !Sleep(ctx, abortPause) {
			return fmt.Errorf("abort transaction %s: %w", t.TransactionalID, ctx.Err())
		}
	}
}

// AbortOngoing ends the transaction of a transactional ID if it has one that is not being ended yet, and
// reports whether it had. Its producer is fenced, as by AbortTransaction. It costs a request to the
// coordinator, and what AbortTransaction costs if there is one.
func AbortOngoing(ctx context.Context, cl *kgo.Client, id string) (had bool, err error) {
	described, err := kadm.NewClient(cl).DescribeTransactions(ctx, id)
	if err == nil {
		_, err = described.On(id, nil)
	}
	d := described[id]
	switch {
	case errors.Is(err, kerr.TransactionalIDNotFound):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("ask the coordinator of transaction %s: %w", id, err)
	case d.State != "Ongoing":
		return false, nil
	}
	return true, AbortTransaction(ctx, cl, OpenTransaction{
		TransactionalID: id, Timeout: time.Duration(d.TimeoutMillis) * time.Millisecond,
	})
}

// abortPause is about as long as writing markers takes. abortTimeout limits the wait for a coordinator that
// can't write them, because a partition has no leader.
const abortPause = 50 * time.Millisecond

var abortTimeout = 30 * time.Second // a variable for the sake of tests

func abortHanging(ctx context.Context, cl *kgo.Client, t OpenTransaction) error {
	var where kadm.TopicsSet
	where.Add(t.Topic, t.Partition)
	answers, err := kadm.NewClient(cl).WriteTxnMarkers(ctx, kadm.TxnMarkers{
		ProducerID: t.ProducerID, ProducerEpoch: t.Epoch, CoordinatorEpoch: t.coordinatorEpoch, Topics: where,
	})
	if err == nil {
		err = errLeftOut // unless the answer says something of the partition
		answers.EachPartition(func(p kadm.TxnMarkersPartitionResponse) {
			if p.Topic == t.Topic && p.Partition == t.Partition {
				err = p.Err
			}
		})
	}
	if err != nil {
		return fmt.Errorf("abort the transaction of producer %d in %s/%d: %w", t.ProducerID, t.Topic,
			t.Partition, err)
	}
	return nil
}
