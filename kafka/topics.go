package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// ensureTimeout limits Ensure: a controller answers in milliseconds, a change of controller
	// takes seconds.
	ensureTimeout = time.Minute

	// ensurePollInterval is the time between two checks whether new topics have leaders.
	ensurePollInterval = 20 * time.Millisecond
)

// TopicSpec is a topic as it should be.
type TopicSpec struct {
	Name       string
	Partitions int32
	// ReplicationFactor is the number of replicas of each partition; 0 leaves it to the brokers'
	// default.
	ReplicationFactor int16
	// Config holds topic configurations, by the names Kafka gives them. Those not named here may
	// be anything.
	Config map[string]string
}

// What Difference.Setting may be, apart from "config." and a configuration's name.
const (
	SettingTopic             = "topic" // it is missing
	SettingPartitions        = "partitions"
	SettingReplicationFactor = "replicationFactor"
)

// Difference is one way in which a topic differs from its TopicSpec.
type Difference struct {
	Topic   string
	Setting string // one of the Setting constants, or "config." and the configuration's name
	Want    string
	Have    string
}

// Missing reports whether the whole topic is not there.
func (d Difference) Missing() bool { return d.Setting == SettingTopic }

// String returns the difference in one line.
func (d Difference) String() string {
	return fmt.Sprintf("%s: %s is %s, should be %s", d.Topic, d.Setting, d.Have, d.Want)
}

// Plan compares topics with their specifications and returns every difference: missing topics, partitions,
// replication factor, and each configuration that a specification names. It changes nothing. The differences
// are in the order of specs, and in a fixed order within a topic. It costs two requests, whatever the number
// of topics.
func Plan(ctx context.Context, cl *kgo.Client, specs []TopicSpec) ([]Difference, error) {
	if err := checkSpecs(specs); err != nil {
		return nil, err
	}
	topics, err := look(ctx, cl, specs)
	if err != nil {
		return nil, err
	}
	var present []string
	for _, spec := range specs {
		if !missing(topics[spec.Name]) {
			present = append(present, spec.Name)
		}
	}
	configs, err := describeConfigs(ctx, cl, present)
	if err != nil {
		return nil, err
	}
	var all []Difference
	for _, spec := range specs {
		all = append(all, spec.compare(topics[spec.Name], configs[spec.Name])...)
	}
	return all, nil
}

// Ensure makes the topics that are missing and waits until each of them has leaders. It never alters a topic
// that exists; it returns how that topic differs, and the caller decides whether to go on with it. Any number
// of processes may call it at the same moment on an empty cluster: each topic is made once, and none of the
// processes fails. It gives up after a minute, or when ctx ends.
func Ensure(ctx context.Context, cl *kgo.Client, specs []TopicSpec) ([]Difference, error) {
	if err := checkSpecs(specs); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, ensureTimeout)
	defer cancel()
	topics, err := look(ctx, cl, specs)
	if err != nil {
		return nil, err
	}
	for _, spec := range specs {
		if !missing(topics[spec.Name]) {
			continue
		}
		if err := create(ctx, cl, spec); err != nil {
			return nil, err
		}
	}
	if err := waitForLeaders(ctx, cl, specs); err != nil {
		return nil, err
	}
	return planWhenKnown(ctx, cl, specs)
}

// checkSpecs reports every mistake in specs.
func checkSpecs(specs []TopicSpec) error {
	var errs []error
	seen := make(map[string]bool, len(specs))
	for _, spec := range specs {
		switch {
		case spec.Name == "":
			errs = append(errs, errors.New("topic without a name"))
		case seen[spec.Name]:
			errs = append(errs, fmt.Errorf("topic %s: specified twice", spec.Name))
		case spec.Partitions < 1:
			errs = append(errs, fmt.Errorf("topic %s: %d partitions, at least 1 is allowed",
				spec.Name, spec.Partitions))
		case spec.ReplicationFactor < 0:
			errs = append(errs, fmt.Errorf("topic %s: replication factor %d, at least 0 is allowed",
				spec.Name, spec.ReplicationFactor))
		}
		seen[spec.Name] = true
	}
	return errors.Join(errs...)
}

// look returns each topic's metadata. That a topic is missing, or has no leader yet, is no error.
func look(ctx context.Context, cl *kgo.Client, specs []TopicSpec) (topicMetadata, error) {
	names := make([]string, len(specs))
	for i, spec := range specs {
		names[i] = spec.Name
	}
	topics, err := describe(ctx, cl, names...)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		err := kerr.ErrorForCode(topics[name].ErrorCode)
		if err != nil && !missing(topics[name]) && !kerr.IsRetriable(err) {
			return nil, fmt.Errorf("asking for metadata: topic %s: %w", name, err)
		}
	}
	return topics, nil
}

// missing reports whether there is no such topic.
func missing(topic kmsg.MetadataResponseTopic) bool {
	return topic.ErrorCode == kerr.UnknownTopicOrPartition.Code
}

