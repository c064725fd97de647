package kafka

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// topicMetadata is what brokers tell about topics, by name.
type topicMetadata map[string]kmsg.MetadataResponseTopic

// describe asks a broker about topics. It asks anew each time: franz-go's kadm answers from a cache for five
// seconds, and so would not find a topic that was just made.
func describe(ctx context.Context, cl *kgo.Client, names ...string) (topicMetadata, error) {
	if len(names) == 0 {
		return topicMetadata{}, nil // no names would mean all topics
	}
	request := kmsg.NewPtrMetadataRequest()
	for _, name := range names {
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = kmsg.StringPtr(name)
		request.Topics = append(request.Topics, topic)
	}
	response, err := request.RequestWith(ctx, cl)
	if err != nil {
		return nil, fmt.Errorf("asking for metadata: %w", err)
	}
	topics := make(topicMetadata, len(response.Topics))
	for _, topic := range response.Topics {
		if topic.Topic != nil {
			topics[*topic.Topic] = topic
		}
	}
	for _, name := range names {
		if _, ok := topics[name]; !ok {
			return nil, fmt.Errorf("asking for metadata: topic %s: %w", name, errLeftOut)
		}
	}
	return topics, nil
}

// Topic is what brokers tell about a topic.
type Topic struct {
	ID         kadm.TopicID // zero if the broker knows no IDs (KIP-516), or does not know the topic
	Partitions int32
	// Err is the broker's error about the topic, nil if there is none. It is
	// kerr.UnknownTopicOrPartition if there is no such topic.
	Err error
}

// DescribeTopics asks a broker about topics, each time anew. All of them are in the answer; the error says
// that the broker did not give one.
func DescribeTopics(ctx context.Context, cl *kgo.Client, names ...string) (map[string]Topic, error) {
	described, err := describe(ctx, cl, names...)
	if err != nil {
		return nil, err
	}
	topics := make(map[string]Topic, len(described))
	for name, topic := range described {
		topics[name] = Topic{
			ID: topic.TopicID, Partitions: int32(len(topic.Partitions)),
			Err: kerr.ErrorForCode(topic.ErrorCode),
		}
	}
	return topics, nil
}

// TopicIDs asks a broker for the IDs of topics (KIP-516), which tell a topic from another one that was made
// under its name before. A topic that does not exist is not in the map; if the broker knows no IDs, they are
// zero.
func TopicIDs(ctx context.Context, cl *kgo.Client, names ...string) (map[string]kadm.TopicID, error) {
	described, err := describe(ctx, cl, names...)
	if err != nil {
		return nil, err
	}
	ids := make(map[string]kadm.TopicID, len(described))
	for name, topic := range described {
		err := kerr.ErrorForCode(topic.ErrorCode)
		switch {
		case missing(topic):
		case err != nil && !kerr.IsRetriable(err): // a partition without a leader is there all the same
			return nil, fmt.Errorf("asking for metadata: topic %s: %w", name, err)
		default:
			ids[name] = topic.TopicID
		}
	}
	return ids, nil
}

// OffsetOf returns a function that picks the offset of a partition, or the error, from what kadm lists:
//
//	end, err := kafka.OffsetOf(topic, partition)(admin.ListEndOffsets(ctx, topic))
//
// The error is ErrTopicMissing if the brokers' answer lacks the partition.
func OffsetOf(topic string, partition int32) func(kadm.ListedOffsets, error) (int64, error) {
	return func(listed kadm.ListedOffsets, err error) (int64, error) {
		if err == nil {
			err = listed.Error()
		}
		at, is := listed.Lookup(topic, partition)
		if err == nil && !is {
			err = ErrTopicMissing
		}
		if err != nil {
			return 0, fmt.Errorf("ask for the offsets of %s/%d: %w", topic, partition, err)
		}
		return at.Offset, nil
	}
}
