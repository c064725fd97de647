package exactlyonce

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"refold/kafka"
)

// holder is a Follower that has so much of each of four partitions of the table.
type holder struct {
	keepsNothing

	next int64
}

func (holder) Topics() []string { return []string{"table"} }

func (h holder) Kept(each func(at kafka.TopicPartition, next, behind int64)) {
	for p := range int32(4) {
		each(kafka.TopicPartition{Topic: "table", Partition: p}, h.next, 0)
	}
}

// member is a balancer that takes part in a group without brokers.
type member struct {
	*balancer

	name   string
	topics []string
	told   []byte // in place of what it would tell
	owned  map[string][]int32
}

func newMember(name string, next int64, topics ...string) *member {
	cfg := Config{Follower: holder{next: next}, MemberData: []byte(name)}.WithDefaults()
	return &member{
		balancer: newBalancer(&cfg, slog.New(slog.DiscardHandler)), name: name, topics: topics,
	}
}

// rebalance has the first member divide topics of four partitions among all.
func rebalance(t *testing.T, generation int32, members ...*member) {
	t.Helper()
	joined := make([]kmsg.JoinGroupResponseMember, len(members))
	counts := make(map[string]int32)
	for i, m := range members {
		joined[i] = kmsg.NewJoinGroupResponseMember()
		joined[i].MemberID = m.name
		joined[i].ProtocolMetadata = m.JoinGroupMetadata(m.topics, nil, generation)
		if m.told != nil {
			var meta kmsg.ConsumerMemberMetadata
			if err := meta.ReadFrom(joined[i].ProtocolMetadata); err != nil {
				t.Fatal(err)
			}
			meta.UserData = m.told
			joined[i].ProtocolMetadata = meta.AppendTo(nil)
		}
		for _, topic := range m.topics {
			counts[topic] = 4
		}
	}
	leader, topics, err := members[0].MemberBalancer(joined)
	if err != nil || len(topics) != len(counts) {
		t.Fatalf("topics %v, %v", topics, err)
	}
	mayFail, _ := leader.(kgo.GroupMemberBalancerOrError)
	plan, err := mayFail.BalanceOrError(counts)
	if err != nil {
		t.Fatal(err)
	}
	for _, told := range plan.IntoSyncAssignment() {
		i := slices.IndexFunc(members, func(m *member) bool { return m.name == told.MemberID })
		if members[i].owned, err = members[i].ParseSyncAssignment(told.MemberAssignment); err != nil {
			t.Fatal(err)
		}
	}
}

func (m *member) expect(t *testing.T, owned string, followed string) {
	t.Helper()
	if got := fmt.Sprint(m.owned); got != owned {
		t.Errorf("%s owns %s; want %s", m.name, got, owned)
	}
	if got := fmt.Sprint(m.balancer.told()); got != followed {
		t.Errorf("%s follows %s; want %s", m.name, got, followed)
	}
}

// The leader gets the data of all members, and each member gets its part of the plan. Partitions of all
// topics go together, and stay where they are although the client forgets them.
func TestBalancer(t *testing.T) {
	a, b := newMember("a", 50_000, "in", "loop"), newMember("b", 0, "in", "loop")
	rebalance(t, 1, a)
	a.expect(t, "map[in:[0 1 2 3] loop:[0 1 2 3]]", "[]")
	rebalance(t, 2, a, b)
	a.expect(t, "map[in:[0 1 2 3] loop:[0 1 2 3]]", "[]")
	b.expect(t, "map[]", "[{0 false} {1 true} {2 false} {3 true}]")
	b.follower = holder{next: 45_000}
	rebalance(t, 3, b, a)
	a.expect(t, "map[in:[0 2] loop:[0 2]]", "[{1 false} {3 false}]")
	b.expect(t, "map[in:[1 3] loop:[1 3]]", "[{0 false} {2 false}]")
	rebalance(t, 4, a, b)
	a.expect(t, "map[in:[0 2] loop:[0 2]]", "[{1 false} {3 false}]")
}

// A release that reads one more topic is rolled out: each topic is divided among the members that read it.
func TestBalancer_differentTopics(t *testing.T) {
	a, b := newMember("a", 50_000, "in"), newMember("b", 0, "in", "more")
	rebalance(t, 1, a, b)
	a.expect(t, "map[in:[0 1]]", "[]")
	b.expect(t, "map[in:[2 3] more:[0 1 2 3]]", "[]")
}

// A member that tells what can't be read has its share, and follows nothing; nor does one that is told what
// it can't read.
func TestBalancer_damage(t *testing.T) {
	a, b := newMember("a", 50_000, "in"), newMember("b", 0, "in")
	b.told = kafka.AppendTold(nil, []byte("b"), []byte{0xff})
	rebalance(t, 1, a, b)
	if len(a.owned["in"]) != 2 || len(b.owned["in"]) != 2 || len(b.balancer.told()) > 0 {
		t.Errorf("a has %v; b has %v and follows %v", a.owned, b.owned, b.balancer.told())
	}
	given := kmsg.ConsumerMemberAssignment{UserData: []byte{0xff, 0xff}}
	owned, err := a.ParseSyncAssignment(given.AppendTo(nil))
	if err != nil || len(owned) > 0 || len(a.balancer.told()) > 0 {
		t.Errorf("it has %v, %v, and follows %v", owned, err, a.balancer.told())
	}
	if _, err := a.ParseSyncAssignment([]byte{0}); err == nil {
		t.Error("half an assignment is taken for one")
	}
}
