package kafka

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// partitionLog asks a partition's leader by plain requests. franz-go's consumer does not fit: it reports an
// offset only with a record, so that the end of a partition is never reached if it ends in aborted records,
// in an empty batch that compaction left, or in nothing at all (KeepControlRecords shows the markers only,
// and markers are compacted away too).
type partitionLog struct {
	cl         *kgo.Client
	topic      string
	number     int32
	decompress kgo.Decompressor
	once       bool  // fetch what is there, and no more than a batch
	bytes      int32 // asked for at a time
	stable     int64 // the last stable offset, as fetchUncommitted knows it

	located bool
	id      [16]byte // of the topic: one that is made again under the same name has another
	leader  int
	epoch   int32 // the leader's
}

func newPartitionLog(cl *kgo.Client, topic string, number int32) *partitionLog {
	decompress, ok := cl.OptValue(kgo.WithDecompressor).(kgo.Decompressor)
	if !ok {
		decompress = kgo.DefaultDecompressor()
	}
	return &partitionLog{cl: cl, topic: topic, number: number, decompress: decompress, bytes: readFetchBytes}
}

// errMadeAgain is ErrTopicMissing for sure: the name now belongs to another topic.
var errMadeAgain = fmt.Errorf("%w: it was deleted and made again", ErrTopicMissing)

// isFinal reports whether trying again can't help. Brokers' errors say whether they can be retried; errors of
// a network always can.
func isFinal(err error) bool {
	if errors.Is(err, ErrOffsetOutOfRange) || errors.Is(err, ErrTopicMissing) ||
		errors.Is(err, errUndecodable) || errors.Is(err, kgo.ErrClientClosed) {
		return true
	}
	answered, ok := errors.AsType[*kerr.Error](err)
	return ok && !answered.Retriable
}

// locate asks which broker leads the partition.
func (l *partitionLog) locate(ctx context.Context) error {
	topics, err := describe(ctx, l.cl, l.topic)
	if err != nil {
		return err
	}
	topic := topics[l.topic]
	if err := answerError(topic.ErrorCode); err != nil {
		return err
	}
	if l.id != [16]byte{} && l.id != topic.TopicID {
		return errMadeAgain
	}
	for _, p := range topic.Partitions {
		if p.Partition != l.number {
			continue
		}
		if err := answerError(p.ErrorCode); err != nil {
			return err
		}
		l.id, l.leader, l.epoch, l.located = topic.TopicID, int(p.Leader), p.LeaderEpoch, true
		return nil
	}
	return ErrTopicMissing
}

// answerError turns a code into an error, one of this package where there is one.
func answerError(code int16) error {
	err := kerr.ErrorForCode(code)
	switch {
	case errors.Is(err, kerr.OffsetOutOfRange):
		return ErrOffsetOutOfRange
	case errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.UnknownTopicID):
		return fmt.Errorf("%w: %w", ErrTopicMissing, err)
	case errors.Is(err, kerr.InconsistentTopicID):
		return errMadeAgain
	}
	return err
}

// Timestamps by which ListOffsets is asked for a place instead of a time.
const (
	offsetHighWatermark int64 = -1
	offsetLogStart      int64 = -2
	offsetLocalLogStart int64 = -4 // without tiered storage: the log's start
)

// offsetAt asks for one of the places above, read uncommitted: for offsetHighWatermark, committed
// would mean the last stable offset.
func (l *partitionLog) offsetAt(ctx context.Context, place int64) (int64, error) {
	partition := kmsg.NewListOffsetsRequestTopicPartition()
	partition.Partition = l.number
	partition.CurrentLeaderEpoch = l.epoch
	partition.Timestamp = place
	topic := kmsg.NewListOffsetsRequestTopic()
	topic.Topic = l.topic
	topic.Partitions = append(topic.Partitions, partition)
	request := kmsg.NewPtrListOffsetsRequest()
	request.ReplicaID = -1
	request.IsolationLevel = 0
	request.Topics = append(request.Topics, topic)
	answered, err := l.cl.Broker(l.leader).Request(ctx, request)
	if err != nil {
		return 0, fmt.Errorf("asking for the partition's offsets: %w", err)
	}
	topics := answered.(*kmsg.ListOffsetsResponse).Topics
	if len(topics) != 1 || len(topics[0].Partitions) != 1 {
		return 0, fmt.Errorf("asking for the partition's offsets: %w", errLeftOut)
	}
	listed := topics[0].Partitions[0]
	if err := answerError(listed.ErrorCode); err != nil {
		return 0, fmt.Errorf("asking for the partition's offsets: %w", err)
	}
	return listed.Offset, nil
}

