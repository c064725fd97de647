package views

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// forgetting drops what of a partition is too old.
type forgetting interface {
	// look finds out what is too old, does what is cheap, and reports whether steps are due. start is the
	// beginning of the partition's log, or notKnown.
	look(l *live, partition int32, start int64) (due bool, err error)
	// step looks at no more than limit records. It reports whether more steps are due.
	step(part follower, partition int32, limit int) (more bool, err error)
}

// notKnown stands for the beginning of a log that the broker does not tell now.
const notKnown = -1

// due is a forgetting with steps that are to be made.
type due struct {
	forgetting

	partition int32
}

// runForget drops what is too old, now and then, until ctx ends. It makes one step at a time, whatever
// partition it is of, with a pause behind it, so that a long removal takes only a small part of a processor.
func (l *live) runForget(ctx context.Context) {
	looks := time.NewTicker(l.limits.ForgetInterval)
	defer looks.Stop()
	pauses := time.NewTicker(l.limits.ForgetPause)
	defer pauses.Stop()
	var queue []due
	for {
		paused := pauses.C
		if len(queue) == 0 {
			paused = nil
		}
		select {
		case <-looks.C:
			queue = l.lookAll(ctx, queue)
		case <-paused:
			more, err := l.forgetSome(queue[0])
			l.cannotForget(ctx, queue[0].partition, err)
			if !more {
				queue = queue[1:]
			}
		case <-ctx.Done():
			return
		}
	}
}

// lookAll looks at all partitions and puts those with steps that are due into the queue, once each.
func (l *live) lookAll(ctx context.Context, queue []due) []due {
	starts, err := l.logStarts(ctx)
	if err != nil && ctx.Err() == nil {
		l.logger.WarnContext(ctx, "can't ask for the beginning of the log, will try again", "error", err)
	}
	for partition := range int32(l.partitions()) {
		for _, f := range l.forgets {
			is, err := f.look(l, partition, starts.of(partition))
			l.cannotForget(ctx, partition, err)
			if d := (due{f, partition}); is && !slices.Contains(queue, d) {
				queue = append(queue, d)
			}
		}
	}
	return queue
}

func (l *live) cannotForget(ctx context.Context, partition int32, err error) {
	if err != nil {
		l.logger.WarnContext(ctx, "can't forget expired records, will try again",
			"partition", partition, "error", err)
	}
}

// forgetIn drops what of a partition is too old, all at once.
func (l *live) forgetIn(ctx context.Context, partition int32) error {
	if len(l.forgets) == 0 {
		return nil
	}
	starts, err := l.logStarts(ctx)
	errs := []error{err}
	for _, f := range l.forgets {
		more, err := f.look(l, partition, starts.of(partition))
		for more && err == nil {
			more, err = l.forgetSome(due{f, partition})
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// forgetSome makes one step, so that closing the follower never waits for long.
func (l *live) forgetSome(d due) (more bool, err error) {
	err = l.with(d.partition, func(part follower) error {
		more, err = d.step(part, d.partition, l.limits.ForgetRecords)
		return err
	})
	return more, err
}

// with calls fn with the follower of a partition, if that is open and readable.
func (l *live) with(partition int32, fn func(part follower) error) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	part := l.followed[partition]
	if int(partition) < len(l.parts) && l.parts[partition] != nil {
		part = l.parts[partition]
	}
	if part == nil || !l.restored && l.holding == nil {
		return nil
	}
	return fn(part)
}

// starts are the beginnings of a topic's logs, by partition, as far as they are known.
type starts map[int32]int64

func (s starts) of(partition int32) int64 {
	if start, known := s[partition]; known {
		return start
	}
	return notKnown
}

// logStarts asks the brokers where the topic's logs begin, by one request to each of them, whatever copies
// are kept here. It returns none while Views.Run is not running.
func (l *live) logStarts(ctx context.Context) (starts, error) {
	client := l.client.Load()
	if client == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, l.kafka.WithDefaults().RequestTimeout)
	defer cancel()
	listed, err := kadm.NewClient(client).ListStartOffsets(ctx, l.topic)
	if err != nil {
		return nil, fmt.Errorf("list the first offsets of %s: %w", l.topic, err)
	}
	known := make(starts)
	listed.Each(func(at kadm.ListedOffset) {
		if at.Err == nil {
			known[at.Partition] = at.Offset
		}
	})
	if err := listed.Error(); err != nil {
		return known, fmt.Errorf("list the first offsets of %s: %w", l.topic, err)
	}
	return known, nil
}

// partitions returns how many partitions the copy has now.
func (l *live) partitions() int {
	l.mu.RLock()
	defer l.mu.RUnlock()
	n := len(l.parts)
	for p := range l.followed {
		n = max(n, int(p)+1)
	}
	return n
}
