package exactlyonce

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ErrRebalancing says that a group is being rebalanced: until that is done, brokers don't tell what
// its members have said of themselves.
var ErrRebalancing = errors.New("the group is being rebalanced")

// Member is a worker of a group, as the group's coordinator knows it.
type Member struct {
	ID       string // the group's name for it, new each time that it joins
	ClientID string
	Host     string
	// Data is its Config.MemberData; nil: it has told none.
	Data []byte
	// Partitions are the inputs that it has, by topic.
	Partitions map[string][]int32
}

// Members asks for the members of a group, in the order of their IDs; of a group that does not exist
// there are none. While the group is being rebalanced the error is ErrRebalancing. It costs one
// request to the group's coordinator.
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
		m.Data = told.UserData
	}
	if assigned, is := described.Assigned.AsConsumer(); is {
		for _, t := range assigned.Topics {
			m.Partitions[t.Topic] = t.Partitions
		}
	}
	return m
}

// telling is a balancer whose members tell the group something.
type telling struct {
	kgo.GroupBalancer
	data []byte
}

// JoinGroupMetadata adds what there is to tell to what the balancer itself has to.
func (t telling) JoinGroupMetadata(
	topics []string, assigned map[string][]int32, generation int32,
) []byte {
	told := t.GroupBalancer.JoinGroupMetadata(topics, assigned, generation)
	var meta kmsg.ConsumerMemberMetadata
	if err := meta.ReadFrom(told); err != nil {
		return told // not of this form, and never so with the balancers that are used here
	}
	meta.UserData = t.data
	return meta.AppendTo(nil)
}

// balancer is the group's: eager, all partitions move at once, those of the inputs together
// (copartitioned).
func (c Config) balancer() kgo.GroupBalancer {
	if len(c.MemberData) == 0 {
		return kgo.RangeBalancer()
	}
	return telling{kgo.RangeBalancer(), c.MemberData}
}
