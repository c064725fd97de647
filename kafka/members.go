package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ErrRebalancing says that a group is being rebalanced: until that is done, brokers do not return what its
// members have told them.
var ErrRebalancing = errors.New("the group is being rebalanced")

// Member is a member of a group, as the group's coordinator knows it.
type Member struct {
	ID       string // the group's name for it, new each time that it joins
	ClientID string
	Host     string
	// Data is what the member has told the group (see TellMembers); nil: nothing.
	Data []byte
	// Told is what the member has told the group's balancer (see AppendTold); nil: nothing.
	Told []byte
	// Partitions are the partitions that it was assigned, by topic.
	Partitions map[string][]int32
	// Given is what the balancer has told the member with its partitions; nil: nothing.
	Given []byte
}

// Members returns the members of a group, in the order of their IDs; none if the group does not exist. While
// the group is being rebalanced the error is ErrRebalancing. It costs one request to the group's coordinator.
func Members(ctx context.Context, admin *kadm.Client, group string) ([]Member, error) {
	groups, err := admin.DescribeGroups(ctx, group)
	if err != nil {
		return nil, fmt.Errorf("describe group %s: %w", group, err)
	}
	described, err := groups.On(group, nil)
	if err = errors.Join(err, described.Err); errors.Is(err, kerr.GroupIDNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("describe group %s: %w", group, err)
	}
	switch described.State {
	case "Stable":
	case "Empty", "Dead":
		return nil, nil
	default:
		return nil, fmt.Errorf("describe group %s: %w (%s)", group, ErrRebalancing, described.State)
	}
	members := make([]Member, 0, len(described.Members))
	for i := range described.Members {
		members = append(members, newMember(&described.Members[i]))
	}
	return members, nil
}

func newMember(described *kadm.DescribedGroupMember) Member {
	m := Member{
		ID: described.MemberID, ClientID: described.ClientID, Host: described.ClientHost,
		Partitions: make(map[string][]int32),
	}
	if told, is := described.Join.AsConsumer(); is {
		m.Data, m.Told = CutTold(told.UserData)
	}
	if assigned, is := described.Assigned.AsConsumer(); is {
		m.Given = assigned.UserData
		for _, t := range assigned.Topics {
			m.Partitions[t.Topic] = t.Partitions
		}
	}
	return m
}

// TellMembers returns a balancer that works as b does and tells the group data: Members returns it. b must be
// one of the balancers of Kafka's consumer protocol, as franz-go's are.
func TellMembers(b kgo.GroupBalancer, data []byte) kgo.GroupBalancer { return tellingBalancer{b, data} }

type tellingBalancer struct {
	kgo.GroupBalancer
	data []byte
}

// JoinGroupMetadata adds the data to what the balancer itself tells.
func (t tellingBalancer) JoinGroupMetadata(
	topics []string, assigned map[string][]int32, generation int32,
) []byte {
	told := t.GroupBalancer.JoinGroupMetadata(topics, assigned, generation)
	var meta kmsg.ConsumerMemberMetadata
	if err := meta.ReadFrom(told); err != nil {
		return told // not of this form, which none of franz-go's balancers returns
	}
	meta.UserData = t.data
	return meta.AppendTo(nil)
}