func describeConfigs(
	ctx context.Context, cl *kgo.Client, names []string,
) (map[string]map[string]string, error) {
	if len(names) == 0 {
		return nil, nil
	}
	resources, err := kadm.NewClient(cl).DescribeTopicConfigs(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("describing topic configurations: %w", err)
	}
	configs := make(map[string]map[string]string, len(resources))
	for _, resource := range resources {
		if resource.Err != nil {
			return nil, fmt.Errorf("describing the configuration of topic %s: %w", resource.Name,
				resource.Err)
		}
		values := make(map[string]string, len(resource.Configs))
		for _, config := range resource.Configs {
			values[config.Key] = config.MaybeValue()
		}
		configs[resource.Name] = values
	}
	return configs, nil
}

// compare returns how a topic differs from its specification.
func (s TopicSpec) compare(have kmsg.MetadataResponseTopic, config map[string]string) []Difference {
	if missing(have) {
		return []Difference{
			{Topic: s.Name, Setting: SettingTopic, Want: "present", Have: "missing"},
		}
	}
	var all []Difference
	compare := func(setting, want, have string) {
		if want != have {
			all = append(all, Difference{Topic: s.Name, Setting: setting, Want: want, Have: have})
		}
	}
	compare(SettingPartitions, strconv.Itoa(int(s.Partitions)), strconv.Itoa(len(have.Partitions)))
	if s.ReplicationFactor > 0 {
		compare(SettingReplicationFactor, strconv.Itoa(int(s.ReplicationFactor)),
			strconv.Itoa(fewestReplicas(have.Partitions)))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Config)) {
		value, ok := config[name]
		if !ok {
			value = "unknown to the broker"
		}
		compare("config."+name, s.Config[name], value)
	}
	return all
}

// fewestReplicas returns the least number of replicas that a partition of the topic has.
func fewestReplicas(partitions []kmsg.MetadataResponseTopicPartition) int {
	fewest := 0
	for _, partition := range partitions {
		if n := len(partition.Replicas); fewest == 0 || n < fewest {
			fewest = n
		}
	}
	return fewest
}

// create makes one topic. That another process made it a moment ago is success:
//
//	A: is it there? no        B: is it there? no
//	A: create → made
//	                          B: create → TOPIC_ALREADY_EXISTS
//
// A client's own retry after a lost answer ends the same way.
func create(ctx context.Context, cl *kgo.Client, spec TopicSpec) error {
	factor := spec.ReplicationFactor
	if factor == 0 {
		factor = -1 // in the protocol: the brokers' default
	}
	config := make(map[string]*string, len(spec.Config))
	for name, value := range spec.Config {
		config[name] = kadm.StringPtr(value)
	}
	response, err := kadm.NewClient(cl).CreateTopic(ctx, spec.Partitions, factor, config,
		spec.Name)
	if err == nil || errors.Is(err, kerr.TopicAlreadyExists) {
		return nil
	}
	if response.ErrMessage != "" {
		return fmt.Errorf("creating topic %s: %w: %s", spec.Name, err, response.ErrMessage)
	}
	return fmt.Errorf("creating topic %s: %w", spec.Name, err)
}

// waitForLeaders returns when every topic exists and each of its partitions has a leader: only then can it be
// written to without an error.
func waitForLeaders(ctx context.Context, cl *kgo.Client, specs []TopicSpec) error {
	for {
		topics, err := look(ctx, cl, specs)
		if err != nil {
			return err
		}
		waiting := withoutLeader(topics, specs)
		if waiting == "" {
			return nil
		}
		if !Sleep(ctx, ensurePollInterval) {
			return fmt.Errorf("waiting for a leader of topic %s: %w", waiting, ctx.Err())
		}
	}
}

// planWhenKnown is Plan for topics that are known to exist: the broker that is asked for a configuration may
// be the last one to learn about a new topic.
func planWhenKnown(
	ctx context.Context, cl *kgo.Client, specs []TopicSpec,
) ([]Difference, error) {
	for {
		differences, err := Plan(ctx, cl, specs)
		unheard := errors.Is(err, kerr.UnknownTopicOrPartition) ||
			slices.ContainsFunc(differences, Difference.Missing)
		if !unheard {
			return differences, err
		}
		if !Sleep(ctx, ensurePollInterval) {
			return nil, fmt.Errorf("waiting until every broker knows the topics: %w", ctx.Err())
		}
	}
}

// withoutLeader returns the name of a topic that can't be written to yet, "" if there is none.
func withoutLeader(topics topicMetadata, specs []TopicSpec) string {
	for _, spec := range specs {
		topic := topics[spec.Name]
		if topic.ErrorCode != 0 || len(topic.Partitions) == 0 {
			return spec.Name
		}
		for _, partition := range topic.Partitions {
			if partition.Leader < 0 || partition.ErrorCode == kerr.LeaderNotAvailable.Code {
				return spec.Name
			}
		}
	}
	return ""
}
