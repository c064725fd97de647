package reactions

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"refold/kafka"
)

// errNoStart says that partitions have no offsets, and that they can't be given any now.
var errNoStart = errors.New("partitions have no offsets to begin at")

// begin commits the offsets to begin at for all partitions that have none. Without that, what happens between
// the first start of a reaction and its first commit would be lost to one that begins with the newest event.
//
// Brokers take offsets from outside a group only while it has no members. So if they refuse them, another
// member is there, which has done the same before it joined.
func (r *Runner) begin(ctx context.Context) error {
	if r.o.Fit != nil {
		if err := r.o.Fit(ctx, r.events, r.replay); err != nil {
			return err
		}
	}
	client, err := r.o.Kafka.Client() // of no member
	if err != nil {
		return err //nolint:wrapcheck // it says what is wrong with the settings
	}
	defer client.Close()
	if _, err := kafka.Partitions(ctx, client, r.events, r.replay); err != nil {
		return fmt.Errorf("ask for the topics of the reaction: %w", err)
	}
	admin := kadm.NewClient(client)
	missing, err := r.missing(ctx, admin)
	if err != nil || len(missing) == 0 {
		return err
	}
	committed, err := admin.CommitOffsets(ctx, r.group, missing)
	if err == nil {
		err = committed.Error()
	}
	if err == nil {
		r.log.Info("the reaction begins", "offsets", len(missing[r.events]), "topic", r.events)
		return nil
	}
	if !errors.Is(err, kerr.UnknownMemberID) && !errors.Is(err, kerr.IllegalGeneration) &&
		!errors.Is(err, kerr.RebalanceInProgress) {
		return fmt.Errorf("commit the offsets to begin at: %w", err)
	}
	if missing, err = r.missing(ctx, admin); err == nil && len(missing) > 0 {
		err = fmt.Errorf("%w: the group %s has members, and lacks those of %v; stop all of them", errNoStart,
			r.group, missing)
	}
	return err
}

// missing returns the offsets to begin at of partitions for which none are committed.
func (r *Runner) missing(ctx context.Context, admin *kadm.Client) (kadm.Offsets, error) {
	committed, err := admin.FetchOffsets(ctx, r.group)
	if err == nil {
		err = committed.Error()
	}
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return nil, fmt.Errorf("ask for the offsets of %s: %w", r.group, err)
	}
	events, err := r.first(ctx, admin)
	if err != nil {
		return nil, err
	}
	replays, err := listed(admin.ListStartOffsets(ctx, r.replay))
	if err != nil {
		return nil, err
	}
	missing := make(kadm.Offsets)
	for _, at := range []kadm.ListedOffsets{events, replays} {
		at.Each(func(o kadm.ListedOffset) {
			if was, has := committed.Lookup(o.Topic, o.Partition); !has || was.At < 0 {
				missing.Add(kadm.Offset{
					Topic: o.Topic, Partition: o.Partition, At: max(o.Offset, 0), LeaderEpoch: -1,
				})
			}
		})
	}
	return missing, nil
}

// first returns where the events begin that the reaction takes at its first start.
func (r *Runner) first(ctx context.Context, admin *kadm.Client) (kadm.ListedOffsets, error) {
	switch {
	case r.reaction.StartAtOldest:
		return listed(admin.ListStartOffsets(ctx, r.events))
	case !r.reaction.StartAt.IsZero():
		return listed(admin.ListOffsetsAfterMilli(ctx, r.reaction.StartAt.UnixMilli(), r.events))
	default:
		return listed(admin.ListEndOffsets(ctx, r.events))
	}
}

func listed(offsets kadm.ListedOffsets, err error) (kadm.ListedOffsets, error) {
	if err == nil {
		err = offsets.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("ask where topics begin and end: %w", err)
	}
	return offsets, nil
}
