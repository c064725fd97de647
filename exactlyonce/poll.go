package exactlyonce

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/exactlyonce/internal/outbox"
	"refold/kafka"
)

// How records come from the brokers to Goka's callbacks.

// poll waits for at most n records.
func (r *run) poll(n int) {
	ctx, cancel := context.WithCancel(context.Background())
	r.cancelPoll = cancel
	r.work.Go(func() {
		fetches := r.consumer.PollRecords(ctx, n)
		r.noteErrors(ctx, fetches)
		cancel()
		r.post(func() { r.onPolled(fetches) })
	})
}

// take polls without waiting: it brings what was fetched already.
func (r *run) take(n int) {
	r.work.Go(func() {
		fetches := r.consumer.PollRecords(nil, n) //nolint:staticcheck // no context: what is there
		r.noteErrors(context.Background(), fetches)
		r.post(func() { r.onPolled(fetches) })
	})
}

// pollErrorPause is the pause after a poll that failed at once.
const pollErrorPause = 100 * time.Millisecond

// noteErrors counts and logs the errors of a poll; the client tries again by itself.
func (r *run) noteErrors(ctx context.Context, fetches kgo.Fetches) {
	found := false
	fetches.EachError(func(topic string, partition int32, err error) {
		if errors.Is(err, context.Canceled) || errors.Is(err, kgo.ErrClientClosed) {
			return
		}
		found = true
		r.engine.cfg.Metrics.fetchError()
		r.engine.faults.Failed(slog.LevelWarn, "fetch", err, "topic", topic, "partition", partition)
	})
	if found && fetches.NumRecords() == 0 {
		kafka.Sleep(ctx, pollErrorPause)
	}
}

func (r *run) onPolled(fetches kgo.Fetches) {
	if err := r.session.strays(fetches); err != nil {
		r.engine.log.Error("the session ends: its batch would move offsets of records that nobody handles",
			"error", err)
		r.do(r.machine.Strayed(err))
		return
	}
	spans := spansOf(fetches)
	r.fetched = fetches
	r.do(r.machine.Polled(spans))
	r.fetched = nil
	if len(spans) > 0 {
		r.engine.faults.Ended("fetch")
	}
	if r.session != nil {
		r.unreadable(r.session, fetches)
	}
}

// spansOf describes what a poll brought, by partition.
func spansOf(fetches kgo.Fetches) (spans []span) {
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if len(p.Records) == 0 {
			return
		}
		s := span{
			Partition: kafka.TopicPartition{Topic: p.Topic, Partition: p.Partition},
			First:     p.Records[0].Offset,
			Next:      p.Records[len(p.Records)-1].Offset + 1,
			Records:   len(p.Records),
		}
		for _, rec := range p.Records {
			s.Bytes += outbox.RecordSize(rec.Key, rec.Value, rec.Headers)
		}
		spans = append(spans, s)
	})
	return spans
}

func (r *run) dispatch() {
	s := r.session
	r.handling, r.dispatched, r.counted = true, time.Now(), r.fetched.NumRecords()
	r.fetched.EachPartition(func(p kgo.FetchTopicPartition) {
		if len(p.Records) == 0 {
			return
		}
		last := p.Records[len(p.Records)-1]
		if at := kafka.ReadTime(last.Timestamp); at.After(r.newest) {
			r.newest = at
		}
		if r.engine.cfg.Tracer != nil {
			r.links.add(p.Records)
		}
	})
	if r.engine.cfg.Committed != nil {
		r.inputsTaken = append(r.inputsTaken, r.fetched)
	}
	s.dispatch(r.fetched)
}

func (r *run) onHandled() {
	took := time.Since(r.dispatched)
	r.handling = false
	r.engine.cfg.Metrics.handled(took)
	staged := r.engine.outbox.Size() + r.session.size()
	written := staged - r.staged
	r.staged = staged
	r.do(r.machine.Handled(r.counted, written, took))
}
