package exactlyonce

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// features is what a run must know of the cluster before it begins.
type features struct {
	// v2: transaction.version is 2 or later (KIP-890). Each transaction then has an epoch of its
	// own, and offsets join a transaction by themselves.
	v2 bool
	// ids are the topic IDs that offset requests need from some version on, by topic.
	ids map[string][16]byte
	// partitions counts those of each topic.
	partitions map[string]int32
}

// askFeatures asks a broker for all of it. Every topic must exist.
func askFeatures(ctx context.Context, cl *kgo.Client, topics []string) (features, error) {
	f := features{}
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = "refold", "0"
	resp, err := req.RequestWith(ctx, cl)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return f, fmt.Errorf("ask the broker what it can do: %w", err)
	}
	for _, feature := range resp.FinalizedFeatures {
		if feature.Name == "transaction.version" && feature.MaxVersionLevel >= 2 {
			f.v2 = true
		}
	}
	f.partitions, f.ids, err = describeTopics(ctx, cl, topics...)
	return f, err
}

// versions caps what the producers may speak. TxnOffsetCommit from version 5 on adds the offsets
// to the transaction by itself, which only transaction version 2 knows how to do.
func (f features) versions() []kgo.Opt {
	if f.v2 {
		return nil
	}
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(kmsg.TxnOffsetCommit.Int16(), 4)
	return []kgo.Opt{kgo.MaxVersions(versions)}
}

// describeTopics returns the number of partitions and the ID of each topic. A topic that does not
// exist is an error that wraps kerr.UnknownTopicOrPartition.
func describeTopics(
	ctx context.Context, cl *kgo.Client, topics ...string,
) (counts map[string]int32, ids map[string][16]byte, err error) {
	if len(topics) == 0 {
		return map[string]int32{}, nil, nil // no names would mean all topics
	}
	req := kmsg.NewPtrMetadataRequest()
	for _, topic := range topics {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(topic)
		req.Topics = append(req.Topics, t)
	}
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return nil, nil, fmt.Errorf("ask for topics: %w", err)
	}
	counts, ids = make(map[string]int32), make(map[string][16]byte)
	var wrong []error
	for _, t := range resp.Topics {
		if t.Topic == nil {
			continue
		}
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
			wrong = append(wrong, fmt.Errorf("topic %s: %w", *t.Topic, err))
			continue
		}
		counts[*t.Topic] = int32(len(t.Partitions))
		ids[*t.Topic] = t.TopicID
	}
	return counts, ids, errors.Join(wrong...)
}
