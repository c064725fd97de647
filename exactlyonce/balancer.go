package exactlyonce

import (
	"cmp"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"refold/exactlyonce/internal/warm"
	"refold/kafka"
)

// ProtocolName names the way in which members of a group agree on who owns what, in Kafka's group protocol.
// Members also offer "range", in case one of them knows no other.
const ProtocolName = "refold-warm"

// balancer divides partitions by package warm. It is eager: all partitions move at once, those of all
// inputs together. It lives as long as the engine, so that a worker that starts over with new clients still
// claims what it had.
type balancer struct {
	cfg      *Config
	follower Follower
	log      *slog.Logger

	mu       sync.Mutex
	owned    map[string][]int32 // by the last assignment
	standbys []warm.Standby
}

var (
	_ kgo.GroupBalancer           = (*balancer)(nil)
	_ kgo.ConsumerBalancerBalance = (*balancer)(nil)
)

func newBalancer(cfg *Config, log *slog.Logger) *balancer {
	b := &balancer{cfg: cfg, follower: cfg.Follower, log: log}
	if b.follower == nil {
		b.follower = keepsNothing{}
	}
	return b
}

// protocols are what a member offers, the best first. The group takes what all members know.
func (b *balancer) protocols() kgo.GroupOpt {
	plain := kgo.RangeBalancer()
	if len(b.cfg.MemberData) > 0 {
		plain = kafka.TellMembers(plain, b.cfg.MemberData)
	}
	return kgo.Balancers(b, plainRange{plain, b})
}

// plainRange is the range protocol, by which nobody is told to follow.
type plainRange struct {
	kgo.GroupBalancer

	of *balancer
}

// ParseSyncAssignment notes the assignment.
func (p plainRange) ParseSyncAssignment(assignment []byte) (map[string][]int32, error) {
	owned, err := p.GroupBalancer.ParseSyncAssignment(assignment)
	if err == nil {
		p.of.note(owned, nil)
	}
	return owned, err //nolint:wrapcheck // to the client, which asked
}

func (*balancer) ProtocolName() string { return ProtocolName }
func (*balancer) IsCooperative() bool  { return false }

// JoinGroupMetadata tells the group what the member had, and what its local stores hold. The client forgets
// an eager member's assignment before it joins again.
func (b *balancer) JoinGroupMetadata(topics []string, _ map[string][]int32, generation int32) []byte {
	b.mu.Lock()
	owned := b.owned
	b.mu.Unlock()
	meta := kmsg.NewConsumerMemberMetadata()
	meta.Version = 3 // with owned partitions, generation and rack
	meta.Topics, meta.Generation = topics, generation
	for _, topic := range slices.Sorted(maps.Keys(owned)) {
		had := kmsg.NewConsumerMemberMetadataOwnedPartition()
		had.Topic, had.Partitions = topic, owned[topic]
		meta.OwnedPartitions = append(meta.OwnedPartitions, had)
	}
	if b.cfg.Kafka.Rack != "" {
		meta.Rack = &b.cfg.Kafka.Rack
	}
	meta.UserData = kafka.AppendTold(nil, b.cfg.MemberData, warm.EncodeMember(b.self()))
	return meta.AppendTo(nil)
}

// self is what the member says of itself.
func (b *balancer) self() warm.Member {
	m := warm.Member{
		Follows: b.cfg.Follower != nil, Keeps: make(map[string]map[int32]warm.Has),
		Transactions: b.cfg.TransactionalID,
	}
	for _, topic := range b.follower.Topics() {
		m.Keeps[topic] = make(map[int32]warm.Has)
	}
	b.follower.Kept(func(at kafka.TopicPartition, next, behind int64) {
		if kept := m.Keeps[at.Topic]; kept != nil {
			kept[at.Partition] = warm.Has{Next: next, Behind: behind}
		}
	})
	return m
}

// ParseSyncAssignment notes the assignment, and whom the member is to follow.
func (b *balancer) ParseSyncAssignment(assignment []byte) (map[string][]int32, error) {
	var given kmsg.ConsumerMemberAssignment
	owned, err := kgo.ParseConsumerSyncAssignment(assignment)
	if err == nil {
		err = given.ReadFrom(assignment)
	}
	if err != nil {
		return nil, err //nolint:wrapcheck // to the client, which asked
	}
	standbys, err := warm.DecodeStandbys(given.UserData)
	if err != nil {
		b.log.Warn("it is not known which partitions to follow; none are", "error", err)
		standbys = nil
	}
	b.note(owned, standbys)
	return owned, nil
}