// errLeftOut says that an answer lacks the partition. A broker that throttles gives such an answer.
var errLeftOut = errors.New("the broker left the partition out of its answer")

// errUndecodable says that a batch can never be read.
var errUndecodable = errors.New("undecodable batch")

// answer is what a fetch brought.
type answer struct {
	records []*kgo.Record // committed data
	next    int64         // the offset after all batches of the answer; unchanged without any
	stable  int64         // the last stable offset, as it was before the broker read
	empty   bool          // there was no batch at all
}

// fetch asks for committed records from an offset.
func (l *partitionLog) fetch(ctx context.Context, from int64) (answer, error) {
	partition, err := l.ask(ctx, from, kgo.ReadCommitted())
	if err != nil {
		return answer{}, err
	}
	return l.process(partition, from, kgo.ReadCommitted())
}

// ask sends a fetch request. From a broker that reads committed, the answer ends at the last stable offset,
// and has the aborted transactions.
func (l *partitionLog) ask(
	ctx context.Context, from int64, isolation kgo.IsolationLevel,
) (*kmsg.FetchResponseTopicPartition, error) {
	answered, err := l.cl.Broker(l.leader).Request(ctx, l.fetchRequest(from, isolation))
	if err != nil {
		return nil, fmt.Errorf("fetching at %d: %w", from, err)
	}
	response := answered.(*kmsg.FetchResponse)
	if err := answerError(response.ErrorCode); err != nil {
		return nil, fmt.Errorf("fetching at %d: %w", from, err)
	}
	if len(response.Topics) != 1 || len(response.Topics[0].Partitions) != 1 {
		return nil, fmt.Errorf("fetching at %d: %w", from, errLeftOut)
	}
	partition := &response.Topics[0].Partitions[0]
	if err := answerError(partition.ErrorCode); err != nil {
		return nil, fmt.Errorf("fetching at %d: %w", from, err)
	}
	return partition, nil
}

// process takes an answer apart. Read committed, records of transactions that the answer says are aborted
// are left out.
func (l *partitionLog) process(
	partition *kmsg.FetchResponseTopicPartition, from int64, isolation kgo.IsolationLevel,
) (answer, error) {
	options := kgo.ProcessFetchPartitionOpts{
		Offset:         from,
		IsolationLevel: isolation,
		Topic:          l.topic,
		Partition:      l.number,
	}
	fetched, next := kgo.ProcessFetchPartition(options, partition, l.decompress, nil)
	if fetched.Err != nil {
		return answer{}, fmt.Errorf("fetching at %d: %w: %w", next, errUndecodable, fetched.Err)
	}
	return answer{
		records: fetched.Records,
		next:    next,
		stable:  partition.LastStableOffset,
		empty:   len(partition.RecordBatches) == 0,
	}, nil
}

func (l *partitionLog) fetchRequest(from int64, isolation kgo.IsolationLevel) *kmsg.FetchRequest {
	partition := kmsg.NewFetchRequestTopicPartition()
	partition.Partition = l.number
	partition.CurrentLeaderEpoch = l.epoch
	partition.FetchOffset = from
	partition.PartitionMaxBytes = l.bytes
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic, topic.TopicID = l.topic, l.id // by name up to version 12, by ID from 13
	topic.Partitions = append(topic.Partitions, partition)
	request := kmsg.NewPtrFetchRequest() // without a fetch session
	request.MaxWaitMillis = int32(readMaxWait.Milliseconds())
	request.MinBytes = 1
	// The partition's limit counts. The embedded cluster leaves the aborted transactions out of an answer
	// that the request's own limit has cut.
	request.MaxBytes = math.MaxInt32
	if isolation == kgo.ReadCommitted() {
		request.IsolationLevel = 1
	}
	if l.once {
		request.MaxWaitMillis = 0
		partition.PartitionMaxBytes = 1
		topic.Partitions[0] = partition
	}
	request.Topics = append(request.Topics, topic)
	return request
}
