package exactlyonce

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"refold/kafka"
)

// How a worker finds out that a partition stands still, whatever the cause.

// watchMost is the longest time between two checks, and so the greatest age of the lag metric.
const watchMost = 5 * time.Second

// watchEvery returns the time between two checks: there are several before a partition is said to stand
// still.
func (c Config) watchEvery() time.Duration { return min(c.StallAfter/4, watchMost) }

// stalls keeps which partitions of a session stand still.
type stalls struct{ err atomic.Pointer[error] }

func (s *stalls) set(err error) { s.err.Store(&err) }

// because returns nil while no partition stands still; otherwise an error that names each, since when, and
// why as far as it is known.
func (s *stalls) because() error {
	if err := s.err.Load(); err != nil {
		return *err
	}
	return nil
}

// watch asks the brokers again and again how far the session is behind, and reports partitions that make no
// progress. The client's fetches do not show it: they may fail without an error, and a batch may wait for
// ever.
func (r *run) watch(s *session) {
	look := kafka.NewWatch(r.engine.admin, r.topics.ids)
	for kafka.Sleep(s.ctx, r.engine.cfg.watchEvery()) {
		at, is, doing := r.whereabouts(s)
		if !is {
			return
		}
		ctx, cancel := context.WithTimeout(s.ctx, r.engine.cfg.Kafka.RequestTimeout)
		standings := look.Look(ctx, at)
		cancel()
		if s.ctx.Err() != nil {
			return
		}
		s.judge(standings, doing)
	}
}

// whereabouts returns the session's committed offsets, and doing, the reason that is known why no more is
// committed. is reports whether the session still is the run's.
func (r *run) whereabouts(s *session) (at map[kafka.TopicPartition]int64, is bool, doing error) {
	answer := make(chan struct{})
	if !r.post(func() {
		at = make(map[kafka.TopicPartition]int64, len(s.claims))
		for tp := range s.claims {
			offset, seen := r.machine.Committed(tp)
			if !seen {
				offset = s.begins.at[tp]
			}
			at[tp] = offset
		}
		doing, is = r.doing(), r.session == s
		close(answer)
	}) {
		return nil, false, nil
	}
	select {
	case <-answer:
		return at, is, doing
	case <-r.done:
		return nil, false, nil
	}
}

// doing returns what the run is waiting for, which may be why nothing is committed.
func (r *run) doing() error {
	switch status := *r.engine.status.Load(); {
	case status != nil:
		return status
	case r.handling:
		return fmt.Errorf("records of this or other partitions are being handled since %s: a callback "+
			"is slow, or waits", r.dispatched.Format(time.TimeOnly))
	case r.flight != nil:
		return fmt.Errorf("a transaction is under way since %s", r.flight.started.Format(time.TimeOnly))
	}
	return errors.New("no fetch brings any of it")
}

// judge reports the partitions that stand still, sets the metrics, and holds partitions that can't be read:
// the client would go on trying, without reporting errors that it takes for passing ones.
func (s *session) judge(standings map[kafka.TopicPartition]kafka.Standing, doing error) {
	var still []error
	for _, tp := range slices.SortedFunc(maps.Keys(standings), kafka.TopicPartition.Compare) {
		at := standings[tp]
		s.measure(tp, at)
		switch {
		case at.Waits.IsZero():
			s.holds.moves(tp)
			continue
		case kafka.MadeAgain(at.Err),
			// For a moment, the end that a new leader knows may be a little less.
			errors.Is(at.Err, kafka.ErrOffsetOutOfRange) &&
				time.Since(at.Waits) >= s.engine.cfg.watchEvery():
			s.lost(fmt.Errorf("%s: %w", tp, at.Err))
			return
		case kafka.Refused(at.Err):
			s.holdUnreadable(tp, at.Err)
		}
		if time.Since(at.Waits) < s.engine.cfg.StallAfter || s.holds.has(tp) {
			continue // Ready names held partitions anyway
		}
		why := doing
		if at.Err != nil {
			why = at.Err
		}
		still = append(still, fmt.Errorf("%s stands still at offset %d: %s, and nothing of it has been "+
			"committed since %s; the cause, as far as it is known: %w", tp, at.At, behind(at.Lag),
			at.Waits.UTC().Format(time.RFC3339), why))
	}
	s.says(errors.Join(still...))
}

// behind describes a lag.
func behind(lag int64) string {
	if lag < 0 {
		return "the brokers don't tell where it ends"
	}
	return fmt.Sprintf("%d offsets are waiting", lag)
}

// says notes for Ready what stands still, and logs it.
func (s *session) says(still error) {
	s.stalls.set(still)
	const what = "partitions stand still"
	if still == nil {
		s.engine.faults.Ended(what)
		return
	}
	s.engine.faults.Failed(slog.LevelError, what, still)
}

// measure sets the metrics of a partition. A lag that is not known is not shown.
func (s *session) measure(tp kafka.TopicPartition, at kafka.Standing) {
	m := s.engine.cfg.Metrics
	if m == nil {
		return
	}
	labels := labelsOf(tp)
	if at.Lag < 0 {
		m.lag.Delete(labels)
	} else {
		m.lag.With(labels).Set(float64(at.Lag))
	}
	waits := 0.0
	if !at.Waits.IsZero() {
		waits = time.Since(at.Waits).Seconds()
	}
	m.stalled.With(labels).Set(waits)
}

// holdUnreadable holds a partition until a fetch of its next offset is answered.
func (s *session) holdUnreadable(tp kafka.TopicPartition, why error) {
	s.hold(hold{
		cause: causeFetch,
		why:   fmt.Errorf("it can't be fetched, and goes on by itself when it can: %w", why),
		again: func(ctx context.Context, tp kafka.TopicPartition) error {
			ctx, cancel := context.WithTimeout(ctx, s.engine.cfg.Kafka.RequestTimeout)
			defer cancel()
			err := kafka.Readable(ctx, s.engine.admin, tp, s.position(tp))
			if err == nil || errors.Is(err, kafka.ErrOffsetOutOfRange) || kafka.MadeAgain(err) {
				return nil // the consumer finds these errors, and a new session judges them
			}
			return fmt.Errorf("it can't be fetched, and goes on by itself when it can: %w", err)
		},
	}, tp)
}