func (b *balancer) note(owned map[string][]int32, standbys []warm.Standby) {
	copied := make(map[string][]int32, len(owned))
	for topic, partitions := range owned {
		copied[topic] = slices.Sorted(slices.Values(partitions))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.owned, b.standbys = copied, standbys
}

// told returns what the last assignment has told the member to follow.
func (b *balancer) told() []warm.Standby {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.standbys
}

// MemberBalancer takes part in Kafka's consumer protocol.
func (b *balancer) MemberBalancer(members []kmsg.JoinGroupResponseMember) (
	kgo.GroupMemberBalancer, map[string]struct{}, error,
) {
	consumers, err := kgo.NewConsumerBalancer(b, members)
	topics := consumers.MemberTopics() // nil of nil
	return consumers, topics, err      //nolint:wrapcheck // to the client, which asked
}

// Balance plans what each member has. Members of different subscriptions, or topics of different numbers of
// partitions, are divided by range: a release that reads one more topic is being rolled out, and until it
// is, partitions of the inputs can't be kept together anyway.
func (b *balancer) Balance(c *kgo.ConsumerBalancer, topics map[string]int32) kgo.IntoSyncAssignment {
	members := make([]warm.Member, 0, len(c.Members()))
	alike := true
	c.EachMember(func(joined *kmsg.JoinGroupResponseMember, meta *kmsg.ConsumerMemberMetadata) {
		alike = alike && len(meta.Topics) == len(topics) // all are among topics
		members = append(members, b.member(joined, meta))
	})
	partitions, err := kafka.SamePartitions(topics)
	if err != nil || !alike {
		b.log.Info("the group's topics are divided by range", "subscriptionsAlike", alike, "error", err)
		return byRange(c, topics)
	}
	given := warm.Assign(members, warm.Limits{
		Partitions: int(partitions), Standbys: max(b.cfg.Standbys, 0), AcceptableLag: b.cfg.AcceptableLag,
	})
	plan := make(warmPlan, len(given))
	for i := range given {
		plan[i] = b.assignment(c.Members()[i].MemberID, given[i], topics)
	}
	slices.SortFunc(plan, func(a, b kmsg.SyncGroupRequestGroupAssignment) int {
		return cmp.Compare(a.MemberID, b.MemberID)
	})
	return plan
}

// member reads what a member has told.
func (b *balancer) member(
	joined *kmsg.JoinGroupResponseMember, meta *kmsg.ConsumerMemberMetadata,
) warm.Member {
	m := warm.Member{Generation: meta.Generation}
	if meta.Rack != nil {
		m.Rack = *meta.Rack
	}
	for _, topic := range meta.OwnedPartitions { // of each topic the same
		m.Owned = append(m.Owned, topic.Partitions...)
	}
	slices.Sort(m.Owned)
	m.Owned = slices.Compact(m.Owned)
	_, told := kafka.CutTold(meta.UserData)
	if err := warm.DecodeMember(&m, told); err != nil {
		b.log.Warn("it is not known which partitions a member keeps", "member", joined.MemberID, "error", err)
		m.Follows, m.Keeps = false, nil
	}
	return m
}

// assignment is what a member is told.
func (b *balancer) assignment(
	member string, given warm.Given, topics map[string]int32,
) kmsg.SyncGroupRequestGroupAssignment {
	var assigned kmsg.ConsumerMemberAssignment
	for _, topic := range slices.Sorted(maps.Keys(topics)) {
		if len(given.Owned) > 0 {
			t := kmsg.NewConsumerMemberAssignmentTopic()
			t.Topic, t.Partitions = topic, given.Owned
			assigned.Topics = append(assigned.Topics, t)
		}
	}
	assigned.UserData = warm.EncodeStandbys(given.Standbys)
	told := kmsg.NewSyncGroupRequestGroupAssignment()
	told.MemberID, told.MemberAssignment = member, assigned.AppendTo(nil)
	return told
}

// byRange divides partitions as members do that know nothing else.
func byRange(c *kgo.ConsumerBalancer, topics map[string]int32) kgo.IntoSyncAssignment {
	plain, _, err := kgo.RangeBalancer().MemberBalancer(c.Members())
	if err != nil {
		c.SetError(err)
		return nil
	}
	mayFail, is := plain.(kgo.GroupMemberBalancerOrError)
	if !is {
		return plain.Balance(topics)
	}
	plan, err := mayFail.BalanceOrError(topics)
	c.SetError(err)
	return plan
}

// warmPlan is what all members are told.
type warmPlan []kmsg.SyncGroupRequestGroupAssignment

// IntoSyncAssignment returns the plan.
func (p warmPlan) IntoSyncAssignment() []kmsg.SyncGroupRequestGroupAssignment { return p }
