package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"refold/kafka"
	"refold/kafka/local"
)

func TestEnsureMakesWhatIsMissingOnceOnly(t *testing.T) {
	ctx := deadline(t)
	cluster := start(t, local.Options{Brokers: 3})
	cl := connect(t, options(t, cluster)...)
	specs := []kafka.TopicSpec{
		{Name: "events", Partitions: 5, ReplicationFactor: 3, Config: map[string]string{
			"retention.ms": "-1",
		}},
		{Name: "table", Partitions: 5, Config: map[string]string{"cleanup.policy": "compact"}},
	}
	missing := []kafka.Difference{
		{Topic: "events", Setting: kafka.SettingTopic, Want: "present", Have: "missing"},
		{Topic: "table", Setting: kafka.SettingTopic, Want: "present", Have: "missing"},
	}
	planned, err := kafka.Plan(ctx, cl, specs)
	if diff := cmp.Diff(missing, planned); diff != "" || err != nil || !planned[0].Missing() {
		t.Errorf("%v %s", err, diff)
	}
	requests := cluster.Kafka().Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.CreateTopics}, Observe: true, Count: -1,
	})
	for range 2 {
		differences, err := kafka.Ensure(ctx, cl, specs)
		if err != nil || len(differences) > 0 {
			t.Fatalf("%v, %v", differences, err)
		}
	}
	if got := requests.Hits(); got != 2 {
		t.Errorf("%d topics made, want 2", got)
	}
}

func TestEnsureLeavesATopicAloneAndTellsEveryDifference(t *testing.T) {
	ctx := deadline(t)
	cluster := start(t, local.Options{Brokers: 3, Topics: []kafka.TopicSpec{
		{Name: "t", Partitions: 4, Config: map[string]string{"cleanup.policy": "delete"}},
	}})
	cl := connect(t, options(t, cluster)...)
	changes := cluster.Kafka().Fault(kfake.Fault{
		Keys: []kmsg.Key{
			kmsg.CreatePartitions, kmsg.AlterConfigs, kmsg.IncrementalAlterConfigs,
			kmsg.DeleteTopics,
		},
		Observe: true, Count: -1,
	})
	got, err := kafka.Ensure(ctx, cl, []kafka.TopicSpec{{
		Name: "t", Partitions: 2, ReplicationFactor: 1, Config: map[string]string{
			"retention.ms": "-1", "cleanup.policy": "compact", "no.such": "x",
			"compression.type": "producer",
		},
	}})
	want := []kafka.Difference{
		{Topic: "t", Setting: "partitions", Want: "2", Have: "4"},
		{Topic: "t", Setting: "replicationFactor", Want: "1", Have: "3"},
		{Topic: "t", Setting: "config.cleanup.policy", Want: "compact", Have: "delete"},
		{Topic: "t", Setting: "config.no.such", Want: "x", Have: "unknown to the broker"},
		{Topic: "t", Setting: "config.retention.ms", Want: "-1", Have: "604800000"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if text := got[0].String(); text != "t: partitions is 4, should be 2" {
		t.Error(text)
	}
	if changes.Hits() != 0 {
		t.Errorf("%d requests to change something", changes.Hits())
	}
}

func TestEnsureRefusesSpecificationsThatCanNotBeMeant(t *testing.T) {
	cluster := start(t, local.Options{})
	cl := connect(t, options(t, cluster)...)
	specs := []kafka.TopicSpec{
		{Name: "", Partitions: 1},
		{Name: "none", Partitions: 0},
		{Name: "twice", Partitions: 1},
		{Name: "twice", Partitions: 1},
		{Name: "replicas", Partitions: 1, ReplicationFactor: -1},
	}
	_, planned := kafka.Plan(deadline(t), cl, specs)
	_, ensured := kafka.Ensure(deadline(t), cl, specs)
	for _, err := range []error{planned, ensured} {
		for _, part := range []string{"without a name", "none:", "twice:", "replicas:"} {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%q is not in %v", part, err)
			}
		}
	}
}

func TestEnsureOfNothing(t *testing.T) {
	cluster := start(t, local.Options{Topics: one("t")})
	cl := connect(t, options(t, cluster)...)
	if differences, err := kafka.Ensure(deadline(t), cl, nil); err != nil || len(differences) > 0 {
		t.Errorf("%v, %v", differences, err)
	}
}

func TestEnsureNamesTheTopicThatCanNotBeMade(t *testing.T) {
	cluster := start(t, local.Options{})
	cl := connect(t, options(t, cluster)...)
	cluster.Kafka().Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.CreateTopics}, Err: kerr.PolicyViolation,
	})
	_, err := kafka.Ensure(deadline(t), cl, one("t"))
	if !errors.Is(err, kerr.PolicyViolation) || !strings.Contains(err.Error(), "topic t") {
		t.Error(err)
	}
}

