package operator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"refold/kafka"
)

// Lag is how far a group is behind in a partition.
type Lag struct {
	Topic     string
	Partition int32
	// Next is the offset that the group takes next, End that behind the last committed record.
	Next, End int64
	// Records is how many offsets there are between. It is 0 if all that is there are markers of
	// transactions, as far as that was looked at.
	Records int64
	// Oldest is when the oldest record was written that waits; zero: none does, or it was not looked at.
	Oldest time.Time
	// Unknown is why the rest is not known; nil: it is.
	Unknown error
}

// Lags returns how far groups are behind in topics, by group: topics has those of each. It costs a request
// for each group and three for all topics. Partitions that lag are looked into, the furthest behind first, at
// most so many as maxLookedAt says, for at most lookFor.
func Lags(
	ctx context.Context, settings kafka.Settings, client *kgo.Client, topics map[string][]string,
) (map[string][]Lag, error) {
	admin := kadm.NewClient(client)
	var all []string
	groups := make([]string, 0, len(topics))
	for group, of := range topics {
		groups, all = append(groups, group), append(all, of...)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	ends, err := admin.ListCommittedOffsets(ctx, all...)
	if err != nil {
		return nil, fmt.Errorf("ask where topics end: %w", err)
	}
	starts, err := admin.ListStartOffsets(ctx, all...)
	if err != nil {
		return nil, fmt.Errorf("ask where topics begin: %w", err)
	}
	commits := admin.FetchManyOffsets(ctx, groups...)
	lags := make(map[string][]Lag, len(topics))
	for group, of := range topics {
		committed := commits[group]
		for _, topic := range of {
			lags[group] = append(lags[group], lagsIn(topic, starts, ends, committed)...)
		}
		slices.SortFunc(lags[group], func(a, b Lag) int {
			return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
		})
	}
	return lags, lookAt(ctx, settings, lags)
}

// lagsIn returns the lag of a group in a topic.
func lagsIn(
	topic string, starts, ends kadm.ListedOffsets, committed kadm.FetchOffsetsResponse,
) (lags []Lag) {
	for partition, end := range ends[topic] {
		lag := Lag{Topic: topic, Partition: partition, End: end.Offset, Unknown: end.Err}
		if lag.Unknown == nil && !errors.Is(committed.Err, kerr.GroupIDNotFound) {
			lag.Unknown = committed.Err
		}
		if start, has := starts.Lookup(topic, partition); has && start.Err == nil {
			lag.Next = start.Offset
		}
		if at, has := committed.Fetched.Lookup(topic, partition); has && at.At >= 0 {
			lag.Next = max(lag.Next, at.At)
		}
		lag.Records = max(0, lag.End-lag.Next)
		lags = append(lags, lag)
	}
	return lags
}

// The limits of looking into partitions.
const (
	maxLookedAt    = 64
	lookAtOnce     = 16
	lookFor        = 500 * time.Millisecond
	lookFetchBytes = 16 << 10
)

// lookAt finds out how old the oldest records are that wait, and whether any do: a partition may end in
// markers of transactions. What is not found out in time is left as it is.
func lookAt(ctx context.Context, settings kafka.Settings, lags map[string][]Lag) error {
	var behind []*Lag
	for _, of := range lags {
		for i := range of {
			if of[i].Records > 0 && of[i].Unknown == nil {
				behind = append(behind, &of[i])
			}
		}
	}
	slices.SortFunc(behind, func(a, b *Lag) int { return cmp.Compare(b.Records, a.Records) })
	behind = behind[:min(len(behind), maxLookedAt)]
	if len(behind) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	client, err := settings.Client(kgo.FetchMaxPartitionBytes(lookFetchBytes))
	if err != nil {
		return err
	}
	defer client.Close()
	// Groups may have the same topic at different offsets, so that one consumer of all would not do.
	looking := new(errgroup.Group)
	looking.SetLimit(lookAtOnce)
	for _, lag := range behind {
		looking.Go(func() error {
			_ = lag.look(ctx, client) // what is not found out is not shown
			return nil
		})
	}
	return looking.Wait() //nolint:wrapcheck // none returns an error
}

// errFound and errNothing end the reading of a partition: with a record, or where only markers were.
var (
	errFound   = errors.New("found")
	errNothing = errors.New("nothing")
)

// look finds the oldest record that waits in a partition.
func (l *Lag) look(ctx context.Context, client *kgo.Client) error {
	var oldest time.Time
	_, err := kafka.ReadPartitionBy(ctx, client, kafka.Range{
		Topic: l.Topic, Partition: l.Partition, From: l.Next, FetchBytes: lookFetchBytes,
	}, func(records []*kgo.Record, at kafka.Progress) error {
		switch {
		case len(records) > 0:
			oldest = records[0].Timestamp
			return errFound
		case at.Next >= l.End:
			return errNothing // behind it may be an open transaction, which would be waited for
		}
		return nil
	})
	switch {
	case errors.Is(err, errFound):
		l.Oldest = oldest
		return nil
	case errors.Is(err, errNothing):
		l.Records = 0
		return nil
	}
	return err
}
