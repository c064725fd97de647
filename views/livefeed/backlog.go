package livefeed

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/client/wire"
)

// log is what a broker has of a partition: from start to below end, its last stable offset. What
// lies behind is not visible yet, so that a listener that begins at end gets all that becomes visible.
type log struct{ start, end int64 }

// catchUp moves the listener to where it can go on: to the end if it is nowhere yet or too far
// behind, to the start of a partition that has lost the records before. It returns what is missed
// by that; nil: nothing.
func (l *Listener) catchUp(ctx context.Context) (*Missed, error) {
	logs, err := l.logs(ctx)
	if err != nil {
		return nil, err
	}
	l.checked = time.Now()
	began := l.next
	next, reason, err := advance(logs, began, l.feed.options.Limits.Backlog)
	if err != nil {
		return nil, err
	}
	l.next = next
	l.seek(began)
	l.lost = false
	if began == nil || reason == "" {
		return nil, nil //nolint:nilnil // nothing is missed
	}
	missed := &Missed{Kind: wire.KindMissed, Reason: reason}
	for _, t := range l.layout.topics {
		for p := range t.partitions {
			if from, to := began[t.first+p], next[t.first+p]; from < to {
				missed.Records += to - from
				missed.Partitions = append(missed.Partitions, Span{
					Topic: t.Name, Partition: int32(p), From: from, To: to,
				})
			}
		}
	}
	return missed, nil
}

// advance returns the offsets to go on with, and why they are others than now; empty: they are not.
// Without offsets it is the end. The error is ErrPosition if a partition has never been there.
func advance(logs []log, now []int64, most int64) (next []int64, reason string, err error) {
	next = make([]int64, len(logs))
	var behind int64
	for i, log := range logs {
		next[i] = log.end
		if now == nil {
			continue
		}
		if now[i] > log.end {
			return nil, "", fmt.Errorf("%w: offset %d, the log ends at %d", ErrPosition, now[i], log.end)
		}
		if next[i] = now[i]; now[i] < log.start {
			next[i], reason = log.start, wire.MissedRetention
		}
		behind += log.end - next[i]
	}
	if behind > most {
		reason = wire.MissedBacklog
		for i, log := range logs {
			next[i] = log.end
		}
	}
	return next, reason, nil
}

// logs asks what the brokers have.
func (l *Listener) logs(ctx context.Context) ([]log, error) {
	admin := kadm.NewClient(l.client)
	names := make([]string, len(l.layout.topics))
	for i, t := range l.layout.topics {
		names[i] = t.Name
	}
	starts, err := admin.ListStartOffsets(ctx, names...)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: ask where its topics begin: %w", ErrUnavailable, err)
	}
	ends, err := admin.ListCommittedOffsets(ctx, names...)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: ask where its topics end: %w", ErrUnavailable, err)
	}
	logs := make([]log, 0, l.layout.size)
	for _, t := range l.layout.topics {
		for p := range int32(t.partitions) {
			start, has := starts.Lookup(t.Name, p)
			end, hasEnd := ends.Lookup(t.Name, p)
			if !has || !hasEnd {
				return nil, fmt.Errorf("%w: %s/%d was left out", ErrUnavailable, t.Name, p)
			}
			logs = append(logs, log{start.Offset, end.Offset})
		}
	}
	return logs, nil
}

// seek makes the consumer read on at l.next where that is not where it was. What it has fetched
// there already is forgotten.
func (l *Listener) seek(was []int64) {
	leave := make(map[string][]int32)
	enter := make(map[string]map[int32]kgo.Offset)
	for _, t := range l.layout.topics {
		for p := range t.partitions {
			at := l.next[t.first+p]
			if l.reading && !l.lost && was[t.first+p] == at {
				continue
			}
			if enter[t.Name] == nil {
				enter[t.Name] = make(map[int32]kgo.Offset)
			}
			enter[t.Name][int32(p)] = kgo.NewOffset().At(at)
			leave[t.Name] = append(leave[t.Name], int32(p))
		}
	}
	if l.reading {
		l.client.RemoveConsumePartitions(leave)
	}
	l.client.AddConsumePartitions(enter)
	l.reading = true
}
