package views

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// watchMost is the longest between two looks at how far a copy is behind.
const watchMost = 5 * time.Second

// runWatch asks the brokers again and again how far the copy is behind, until ctx ends. Sarama's consumer
// does not say that its fetches fail for good, and Goka calls a view running that takes in nothing.
func (l *live) runWatch(ctx context.Context, client *kgo.Client) {
	watch, faults := kafka.NewWatch(client, nil), kafka.NewFaultLog(l.logger)
	for {
		select {
		case <-time.After(min(l.limits.StallAfter/4, watchMost)):
		case <-ctx.Done():
			return
		}
		asking, cancel := context.WithTimeout(ctx, l.kafka.WithDefaults().RequestTimeout)
		standings := watch.Look(asking, l.whereabouts())
		cancel()
		if ctx.Err() != nil {
			return
		}
		l.judge(standings, faults)
	}
}

// whereabouts are the next offsets of the partitions that are open.
func (l *live) whereabouts() map[kafka.TopicPartition]int64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	at := make(map[kafka.TopicPartition]int64, len(l.parts))
	for partition, part := range l.parts {
		if part == nil {
			continue
		}
		if offset, err := part.GetOffset(-1); err == nil {
			at[kafka.TopicPartition{Topic: l.topic, Partition: int32(partition)}] = offset + 1
		}
	}
	return at
}

// judge notes what stands still: there is something to take in, and nothing of it was for Limits.StallAfter.
func (l *live) judge(standings map[kafka.TopicPartition]kafka.Standing, faults *kafka.FaultLog) {
	var still []string
	lags := make(map[int]int64, len(standings))
	for partition := range int32(l.partitions()) {
		place := kafka.TopicPartition{Topic: l.topic, Partition: partition}
		at, is := standings[place]
		if !is {
			continue
		}
		if at.Lag >= 0 {
			lags[int(partition)] = at.Lag
		}
		if at.Waits.IsZero() || time.Since(at.Waits) < l.limits.StallAfter {
			continue
		}
		why := "no fetch of the live tail brings it"
		if at.Err != nil {
			why = at.Err.Error()
		}
		if l.holding != nil {
			l.holding.reopen(place, fmt.Errorf("it lacks what is at offset %d since %s", at.At,
				at.Waits.UTC().Format(time.RFC3339)))
			continue
		}
		still = append(still, fmt.Sprintf("%s stands still at offset %d since %s: %s", place, at.At,
			at.Waits.UTC().Format(time.RFC3339), why))
	}
	const what = "a view stands still"
	var err error
	if len(still) > 0 {
		err = notReady(strings.Join(still, "; "))
		faults.Failed(slog.LevelError, what, err)
	} else {
		faults.Ended(what)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stalled, l.behind = err, lags
}

// lags returns how many offsets each open partition is behind its topic's end, as the brokers told.
func (l *live) lags() map[int]int64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.behind
}

// watched reports whether the copy is compared with the end of its topic. In Owned placement, rows are
// the processor's, and commands that wait are its backlog: the engine watches both. Results and events
// that the copy lacks were written by somebody else; it is opened anew, and reads them.
func (l *live) watched() bool {
	return l.holding == nil || l != l.holding.table && l != l.holding.commands
}