// A topic without leaders can't be written to yet: Ensure waits, and gives up with its context.
func TestEnsureWaitsForLeaders(t *testing.T) {
	cluster := start(t, local.Options{})
	cl := connect(t, options(t, cluster)...)
	withoutLeader := 3
	cluster.Kafka().ControlKey(int16(kmsg.Metadata),
		func(request kmsg.Request) (kmsg.Response, error, bool) {
			cluster.Kafka().KeepControl()
			asked := request.(*kmsg.MetadataRequest).Topics
			if len(asked) == 0 || withoutLeader == 0 || cluster.Kafka().TopicInfo("t") == nil {
				return nil, nil, false
			}
			withoutLeader--
			answer := request.ResponseKind().(*kmsg.MetadataResponse)
			partition := kmsg.NewMetadataResponseTopicPartition()
			partition.ErrorCode, partition.Leader = kerr.LeaderNotAvailable.Code, -1
			topic := kmsg.NewMetadataResponseTopic()
			topic.Topic = kmsg.StringPtr("t")
			topic.Partitions = append(topic.Partitions, partition)
			answer.Topics = append(answer.Topics, topic)
			return answer, nil, true
		})
	differences, err := kafka.Ensure(deadline(t), cl, one("t"))
	if err != nil || len(differences) > 0 || withoutLeader > 0 {
		t.Errorf("%v, %d answers left, %v", differences, withoutLeader, err)
	}
}

// The broker that is asked about configurations may be the last one to hear of a new topic.
func TestEnsureWaitsUntilEveryBrokerKnowsTheTopic(t *testing.T) {
	cluster := start(t, local.Options{})
	cl := connect(t, options(t, cluster)...)
	late := cluster.Kafka().Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.DescribeConfigs}, Err: kerr.UnknownTopicOrPartition, Count: 2,
	})
	differences, err := kafka.Ensure(deadline(t), cl, one("t"))
	if err != nil || len(differences) > 0 || late.Hits() != 2 {
		t.Errorf("%v, %d, %v", differences, late.Hits(), err)
	}
}

// between makes two workers create a topic at the same moment, always in this order:
//
//	A: is it there? no
//	A: create →                       (on its way)
//	        B: is it there? no
//	        B: create → made
//	A:        → TOPIC_ALREADY_EXISTS
func between(t *testing.T, cluster *local.Cluster, create func() error) (a, b error) {
	t.Helper()
	first := true
	cluster.Kafka().ControlKey(int16(kmsg.CreateTopics),
		func(kmsg.Request) (kmsg.Response, error, bool) {
			cluster.Kafka().KeepControl()
			if first {
				first = false
				cluster.Kafka().SleepControl(func() { b = create() })
			}
			return nil, nil, false
		})
	a = create()
	if first {
		t.Error("nobody made a topic")
	}
	return a, b
}

// Design §2, no. 11.
func TestTwoWorkersMakeATopic_reproduction(t *testing.T) {
	cluster := start(t, local.Options{})
	config, err := kafka.Settings{Brokers: cluster.Brokers()}.Sarama()
	if err != nil {
		t.Fatal(err)
	}
	a, b := between(t, cluster, func() error {
		managed := goka.NewTopicManagerConfig()
		managed.Table.Replication = 1
		managed.CreateTopicTimeout = 0 // only the race matters, not Goka's wait afterwards
		manager, err := goka.NewTopicManager(cluster.Brokers(), config, managed)
		if err != nil {
			return err
		}
		return errors.Join(manager.EnsureTableExists("t", 3), manager.Close())
	})
	if b != nil {
		t.Errorf("the winner: %v", b)
	}
	if a == nil || !strings.Contains(a.Error(), "already exists") {
		t.Errorf("the loser: %v; Goka's topic manager takes it now?", a)
	}
}

func TestTwoWorkersMakeATopic_prevention(t *testing.T) {
	ctx := deadline(t)
	cluster := start(t, local.Options{})
	clients := make(chan *kgo.Client, 2)
	for range cap(clients) {
		clients <- connect(t, options(t, cluster)...)
	}
	a, b := between(t, cluster, func() error {
		differences, err := kafka.Ensure(ctx, <-clients, one("t"))
		return errors.Join(err, none(differences))
	})
	if a != nil || b != nil {
		t.Errorf("%v; %v", a, b)
	}
}

func none(differences []kafka.Difference) error {
	if len(differences) > 0 {
		return fmt.Errorf("differences: %v", differences)
	}
	return nil
}

// Many workers on an empty cluster, each with topics of its own and some of everybody's.
func TestManyWorkersMakeTopicsAtOnce(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cluster := start(t, local.Options{Brokers: 3})
	var workers sync.WaitGroup
	for i := range 8 {
		cl := connect(t, options(t, cluster)...)
		specs := []kafka.TopicSpec{
			{Name: "commands", Partitions: 7},
			{Name: "events", Partitions: 7},
			{Name: fmt.Sprintf("own-%d", i), Partitions: 1},
		}
		workers.Go(func() {
			differences, err := kafka.Ensure(ctx, cl, specs)
			if err := errors.Join(err, none(differences)); err != nil {
				t.Errorf("worker %d: %v", i, err)
			}
		})
	}
	workers.Wait()
}

// The loser of a race finds the topic as the winner made it, and says so when that differs.
func TestEnsureTellsWhatTheWinnerMadeDifferently(t *testing.T) {
	ctx := deadline(t)
	cluster := start(t, local.Options{})
	partitions := int32(3)
	var lost []kafka.Difference
	_, winner := between(t, cluster, func() error {
		spec := kafka.TopicSpec{Name: "t", Partitions: partitions}
		partitions++
		differences, err := kafka.Ensure(ctx, connect(t, options(t, cluster)...),
			[]kafka.TopicSpec{spec})
		if spec.Partitions == 3 {
			lost = differences
			return err
		}
		return errors.Join(err, none(differences))
	})
	want := []kafka.Difference{{Topic: "t", Setting: "partitions", Want: "3", Have: "4"}}
	if diff := cmp.Diff(want, lost, cmpopts.EquateEmpty()); diff != "" || winner != nil {
		t.Errorf("%v %s", winner, diff)
	}
}
