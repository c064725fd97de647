package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// topicMetadata is what brokers tell of topics, by name.
type topicMetadata map[string]kmsg.MetadataResponseTopic

// describe asks a broker about topics. It asks anew each time: franz-go's kadm answers from a cache
// for five seconds, and so tells of a topic that was just made that there is none.
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

// pause waits, or returns ctx's error as soon as it has one.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
