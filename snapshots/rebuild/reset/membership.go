package reset

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"refold/kafka"
)

// Mark is the offset of a group whose table is being reset. No topic is that long, so a worker that finds it
// ends.
const Mark int64 = math.MaxInt64 / 2

// markNote is the metadata of the mark, for people who look at the group's offsets.
const markNote = "its table is being reset: run the reset again"

// ErrMembers says that the group has other members.
var ErrMembers = errors.New("the group has members")

// Membership is the membership of a group that keeps workers out of it.
type Membership struct {
	group  string
	client *kgo.Client
	lost   context.Context //nolint:containedctx // a signal: it ends with the seat
	cancel context.CancelCauseFunc
}

// protocol is an assignment protocol that no worker has.
type protocol struct{ kgo.GroupBalancer }

func (protocol) ProtocolName() string { return "refold-reset" }

// joinPatience limits the wait for the group: a rebalance of one member takes seconds at most.
const joinPatience = 30 * time.Second

// ErrMembershipLost says that the membership has ended: workers may have joined.
var ErrMembershipLost = errors.New("the group was lost: workers may have joined")

// Join joins a group that consumes the topics, as its only member. The error is ErrMembers if it has others.
// Leave it.
func Join(ctx context.Context, settings kafka.Settings, group string, topics ...string) (*Membership, error) {
	m := &Membership{group: group}
	m.lost, m.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	joined := make(chan error, 1)
	tell := func(err error) {
		select {
		case joined <- err:
		default:
		}
	}
	gone := func(context.Context, *kgo.Client, map[string][]int32) { m.cancel(ErrMembershipLost) }
	var err error
	m.client, err = settings.Client(
		kgo.ConsumerGroup(group), kgo.ConsumeTopics(topics...), kgo.DisableAutoCommit(),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.Balancers(protocol{kgo.RangeBalancer()}), kgo.WithHooks(refusals(tell)),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { tell(nil) }),
		kgo.OnPartitionsLost(gone), kgo.OnPartitionsRevoked(gone))
	if err != nil {
		return nil, err
	}
	m.client.PauseFetchTopics(topics...) // nothing is ever read
	ctx, cancel := context.WithTimeout(ctx, joinPatience)
	defer cancel()
	select {
	case err = <-joined:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		m.Leave()
		return nil, fmt.Errorf("take the group %s: %w", group, err)
	}
	return m, nil
}

// refusals reports that workers are in the group.
type refusals func(error)

var _ kgo.HookGroupManageError = refusals(nil)

// OnGroupManageError gets the errors of joining.
func (r refusals) OnGroupManageError(err error) {
	if errors.Is(err, kerr.InconsistentGroupProtocol) {
		r(ErrMembers)
	}
}

// Held returns a context that ends when ctx does, or when the membership is lost: its cause is then
// ErrMembershipLost.
func (m *Membership) Held(ctx context.Context) (context.Context, context.CancelFunc) {
	held, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(m.lost, func() { cancel(context.Cause(m.lost)) })
	return held, func() {
		stop()
		cancel(nil)
	}
}

// MarkAll sets the group's offsets of these partitions to Mark.
func (m *Membership) MarkAll(ctx context.Context, topic string, partitions []int32) error {
	marks := make(map[int32]int64, len(partitions))
	for _, p := range partitions {
		marks[p] = Mark
	}
	return m.commit(ctx, topic, marks, markNote)
}

// Commit sets the group's offsets. The broker accepts them from the member alone.
func (m *Membership) Commit(ctx context.Context, topic string, offsets map[int32]int64) error {
	return m.commit(ctx, topic, offsets, "")
}

func (m *Membership) commit(
	ctx context.Context, topic string, offsets map[int32]int64, note string,
) error {
	if err := context.Cause(m.lost); err != nil {
		return err
	}
	request := kmsg.NewPtrOffsetCommitRequest()
	request.Group = m.group
	request.MemberID, request.Generation = m.client.GroupMetadata()
	of := kmsg.NewOffsetCommitRequestTopic()
	of.Topic = topic
	var err error
	if of.TopicID, err = m.topicID(ctx, topic); err != nil {
		return err
	}
	for _, partition := range slices.Sorted(maps.Keys(offsets)) {
		p := kmsg.NewOffsetCommitRequestTopicPartition()
		p.Partition, p.Offset, p.Metadata = partition, offsets[partition], kmsg.StringPtr(note)
		of.Partitions = append(of.Partitions, p)
	}
	request.Topics = append(request.Topics, of)
	response, err := request.RequestWith(ctx, m.client)
	if err != nil {
		return fmt.Errorf("commit offsets of group %s: %w", m.group, err)
	}
	left := len(offsets)
	for _, t := range response.Topics {
		for _, p := range t.Partitions {
			left--
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return fmt.Errorf("commit the offset of %s/%d of group %s: %w", topic, p.Partition,
					m.group, err)
			}
		}
	}
	if left > 0 {
		return fmt.Errorf("commit offsets of %s of group %s: %w", topic, m.group, errLeftOut)
	}
	return nil
}

// errLeftOut says that an answer leaves partitions out: it is not known whether they are committed.
var errLeftOut = errors.New("the answer leaves partitions out")

// topicID returns the ID by which newer brokers identify a topic in a commit.
func (m *Membership) topicID(ctx context.Context, topic string) ([16]byte, error) {
	described, err := kadm.NewClient(m.client).ListTopics(ctx, topic)
	if err == nil {
		err = described.Error()
	}
	if err != nil {
		return [16]byte{}, fmt.Errorf("ask for the ID of topic %s: %w", topic, err)
	}
	return described[topic].ID, nil
}

// leaveTimeout limits leaving: the group notices by itself, after the session time-out.
const leaveTimeout = 3 * time.Second

// Leave leaves the group.
func (m *Membership) Leave() {
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	_ = m.client.LeaveGroupContext(ctx) // otherwise the next member waits for the session time-out
	m.client.Close()
	m.cancel(ErrMembershipLost)
}
