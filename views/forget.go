package views

import (
	"context"
	"time"

	"github.com/IBM/sarama"
)

// runForget drops from an index, now and then, what its topic has dropped, until ctx ends.
func (l *live) runForget(ctx context.Context) {
	ticks := time.NewTicker(l.limits.ForgetInterval)
	defer ticks.Stop()
	for {
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return
		}
		for partition := range l.partitions() {
			if err := l.forgetIn(int32(partition)); err != nil {
				l.logger.WarnContext(ctx, "can't forget expired records, will try again",
					"partition", partition, "error", err)
			}
		}
	}
}

// forgetIn drops what is below the beginning of a partition's log.
func (l *live) forgetIn(partition int32) error {
	l.mu.RLock()
	session := l.session
	l.mu.RUnlock()
	if session == nil {
		return nil
	}
	start, err := (topicManager{session}).GetOffset(l.topic, partition, sarama.OffsetOldest)
	if err != nil {
		return err
	}
	for more := true; more && err == nil; {
		more, err = l.forgetSome(partition, start)
	}
	return err
}

// forgetSome drops a limited number of records, so that nobody who wants to close the follower
// waits for long.
func (l *live) forgetSome(partition int32, start int64) (more bool, err error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if int(partition) >= len(l.parts) || l.parts[partition] == nil || !l.restored {
		return false, nil
	}
	return forget(l.parts[partition], start, l.limits.ForgetRecords)
}

// partitions returns how many partitions the copy has now.
func (l *live) partitions() int {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return len(l.parts)
}

// lags returns, by partition, how many offsets the copy is behind the end of the topic.
func (l *live) lags() map[int]int64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	lags := make(map[int]int64, len(l.parts))
	if l.session == nil {
		return lags
	}
	ends := l.session.consumer.HighWaterMarks()[l.topic]
	for partition, part := range l.parts {
		end, known := ends[int32(partition)]
		if part == nil || !known {
			continue
		}
		if offset, err := part.GetOffset(-1); err == nil {
			lags[partition] = max(end-offset-1, 0)
		}
	}
	return lags
}
