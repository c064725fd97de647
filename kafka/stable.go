package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// stablePause is the pause between two requests for stable offsets: about as long as a broker takes to write
// a transaction's markers.
const stablePause = 10 * time.Millisecond

// WaitStable waits until no open transaction holds offsets of these partitions, by topic, for a group. ids
// are the topics' IDs. A table must be restored, and the group's offsets be compared with its inputs, only
// after that. This is the race that it prevents:
//
//	worker A dies while its transaction is being ended
//	worker B is given the partition and restores the table up to its end
//	the broker decides to commit A's transaction
//	B fetches the offset: it is the one after A's batch, but B lacks A's rows
//
// B would compute from the rows before. A store that reads committed rows up to the high watermark also waits
// for that decision; the stores of a caller may not.
func WaitStable(
	ctx context.Context, cl *kgo.Client, group string, ids map[string][16]byte,
	partitions map[string][]int32,
) error {
	if len(partitions) == 0 {
		return nil
	}
	req := offsetRequest(group, ids, partitions)
	req.RequireStable = true
	for {
		resp, err := req.RequestWith(ctx, cl)
		if err == nil {
			err = stableError(resp)
		}
		if err == nil {
			return nil
		}
		if !errors.Is(err, kerr.UnstableOffsetCommit) {
			return fmt.Errorf("wait for stable offsets: %w", err)
		}
		if !Sleep(ctx, stablePause) {
			return fmt.Errorf("wait for stable offsets: %w", ctx.Err())
		}
	}
}

// CommittedMetadata returns what is kept with the offsets that a group has committed in these partitions, by
// topic, each text once, in order. ids are the topics' IDs. It costs one request. Offsets of open
// transactions are not there yet.
func CommittedMetadata(
	ctx context.Context, cl *kgo.Client, group string, ids map[string][16]byte,
	partitions map[string][]int32,
) ([]string, error) {
	if len(partitions) == 0 {
		return nil, nil
	}
	resp, err := offsetRequest(group, ids, partitions).RequestWith(ctx, cl)
	if err == nil {
		err = stableError(resp)
	}
	if err != nil {
		return nil, fmt.Errorf("fetch the metadata of offsets: %w", err)
	}
	var all []string
	note := func(metadata *string) {
		if metadata != nil && *metadata != "" {
			all = append(all, *metadata)
		}
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			note(p.Metadata)
		}
	}
	for _, g := range resp.Groups {
		for _, t := range g.Topics {
			for _, p := range t.Partitions {
				note(p.Metadata)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// offsetRequest fills both forms of the request, that of one group and, from version 8 on, that of several:
// the client sends the one that the broker understands.
func offsetRequest(
	group string, ids map[string][16]byte, partitions map[string][]int32,
) *kmsg.OffsetFetchRequest {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Group = group
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = group
	for topic, list := range partitions {
		t := kmsg.NewOffsetFetchRequestTopic()
		t.Topic, t.Partitions = topic, list
		req.Topics = append(req.Topics, t)
		gt := kmsg.NewOffsetFetchRequestGroupTopic()
		gt.Topic, gt.TopicID, gt.Partitions = topic, ids[topic], list
		g.Topics = append(g.Topics, gt)
	}
	req.Groups = append(req.Groups, g)
	return req
}

// stableError returns the worst error of an answer: any other one outranks "unstable".
func stableError(resp *kmsg.OffsetFetchResponse) error {
	var worst error
	note := func(code int16) {
		err := kerr.ErrorForCode(code)
		if err != nil && (worst == nil || errors.Is(worst, kerr.UnstableOffsetCommit)) {
			worst = err
		}
	}
	note(resp.ErrorCode)
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			note(p.ErrorCode)
		}
	}
	for _, g := range resp.Groups {
		note(g.ErrorCode)
		for _, t := range g.Topics {
			for _, p := range t.Partitions {
				note(p.ErrorCode)
			}
		}
	}
	return worst
}
