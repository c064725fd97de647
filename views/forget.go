package views

import (
	"context"
	"errors"
	"time"

	"github.com/IBM/sarama"
)

// forgetting finds out what of a partition is too old now. some then drops at most limit records of
// it and reports whether there are more; nil: there is nothing to drop.
type forgetting func(l *live, partition int32) (
	some func(part follower, limit int) (more bool, err error), err error)

// runForget drops what is too old, now and then, until ctx ends.
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

func (l *live) forgetIn(partition int32) error {
	var errs []error
	for _, f := range l.forgets {
		some, err := f(l, partition)
		for more := some != nil && err == nil; more && err == nil; {
			more, err = l.forgetSome(partition, some)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// forgetSome drops a limited number of records, so that closing the follower never waits for long.
func (l *live) forgetSome(partition int32, some func(follower, int) (bool, error)) (bool, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if int(partition) >= len(l.parts) || l.parts[partition] == nil || !l.restored && l.holding == nil {
		return false, nil
	}
	return some(l.parts[partition], l.limits.ForgetRecords)
}

// forgetDropped drops what is below the beginning of a partition's log: what the topic has dropped.
func forgetDropped(l *live, partition int32) (func(follower, int) (bool, error), error) {
	l.mu.RLock()
	session := l.session
	l.mu.RUnlock()
	if session == nil {
		return nil, nil //nolint:nilnil // nothing to drop now: that is no error
	}
	start, err := (topicManager{session}).GetOffset(l.topic, partition, sarama.OffsetOldest)
	return func(part follower, limit int) (bool, error) { return forget(part, start, limit) }, err
}

// partitions returns how many partitions the copy has now.
func (l *live) partitions() int {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return len(l.parts)
}
