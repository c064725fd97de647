//go:build system

package realkafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Admin asks the cluster who does what, and changes topics and rights. It must be closed.
type Admin struct {
	client *kgo.Client
	kafka  *kadm.Client
}

// NewAdmin connects past all proxies.
func (c *Cluster) NewAdmin() (*Admin, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(c.Addresses()...))
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	return &Admin{client: client, kafka: kadm.NewClient(client)}, nil
}

// Close disconnects.
func (a *Admin) Close() { a.client.Close() }

// Leader returns the ID of the broker that leads a partition.
func (a *Admin) Leader(ctx context.Context, topic string, partition int32) (int32, error) {
	topics, err := a.kafka.ListTopics(ctx, topic)
	if err == nil {
		err = topics.Error()
	}
	if err != nil {
		return 0, fmt.Errorf("asking for the leader of %s/%d: %w", topic, partition, err)
	}
	return known(topics[topic].Partitions[partition].Leader)
}

// GroupCoordinator returns the ID of the broker that coordinates a consumer group.
func (a *Admin) GroupCoordinator(ctx context.Context, group string) (int32, error) {
	found := a.kafka.FindGroupCoordinators(ctx, group)
	if err := found.Error(); err != nil {
		return 0, fmt.Errorf("asking for the coordinator of the group %s: %w", group, err)
	}
	return known(found[group].NodeID)
}

// TransactionCoordinator returns the ID of the broker that coordinates a producer's transactions.
func (a *Admin) TransactionCoordinator(ctx context.Context, id string) (int32, error) {
	found := a.kafka.FindTxnCoordinators(ctx, id)
	if err := found.Error(); err != nil {
		return 0, fmt.Errorf("asking for the coordinator of the transactions of %s: %w", id, err)
	}
	return known(found[id].NodeID)
}

// Controller returns the ID of the node that leads the quorum. (The metadata's controller is any
// broker, under KRaft.)
func (a *Admin) Controller(ctx context.Context) (int32, error) {
	request := kmsg.NewPtrDescribeQuorumRequest()
	topic := kmsg.NewDescribeQuorumRequestTopic()
	topic.Topic = "__cluster_metadata"
	topic.Partitions = append(topic.Partitions, kmsg.NewDescribeQuorumRequestTopicPartition())
	request.Topics = append(request.Topics, topic)
	answer, err := request.RequestWith(ctx, a.client)
	if err == nil {
		err = kerr.ErrorForCode(answer.ErrorCode)
	}
	if err != nil {
		return 0, fmt.Errorf("asking for the quorum: %w", err)
	}
	if len(answer.Topics) != 1 || len(answer.Topics[0].Partitions) != 1 {
		return 0, fmt.Errorf("the quorum has an answer without leader: %+v", answer)
	}
	return known(answer.Topics[0].Partitions[0].LeaderID)
}

// known is the ID unless nobody has the role at this moment.
func known(id int32) (int32, error) {
	if id < 1 || id > Nodes {
		return 0, fmt.Errorf("nobody has that role now (broker %d)", id)
	}
	return id, nil
}

// Whole returns nil when all brokers are members and every partition is in sync on all of them:
// when one more may be lost.
func (a *Admin) Whole(ctx context.Context) error {
	metadata, err := a.kafka.Metadata(ctx)
	if err != nil {
		return fmt.Errorf("asking for metadata: %w", err)
	}
	if n := len(metadata.Brokers); n != Nodes {
		return fmt.Errorf("%d of %d brokers are members", n, Nodes)
	}
	for _, topic := range metadata.Topics {
		for _, p := range topic.Partitions {
			if p.Leader < 0 || len(p.ISR) < len(p.Replicas) {
				return fmt.Errorf("%s/%d is in sync on %v only, led by %d", p.Topic, p.Partition,
					p.ISR, p.Leader)
			}
		}
	}
	return nil
}

// Grow gives a topic one more partition, which can't be taken away again.
func (a *Admin) Grow(ctx context.Context, topic string) error {
	grown, err := a.kafka.CreatePartitions(ctx, 1, topic)
	if err == nil {
		err = grown.Error()
	}
	if err != nil {
		return fmt.Errorf("giving %s one more partition: %w", topic, err)
	}
	return nil
}

// Delete deletes a topic.
func (a *Admin) Delete(ctx context.Context, topic string) error {
	deleted, err := a.kafka.DeleteTopics(ctx, topic)
	if err == nil {
		err = deleted.Error()
	}
	if err != nil {
		return fmt.Errorf("deleting %s: %w", topic, err)
	}
	return nil
}

// Remake deletes a topic and makes another one under its name, as large and with the same settings, but
// empty.
func (a *Admin) Remake(ctx context.Context, topic string) error {
	failed := func(err error) error { return fmt.Errorf("making %s again: %w", topic, err) }
	topics, err := a.kafka.ListTopics(ctx, topic)
	if err == nil {
		err = topics.Error()
	}
	if err != nil {
		return failed(err)
	}
	described, err := a.kafka.DescribeTopicConfigs(ctx, topic)
	if err != nil {
		return failed(err)
	}
	settings := make(map[string]*string)
	for _, setting := range described[0].Configs {
		if setting.Source == kmsg.ConfigSourceDynamicTopicConfig {
			settings[setting.Key] = setting.Value
		}
	}
	if err := a.Delete(ctx, topic); err != nil {
		return err
	}
	partitions, copies := len(topics[topic].Partitions), topics[topic].Partitions.NumReplicas()
	for {
		_, err := a.kafka.CreateTopic(ctx, int32(partitions), int16(copies), settings, topic)
		if err == nil {
			return nil
		}
		if !errors.Is(err, kerr.TopicAlreadyExists) { // else it is still being deleted
			return failed(err)
		}
		select {
		case <-ctx.Done():
			return failed(context.Cause(ctx))
		case <-time.After(pollInterval):
		}
	}
}
